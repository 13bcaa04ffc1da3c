/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: where faults can be injected into the verbs half. */
#ifndef VIB_FAULT_H
#define VIB_FAULT_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct vib_hca;

/**
 * enum vib_fault_point - places in the verbs half where a fault can be armed
 * @VIB_FAULT_POST_SEND: ib_post_send() fails with -ENOMEM; key = QPN
 * @VIB_FAULT_CREATE_QP: ib_create_qp() fails with -ENOMEM
 * @VIB_FAULT_CREATE_CQ: ib_create_cq() fails with -ENOMEM
 * @VIB_FAULT_CREATE_AH: ib_create_ah() fails with -ENOMEM
 * @VIB_FAULT_SLOW_AH: ib_create_ah() takes long, where it may sleep
 * @VIB_FAULT_RQ_EMPTY: a receive finds no buffer; key = QPN
 * @VIB_FAULT_CQ_NOTIFY: a completion event is lost; key = QPN that completed
 * @VIB_FAULT_SEND_STATUS: the next send of a QP completes with a status
 * @VIB_FAULT_RECV_STATUS: the next receive of a QP completes with a status
 * @VIB_FAULT_STALL: a send queue stands still; key = QPN
 * @VIB_FAULT_NUM: number of points
 */
enum vib_fault_point {
	VIB_FAULT_POST_SEND,
	VIB_FAULT_CREATE_QP,
	VIB_FAULT_CREATE_CQ,
	VIB_FAULT_CREATE_AH,
	VIB_FAULT_SLOW_AH,
	VIB_FAULT_RQ_EMPTY,
	VIB_FAULT_CQ_NOTIFY,
	VIB_FAULT_SEND_STATUS,
	VIB_FAULT_RECV_STATUS,
	VIB_FAULT_STALL,
	VIB_FAULT_NUM,
};

/* On while any fault is armed on any HCA, so that the hot path pays nothing. */
DECLARE_STATIC_KEY_FALSE(vib_fault_key);
int __vib_fault_hit(struct vib_hca *hca, enum vib_fault_point point, u32 key);

/**
 * vib_fault_hit() - ask whether an armed fault strikes here and now
 * @hca: HCA
 * @point: place
 * @key: QPN, or 0 where the point has no QP
 *
 * Context: any, does not sleep.
 * Return: 0 for no; else the value armed with the fault: an enum
 * ib_wc_status at the *_STATUS points, milliseconds at SLOW_AH, 1 elsewhere.
 */
static inline int vib_fault_hit(struct vib_hca *hca,
				enum vib_fault_point point, u32 key)
{
	if (static_branch_unlikely(&vib_fault_key))
		return __vib_fault_hit(hca, point, key);
	return 0;
}

#endif /* VIB_FAULT_H */
