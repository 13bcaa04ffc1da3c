/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: what the parts of the RC transport share. */
#ifndef VIB_RC_H
#define VIB_RC_H

#include "vib_verbs.h"

#define VIB_PSN_MASK	0xffffff

/* Kinds of acknowledge, vib_pkt.aeth.syndrome. */
enum vib_syndrome {
	VIB_ACK,	/* all up to the PSN has arrived */
	VIB_NAK_RNR,	/* no receive request; credit is the RNR timer value */
	VIB_NAK,	/* credit is enum vib_nak */
};

/* Reasons of a VIB_NAK, vib_pkt.aeth.credit. */
enum vib_nak {
	VIB_NAK_SEQUENCE,
	VIB_NAK_REQUEST,
	VIB_NAK_ACCESS,
	VIB_NAK_OPERATION,
};

/* Difference of two PSNs, signed, 24 bits wide. */
static inline s32 vib_psn_diff(u32 a, u32 b)
{
	return (s32)((a - b) << 8) >> 8;
}

static inline u32 vib_rc_mtu(const struct vib_qp *qp)
{
	return ib_mtu_enum_to_int(qp->attr.path_mtu);
}

/* Most payload bytes of a burst: whole packets. */
static inline u32 vib_rc_burst(const struct vib_qp *qp)
{
	return rounddown(VIB_BURST_MAX, vib_rc_mtu(qp));
}

/* Packets, and so PSNs, that a number of bytes takes. */
static inline u32 vib_rc_npkts(const struct vib_qp *qp, u32 len)
{
	return max(1U, DIV_ROUND_UP(len, vib_rc_mtu(qp)));
}

/* vib_rc.c */
void vib_rc_xmit(struct vib_qp *qp, struct vib_pkt *pkt);
struct vib_pkt *vib_rc_pop(struct vib_qp *qp, struct list_head *queue);

/* vib_rc_req.c */
void vib_rc_req_init(struct vib_qp *qp);
void vib_rc_req_ready(struct vib_qp *qp);
void vib_rc_req_stop(struct vib_qp *qp);
bool vib_rc_req_run(struct vib_qp *qp);

/* vib_rc_resp.c */
void vib_rc_resp_ready(struct vib_qp *qp);
void vib_rc_resp_stop(struct vib_qp *qp);
void vib_rc_resp_flush(struct vib_qp *qp);
bool vib_rc_resp_run(struct vib_qp *qp);

#endif /* VIB_RC_H */
