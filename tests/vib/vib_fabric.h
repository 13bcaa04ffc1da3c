/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: what the files of the fabric half share. */
#ifndef VIB_FABRIC_H
#define VIB_FABRIC_H

#include <linux/workqueue.h>
#include <rdma/ib_smi.h>

#include "vib.h"

#define VIB_SWITCH_MAX_PORTS	254	/* external ports, a limit of the IBA */
#define VIB_SWITCH_PKEYS	32	/* P_Keys of a switch port: one block */
#define VIB_LFT_LEN		0xc000	/* all unicast LIDs */
#define VIB_MFT_LEN		1024	/* multicast LIDs from 0xc000 up */
#define VIB_MFT_POSITIONS	16	/* port masks of 16 bits each */
#define VIB_NO_PORT		0xff	/* LFT entry: discard */
#define VIB_LID_DIRECT		0xffff	/* permissive LID */
#define VIB_VLCAP		4	/* PortInfo VLCap: VL0 to VL7 */

/**
 * enum vib_link_err - error counters of a port, beside those of vib_port
 * @VIB_ERR_LINK_DOWNED: times the link went down
 * @VIB_ERR_RCV: packets received that are no valid packet
 * @VIB_ERR_RELAY: packets the switch could not forward: no or looping route
 * @VIB_ERR_XMIT_DISCARD: packets discarded because the port cannot send them
 * @VIB_ERR_XMIT_CONSTRAINT: packets dropped by outbound P_Key enforcement
 * @VIB_ERR_RCV_CONSTRAINT: packets dropped by inbound P_Key enforcement
 * @VIB_ERR_NUM: number of counters
 */
enum vib_link_err {
	VIB_ERR_LINK_DOWNED,
	VIB_ERR_RCV,
	VIB_ERR_RELAY,
	VIB_ERR_XMIT_DISCARD,
	VIB_ERR_XMIT_CONSTRAINT,
	VIB_ERR_RCV_CONSTRAINT,
	VIB_ERR_NUM,
};

/**
 * enum vib_trap_slot - a node's traps; each is outstanding at most once
 * @VIB_TRAP_LINK_STATE: trap 128
 * @VIB_TRAP_LOCAL_CHANGE: trap 144
 * @VIB_TRAP_BAD_MKEY: trap 256
 * @VIB_TRAP_BAD_PKEY: trap 257
 * @VIB_TRAP_BAD_QKEY: trap 258
 * @VIB_TRAP_NUM: number of traps
 */
enum vib_trap_slot {
	VIB_TRAP_LINK_STATE,
	VIB_TRAP_LOCAL_CHANGE,
	VIB_TRAP_BAD_MKEY,
	VIB_TRAP_BAD_PKEY,
	VIB_TRAP_BAD_QKEY,
	VIB_TRAP_NUM,
};

/**
 * struct vib_trap - a notice that is sent until the SM represses it
 * @left: how many times it will still be sent; 0 = not outstanding
 * @tid: transaction ID, names the occurrence
 * @due: when to send it next, jiffies
 * @notice: the Notice attribute
 */
struct vib_trap {
	u8 left;
	__be64 tid;
	unsigned long due;
	u8 notice[IB_SMP_DATA_SIZE];
};

/**
 * struct vib_traps - the outstanding traps of an end port
 * @lock: protects @tid and @slot; innermost, taken with interrupts off
 * @tid: last transaction ID used
 * @slot: one entry per kind of trap
 * @work: sends what is due
 */
struct vib_traps {
	spinlock_t lock;	/* tid, slot */
	u64 tid;
	struct vib_trap slot[VIB_TRAP_NUM];
	struct delayed_work work;
};

/**
 * struct vib_link - one end of a cable: the link half of a port
 * @port: the port, of an HCA or of the switch
 * @peer: the other end of the cable; NULL without a cable
 * @num: port number on its node
 * @plugged: the cable is in (administrative link up), under vib_fabric.lock
 * @disabled: the SM disabled the port, under vib_fabric.lock
 * @retrain: the SM asked for the link to go down and up, vib_fabric.lock
 * @mkey: M_Key; end ports only, as the next four; vib_fabric.lock
 * @mkey_prot: M_Key protect bits
 * @mkey_lease: lease period, seconds; 0 = never ends
 * @lease_end: when a running lease ends, jiffies; 0 = not running
 * @mkey_violations: SMPs with a wrong M_Key
 * @width_enabled: PortInfo; vib_fabric.lock, as all below up to @vlarb
 * @speed_enabled: PortInfo
 * @down_default: PortInfo LinkDownDefaultState
 * @vl_high_limit: PortInfo
 * @stall_hoq: PortInfo VLStallCount and HOQLife
 * @vls_enforce: PortInfo OperationalVLs and the four enforcement bits
 * @phy_errs: PortInfo LocalPhyErrors and OverrunErrors
 * @sl2vl: SL to VL tables, one per input port
 * @vlarb: VL arbitration tables, low and high, two blocks each
 * @err: error counters, enum vib_link_err
 * @base: traffic counters when PortCounters was cleared; vib_fabric.lock
 * @base_ext: the same for PortCountersExtended
 * @traps: outstanding traps; end ports only
 */
