// SPDX-License-Identifier: GPL-2.0-only
/* vib: receive queues, of a QP or shared. */

#include <linux/log2.h>
#include <linux/slab.h>

#include "vib_verbs.h"

static struct vib_rwqe *vib_rq_slot(struct vib_rq *rq, u32 idx)
{
	return rq->ring + (size_t)(idx & rq->mask) * rq->stride;
}

/**
 * vib_rq_init() - set a receive queue up
 * @rq: the queue, zeroed but for @rq->mem
 * @max_wr: requests that may wait
 * @max_sge: scatter entries of a request
 *
 * Context: process, sleeps.
 * Return: 0, -EINVAL when a size is out of range, -ENOMEM.
 */
int vib_rq_init(struct vib_rq *rq, u32 max_wr, u32 max_sge)
{
	if (max_wr > VIB_MAX_QP_WR || max_sge > VIB_MAX_SGE)
		return -EINVAL;
	spin_lock_init(&rq->lock);
	rq->max_wr = max_wr;
	rq->max_sge = max_sge;
	rq->stride = offsetof(struct vib_rwqe, sge[max_sge]);
	rq->mask = roundup_pow_of_two(max(max_wr, 1U)) - 1;
	rq->ring = kvcalloc(rq->mask + 1, rq->stride, GFP_KERNEL);
	return rq->ring ? 0 : -ENOMEM;
}

/**
 * vib_rq_free() - free what vib_rq_init() allocated
 * @rq: the queue, not in use any more
 */
void vib_rq_free(struct vib_rq *rq)
{
	kvfree(rq->ring);
}

/**
 * vib_rq_post() - append one request
 * @rq: the queue
 * @wr: the request
 *
 * Context: any, with @rq->lock held.
 * Return: 0, -EINVAL for too many entries, -ENOMEM when the queue is full.
 */
int vib_rq_post(struct vib_rq *rq, const struct ib_recv_wr *wr)
{
	struct vib_rwqe *rwqe;
	int i;

	lockdep_assert_held(&rq->lock);
	if (wr->num_sge < 0 || wr->num_sge > rq->max_sge)
		return -EINVAL;
	if (rq->head - rq->tail >= rq->max_wr)
		return -ENOMEM;
	rwqe = vib_rq_slot(rq, rq->head);
	rwqe->wr_id = wr->wr_id;
	rwqe->num_sge = wr->num_sge;
	rwqe->length = 0;
	for (i = 0; i < wr->num_sge; i++) {
		rwqe->sge[i] = wr->sg_list[i];
		rwqe->length += wr->sg_list[i].length;
	}
	rq->head++;
	return 0;
}

/**
 * vib_rq_take() - take the next request that a QP may use
 * @qp: the QP
 * @rwqe: gets a copy, so that the slot is free at once
 *
 * Context: any.
 * Return: false when there is none.
 */
bool vib_rq_take(struct vib_qp *qp, struct vib_rwqe *rwqe)
{
	struct vib_rq *rq = vib_qp_rq(qp);
	const struct vib_rwqe *slot;
	bool low = false;
	unsigned long flags;

	if (vib_fault_hit(qp->hca, VIB_FAULT_RQ_EMPTY, qp->ibqp.qp_num))
		return false;
	spin_lock_irqsave(&rq->lock, flags);
	if (rq->head == rq->tail) {
		spin_unlock_irqrestore(&rq->lock, flags);
		return false;
	}
	slot = vib_rq_slot(rq, rq->tail);
	memcpy(rwqe, slot, offsetof(struct vib_rwqe, sge[slot->num_sge]));
	rq->tail++;
	if (rq->head - rq->tail < rq->limit) {
		rq->limit = 0;
		low = true;
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	if (low)
		queue_work(vib_wq, &to_vsrq(qp->ibqp.srq)->limit_work);
	return true;
}

/**
 * vib_rq_reset() - forget all requests
 * @rq: the queue
 *
 * Context: any.
 */
void vib_rq_reset(struct vib_rq *rq)
{
	unsigned long flags;

	spin_lock_irqsave(&rq->lock, flags);
	rq->tail = rq->head;
	spin_unlock_irqrestore(&rq->lock, flags);
}

/**
 * vib_rq_flush() - complete all requests of a QP in error as flushed
 * @qp: the QP; the requests of an SRQ stay for other QPs
 *
 * Context: the QP's tasklet, or under @qp->recv_lock for a datagram QP, so
 * that a receive in progress completes before those behind it.
 */
void vib_rq_flush(struct vib_qp *qp)
{
	struct ib_wc wc = {
		.opcode = IB_WC_RECV,
		.status = IB_WC_WR_FLUSH_ERR,
		.qp = &qp->ibqp,
	};
	struct vib_rq *rq = &qp->rq;
	unsigned long flags;

	if (qp->ibqp.srq)
		return;
	for (;;) {
		spin_lock_irqsave(&rq->lock, flags);
		if (rq->head == rq->tail)
			break;
		wc.wr_id = vib_rq_slot(rq, rq->tail++)->wr_id;
		spin_unlock_irqrestore(&rq->lock, flags);
		vib_cq_add(to_vcq(qp->ibqp.recv_cq), &wc, false);
	}
	spin_unlock_irqrestore(&rq->lock, flags);
}
