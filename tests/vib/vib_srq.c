// SPDX-License-Identifier: GPL-2.0-only
/* vib: shared receive queues. */

#include "vib_verbs.h"

static void vib_srq_limit(struct work_struct *work)
{
	struct vib_srq *srq = container_of(work, struct vib_srq, limit_work);
	struct ib_event event = {
		.device = srq->ibsrq.device,
		.element.srq = &srq->ibsrq,
		.event = IB_EVENT_SRQ_LIMIT_REACHED,
	};

	if (srq->ibsrq.event_handler)
		srq->ibsrq.event_handler(&event, srq->ibsrq.srq_context);
}

/**
 * vib_create_srq() - ib_device_ops.create_srq
 * @ibsrq: the queue
 * @init: sizes
 * @udata: set when user space asks
 *
 * Context: process, sleeps.
 * Return: 0 or -errno.
 */
int vib_create_srq(struct ib_srq *ibsrq, struct ib_srq_init_attr *init,
		   struct ib_udata *udata)
{
	struct vib_srq *srq = to_vsrq(ibsrq);

	if (init->srq_type != IB_SRQT_BASIC)
		return -EOPNOTSUPP;
	if (!init->attr.max_wr || !init->attr.max_sge ||
	    init->attr.srq_limit > init->attr.max_wr)
		return -EINVAL;
	srq->rq.mem.hca = to_vhca(ibsrq->device);
	srq->rq.mem.pd = ibsrq->pd;
	srq->rq.mem.user = udata;
	INIT_WORK(&srq->limit_work, vib_srq_limit);
	return vib_rq_init(&srq->rq, init->attr.max_wr, init->attr.max_sge);
}

/* Moves the waiting requests into a ring of another size. */
static int vib_srq_resize(struct vib_srq *srq, u32 max_wr)
{
	struct vib_rq *rq = &srq->rq;
	struct vib_rq new = { .mem = rq->mem };
	unsigned long flags;
	u32 i, waiting;
	int err;

	err = vib_rq_init(&new, max_wr, rq->max_sge);
	if (err)
		return err;
	spin_lock_irqsave(&rq->lock, flags);
	waiting = rq->head - rq->tail;
	if (waiting > max_wr) {
		err = -EINVAL;
	} else {
		for (i = 0; i < waiting; i++)
			memcpy(new.ring + (size_t)i * rq->stride,
			       rq->ring + (size_t)((rq->tail + i) & rq->mask) *
			       rq->stride, rq->stride);
		swap(rq->ring, new.ring);
		rq->mask = new.mask;
		rq->max_wr = max_wr;
		rq->tail = 0;
		rq->head = waiting;
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	vib_rq_free(&new);
	return err;
}

/**
 * vib_modify_srq() - ib_device_ops.modify_srq
 * @ibsrq: the queue
 * @attr: new size or limit
 * @mask: which of them
 * @udata: unused
 *
 * Context: process, sleeps.
 * Return: 0 or -errno.
 */
int vib_modify_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr,
		   enum ib_srq_attr_mask mask, struct ib_udata *udata)
{
	struct vib_srq *srq = to_vsrq(ibsrq);
	unsigned long flags;
	int err = 0;

	if (mask & IB_SRQ_MAX_WR) {
		if (!attr->max_wr)
			return -EINVAL;
		err = vib_srq_resize(srq, attr->max_wr);
		if (err)
			return err;
	}
	if (mask & IB_SRQ_LIMIT) {
		spin_lock_irqsave(&srq->rq.lock, flags);
		if (attr->srq_limit <= srq->rq.max_wr)
			srq->rq.limit = attr->srq_limit;
		else
			err = -EINVAL;
		spin_unlock_irqrestore(&srq->rq.lock, flags);
	}
	return err;
}

/**
 * vib_query_srq() - ib_device_ops.query_srq
 * @ibsrq: the queue
 * @attr: filled in
 *
 * Return: 0.
 */
int vib_query_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr)
{
	const struct vib_rq *rq = &to_vsrq(ibsrq)->rq;

	attr->max_wr = rq->max_wr;
	attr->max_sge = rq->max_sge;
	attr->srq_limit = READ_ONCE(rq->limit);
	return 0;
}

/**
 * vib_destroy_srq() - ib_device_ops.destroy_srq
 * @ibsrq: the queue; no QP uses it any more
 * @udata: unused
 *
 * Context: process, sleeps.
 * Return: 0.
 */
int vib_destroy_srq(struct ib_srq *ibsrq, struct ib_udata *udata)
{
	struct vib_srq *srq = to_vsrq(ibsrq);

	cancel_work_sync(&srq->limit_work);
	vib_rq_free(&srq->rq);
	return 0;
}

/**
 * vib_post_srq_recv() - ib_device_ops.post_srq_recv
 * @ibsrq: the queue
 * @wr: chain of requests
 * @bad: set to the one that could not be posted
 *
 * Context: any.
 * Return: 0 or -errno.
 */
int vib_post_srq_recv(struct ib_srq *ibsrq, const struct ib_recv_wr *wr,
		      const struct ib_recv_wr **bad)
{
	struct vib_rq *rq = &to_vsrq(ibsrq)->rq;
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&rq->lock, flags);
	while (wr && !err) {
		err = vib_rq_post(rq, wr);
		if (!err)
			wr = wr->next;
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	if (err)
		*bad = wr;
	return err;
}
