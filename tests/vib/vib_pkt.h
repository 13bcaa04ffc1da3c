/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: packets on the virtual wire. */
#ifndef VIB_PKT_H
#define VIB_PKT_H

#include <linux/refcount.h>
#include <rdma/ib_verbs.h>

#define VIB_BURST_MAX	30720	/* most payload bytes of one vib_pkt */

/**
 * enum vib_op - what a packet is, in the place of the BTH opcode
 * @VIB_OP_UD_SEND: datagram; also every SMI and GSI packet
 * @VIB_OP_RC_SEND: part of an RC SEND message
 * @VIB_OP_RC_WRITE: part of an RC RDMA WRITE message
 * @VIB_OP_RC_READ: RC RDMA READ request
 * @VIB_OP_RC_READ_RESP: part of the data that an RC RDMA READ asked for
 * @VIB_OP_RC_ACK: RC acknowledge, positive or negative
 */
enum vib_op {
	VIB_OP_UD_SEND,
	VIB_OP_RC_SEND,
	VIB_OP_RC_WRITE,
	VIB_OP_RC_READ,
	VIB_OP_RC_READ_RESP,
	VIB_OP_RC_ACK,
};

/* Flags of a packet. */
#define VIB_PKT_GRH		BIT(0)	/* @grh is on the wire */
#define VIB_PKT_SOLICITED	BIT(1)	/* solicited event */
#define VIB_PKT_IMM		BIT(2)	/* @imm is on the wire */
#define VIB_PKT_FIRST		BIT(3)	/* first part of an RC message */
#define VIB_PKT_LAST		BIT(4)	/* last part of an RC message */
#define VIB_PKT_ACKREQ		BIT(5)	/* RC: acknowledge requested */

/**
 * struct vib_pkt - a packet, or a burst of back-to-back packets of one QP
 * @list: for whoever holds the only reference (RC queue, delay queue)
 * @ref: references; the contents may change only while there is just one
 * @slid: source LID
 * @dlid: destination LID
 * @pkey: P_Key, with the membership bit
 * @sl: service level
 * @op: enum vib_op
 * @flags: VIB_PKT_*
 * @in_port: switch port it came in by, while the switch's agents hold it
 * @npkts: MTU-sized packets that a burst stands for (counters, PSNs); >= 1
 * @dqpn: destination QPN, 0xffffff for multicast
 * @sqpn: source QPN
 * @qkey: Q_Key; datagrams only
 * @psn: PSN of the first packet of the burst; RC only
 * @imm: immediate data
 * @reth: target of an RDMA operation
 * @aeth: acknowledge; @aeth.credit tells RNR timer or NAK code by syndrome
 * @grh: global route header, valid with VIB_PKT_GRH
 * @len: payload bytes in @data
 * @data: payload behind all headers (the MAD of a management packet)
 */
struct vib_pkt {
	struct list_head list;
	refcount_t ref;
	u16 slid;
	u16 dlid;
	u16 pkey;
	u8 sl;
	u8 op;
	u8 flags;
	u8 npkts;
	u8 in_port;
	u32 dqpn;
	u32 sqpn;
	u32 qkey;
	u32 psn;
	__be32 imm;
	union {
		struct {
			u64 vaddr;
			u32 rkey;
			u32 len;
		} reth;
		struct {
			u32 msn;
			u8 syndrome;
			u8 credit;
		} aeth;
	};
	struct ib_grh grh;
	u32 len;
	u8 data[] __aligned(8);
};

static inline bool vib_lid_is_mcast(u16 lid)
{
	return lid >= 0xc000 && lid != 0xffff;
}

struct vib_pkt *vib_pkt_alloc(u32 len, gfp_t gfp);
struct vib_pkt *vib_pkt_clone(const struct vib_pkt *pkt, gfp_t gfp);
void vib_pkt_put(struct vib_pkt *pkt);

#endif /* VIB_PKT_H */
