/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vib: a virtual InfiniBand fabric. The seam between its two halves.
 *
 * Verbs half (vib_main, vib_dev, vib_qp, vib_cq, vib_srq, vib_mr, vib_ah,
 * vib_mcast, vib_ud, vib_rc): the HCAs as ib_device providers.
 * Fabric half (vib_fabric, vib_switch, vib_sma, vib_pma, vib_trap, vib_fault,
 * vib_debugfs): cables, the switch, management agents, fault injection.
 *
 * Lock order, outermost first. None is held while a packet crosses the seam,
 * so no lock of a QP is ever nested in a lock of another one.
 *   1. vib_hca_mutex        the set of HCAs; sleeps
 *   2. vib_fabric.lock      SMA tables and link states; interrupts off
 *   3. vib_qp.mutex         ib_modify_qp() and destruction of a QP; sleeps;
 *                           never together with 2
 *   4. vib_port.lock        writers of SM-owned port state
 *   5. vib_qp.recv_lock     a datagram on its way into the receive queue
 *   6. vib_qp.sq_lock       producers of the send queue, and the QP's state
 *   7. vib_rq.lock          receive queue of a QP or of an SRQ
 *   8. vib_cq.lock          completion ring
 *   vib_qp.in_lock          packets that wait for the tasklet of an RC QP;
 *                           nests with nothing
 *   vib_traps.lock, vib_switch.smp_lock, vib_rule.lock, vib_held_lock
 *                           inside any of these, and nothing inside them
 * All from 4 on are taken with interrupts off. Tables that the data path reads
 * (QPNs, multicast groups, MRs, forwarding) are protected by RCU. The state of
 * RC transport belongs to the QP's tasklet and has no lock.
 */
#ifndef VIB_H
#define VIB_H

#include <rdma/ib_mad.h>
#include <rdma/ib_verbs.h>

#include "compat.h"
#include "vib_fault.h"
#include "vib_pkt.h"

#define VIB_MAX_HCAS	64	/* module parameter nhca and indices */
#define VIB_NUM_GUIDS	32	/* entries of the GUID table of a port */
#define VIB_NUM_PKEYS	128	/* entries of the P_Key table of a port */
#define VIB_GUID_BASE	0x0256420000000000ULL

struct vib_link;

/**
 * struct vib_port_stats - traffic counters of a port, one set per CPU
 * @xmit_data: octets sent, headers included
 * @xmit_pkts: packets sent
 * @rcv_data: octets received, headers included
 * @rcv_pkts: packets received
 * @ucast_xmit: unicast packets sent
 * @ucast_rcv: unicast packets received
 * @mcast_xmit: multicast packets sent
 * @mcast_rcv: multicast packets received
 */
struct vib_port_stats {
	u64 xmit_data;
	u64 xmit_pkts;
	u64 rcv_data;
	u64 rcv_pkts;
	u64 ucast_xmit;
	u64 ucast_rcv;
	u64 mcast_xmit;
	u64 mcast_rcv;
};

/**
 * struct vib_port - the port of an HCA: what the subnet manager programs
 * @hca: the HCA
 * @link: the fabric half's end of the cable; NULL while not attached
 * @stats: traffic counters; the fabric half counts, per CPU, softirq or
 *	preemption off
 * @vl15_dropped: SMPs dropped because QP0 had no receive buffer
 * @no_receive: datagrams dropped because their QP had no receive buffer
 * @rnr_naks: times a packet of a reliable connection found no receive buffer
 * @bad_pkey: P_Key violations of this port (PortInfo)
 * @bad_qkey: Q_Key violations of this port (PortInfo)
 * @lock: held by writers of all fields below; readers of single fields use
 *	READ_ONCE() and no lock
 * @gid_prefix: subnet prefix
 * @guid: GUID table; entry 0 is the port GUID and never changes
 * @pkey: P_Key table, host order; 0 is an invalid entry
 * @cap_mask: PortInfo capability mask, enum ib_port_capability_mask_bits
 * @lid: base LID
 * @sm_lid: LID of the master SM
 * @lmc: LID mask control
 * @sm_sl: SL to reach the master SM
 * @state: enum ib_port_state
 * @phys_state: enum ib_port_phys_state
 * @active_mtu: NeighborMTU, enum ib_mtu
 * @max_mtu: MTUCap, enum ib_mtu; constant
 * @subnet_timeout: as PortInfo
 * @init_type_reply: as PortInfo
 */
struct vib_port {
	struct vib_hca *hca;
	struct vib_link *link;
	struct vib_port_stats __percpu *stats;
	atomic_t vl15_dropped;
	atomic_t no_receive;
	atomic_t rnr_naks;
	atomic_t bad_pkey;
	atomic_t bad_qkey;
	spinlock_t lock; /* writers of what follows */
	__be64 gid_prefix;
	__be64 guid[VIB_NUM_GUIDS];
	u16 pkey[VIB_NUM_PKEYS];
	u32 cap_mask;
	u16 lid;
	u16 sm_lid;
	u8 lmc;
	u8 sm_sl;
	u8 state;
	u8 phys_state;
	u8 active_mtu;
	u8 max_mtu;
	u8 subnet_timeout;
	u8 init_type_reply;
};