struct vib_link {
	struct vib_port *port;
	struct vib_link __rcu *peer;
	u8 num;
	bool plugged;
	bool disabled;
	bool retrain;
	__be64 mkey;
	u8 mkey_prot;
	u16 mkey_lease;
	unsigned long lease_end;
	atomic_t mkey_violations;
	u8 width_enabled;
	u8 speed_enabled;
	u8 down_default;
	u8 vl_high_limit;
	u8 stall_hoq;
	u8 vls_enforce;
	u8 phy_errs;
	u8 (*sl2vl)[8];
	u8 vlarb[4][64];
	atomic_t err[VIB_ERR_NUM];
	struct vib_port_stats base;
	struct vib_port_stats base_ext;
	struct vib_traps traps;
};

/* PortInfo enforcement bits in vib_link.vls_enforce. */
#define VIB_ENFORCE_IN	0x08
#define VIB_ENFORCE_OUT	0x04

/**
 * struct vib_switch - the switch
 * @nports: external ports
 * @guid: node, system image and port GUID
 * @ports: port 0 (management) and the external ports
 * @links: the link half of each
 * @lft: LID to port
 * @mft: multicast LID to port masks
 * @lft_top: LinearFDBTop
 * @mft_top: MulticastFDBTop
 * @def_port: DefaultPort and the two default multicast ports
 * @life: SwitchInfo LifeTimeValue, shifted as on the wire
 * @psc: a port changed state since the SM last looked
 * @smp_lock: protects @smps and @nsmps
 * @smps: packets for port 0 that wait for @smp_work
 * @nsmps: how many
 * @smp_work: the agents of port 0
 */
struct vib_switch {
	u8 nports;
	__be64 guid;
	struct vib_port *ports;
	struct vib_link *links;
	u8 *lft;
	u16 (*mft)[VIB_MFT_POSITIONS];
	u16 lft_top;
	u16 mft_top;
	u8 def_port[3];
	u8 life;
	bool psc;
	spinlock_t smp_lock;	/* smps, nsmps */
	struct list_head smps;
	u32 nsmps;
	struct work_struct smp_work;
};

/**
 * struct vib_fabric - the fabric
 * @lock: serialises what subnet management and the operator change: SMA
 *	tables, link states. Interrupts off; taken before vib_port.lock
 * @wq: runs the agents of the switch, traps, link training, delays; ordered
 * @sw: the switch
 * @train_work: carries out vib_link.retrain
 */
struct vib_fabric {
	spinlock_t lock;	/* SMA tables, link states */
	struct workqueue_struct *wq;
	struct vib_switch *sw;
	struct delayed_work train_work;
};

extern struct vib_fabric vib_fabric;

/* vib_fabric.c */
int vib_link_init(struct vib_link *link, struct vib_port *port, u8 num,
		  u8 nports);
void vib_link_free(struct vib_link *link);
void vib_link_train(struct vib_link *link);
void vib_link_plug(struct vib_link *link, bool plugged);
void vib_link_retrain(struct vib_link *link);
void vib_link_transmit(struct vib_link *link, struct vib_pkt *pkt);
void vib_link_send(struct vib_link *link, struct vib_pkt *pkt);
void vib_port_power_on(struct vib_port *port);

/* vib_switch.c */
struct vib_switch *vib_switch_create(u8 nports);
void vib_switch_stop(struct vib_switch *sw);
void vib_switch_destroy(struct vib_switch *sw);
void vib_switch_receive(struct vib_switch *sw, struct vib_link *in,
			struct vib_pkt *pkt);
void vib_switch_send(struct vib_switch *sw, struct vib_pkt *pkt);

/* vib_debugfs.c */
void vib_debugfs_init(void);
void vib_debugfs_exit(void);
void vib_debugfs_add_hca(struct vib_hca *hca);
void vib_debugfs_del_hca(struct vib_hca *hca);

static inline void vib_link_count(struct vib_link *link, enum vib_link_err err)
{
	atomic_inc(&link->err[err]);
}

static inline bool vib_pkt_is_smp(const struct vib_pkt *pkt)
{
	return pkt->dqpn == 0;
}

#endif /* VIB_FABRIC_H */