/**
 * struct vib_hca_caps - what an HCA can do; constant over its life
 * @lso: UD segmentation offload (IBK_UD_TSO)
 * @csum: UD IPv4 checksum offload (IB_DEVICE_UD_IP_CSUM)
 * @srq: shared receive queues exist
 * @block_mcast_loop: a QP may ask that its own multicast not come back to it
 *	(IBK_BLOCK_MULTICAST_LOOPBACK)
 * @max_mtu: enum ib_mtu, IB_MTU_2048 or IB_MTU_4096
 * @max_send_sge: gather entries of a send request, 1..32
 * @accel: kind of accelerated netdev for IPoIB, 0 for none; see vib_rn.c
 * @vectors: completion vectors, 1..VIB_MAX_VECTORS; 0 = one per online CPU
 */
struct vib_hca_caps {
	bool lso;
	bool csum;
	bool srq;
	bool block_mcast_loop;
	u8 max_mtu;
	u8 max_send_sge;
	u8 accel;
	u16 vectors;
};

#define VIB_MAX_VECTORS	256

/**
 * struct vib_hca - one HCA with one port
 * @ibdev: the device as the RDMA core sees it
 * @idx: index; the name is "vib<idx>", the GUIDs follow from it
 * @caps: what it can do, all fields resolved
 * @node_guid: node and system image GUID
 * @port: port 1
 * @registered: events may be dispatched; READ_ONCE()
 * @silent: no question gets an answer any more, see vib_client.c; READ_ONCE()
 * @pdev: parent device
 * @entry: in the list of all HCAs, under vib_hca_mutex
 * @qps: QPN to struct vib_qp
 * @mrs: key to struct vib_mr
 * @next_qpn: where the search for a free QPN starts
 * @next_key: where the search for a free key starts
 * @mcast: multicast attachments
 * @dbg: debugfs directory, owned by the fabric half
 */
struct vib_hca {
	struct ib_device ibdev;
	u32 idx;
	struct vib_hca_caps caps;
	__be64 node_guid;
	struct vib_port port;
	bool registered;
	bool silent;
	struct platform_device *pdev;
	struct list_head entry;
	struct xarray qps;
	struct xarray mrs;
	u32 next_qpn;
	u32 next_key;
	struct vib_mcast *mcast;
	struct dentry *dbg;
};

static inline struct vib_hca *to_vhca(struct ib_device *ibdev)
{
	return container_of(ibdev, struct vib_hca, ibdev);
}

/*
 * Verbs half, called by the fabric half. vib_hca_receive() is the last hop of
 * a packet: it consumes one reference, runs in any context that may not
 * sleep, on many CPUs at once, and may send (acknowledges) before it returns.
 * vib_port_event() may be called from any context; it does nothing before the
 * HCA is registered.
 */
struct vib_hca *vib_hca_create(int idx, const struct vib_hca_caps *caps);
int vib_hca_destroy(u32 idx);
void vib_hca_default_caps(struct vib_hca_caps *caps);
void vib_hca_receive(struct vib_port *port, struct vib_pkt *pkt);
void vib_port_event(struct vib_port *port, enum ib_event_type event);

/*
 * Fabric half, called by the verbs half.
 *
 * vib_fabric_add_hca(), in process context and before the HCA is registered:
 * gives the port its power-on state and plugs its cable in, link still down.
 * vib_fabric_start_hca(), when it is registered: the link trains, to INIT.
 * vib_fabric_del_hca(), when it is unregistered: when it returns, no packet
 * to or from the port is on its way any more.
 * vib_fabric_xmit(): sends from a port, consumes one reference, never sleeps,
 * runs on many CPUs at once. The sender has set pkt->slid (0xffff for a
 * directed route SMP). A multicast packet never comes back to the port it came
 * from. Unicast to the port's own LIDs comes straight back through
 * vib_hca_receive(), as a real HCA loops it back; it is sent here as well, so
 * that fault rules see it.
 * vib_{sma,pma}_process_mad(): IB_MAD_RESULT_*, as ib_device_ops.process_mad.
 * vib_trap_bad_*(): a violation was counted; send a trap. Never sleep.
 * vib_trap_local_change(): the capability mask (@change = 0) or the node
 * description (@change = IB_NOTICE_TRAP_NODE_DESC_CHG) was changed by the host.
 */
int vib_fabric_init(void);
void vib_fabric_exit(void);
int vib_fabric_add_hca(struct vib_hca *hca);
void vib_fabric_start_hca(struct vib_hca *hca);
void vib_fabric_del_hca(struct vib_hca *hca);
void vib_fabric_xmit(struct vib_port *src, struct vib_pkt *pkt);
int vib_sma_process_mad(struct vib_port *port, int flags,
			const struct ib_wc *wc, const struct ib_mad *in,
			struct ib_mad *out);
int vib_pma_process_mad(struct vib_port *port, int flags,
			const struct ib_wc *wc, const struct ib_mad *in,
			struct ib_mad *out);
void vib_trap_bad_pkey(struct vib_port *port, const struct vib_pkt *pkt);
void vib_trap_bad_qkey(struct vib_port *port, const struct vib_pkt *pkt);
void vib_trap_local_change(struct vib_port *port, u8 change);

#endif /* VIB_H */
