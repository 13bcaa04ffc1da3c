// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: queue pairs: their life and their states.
 *
 * The state changes under sq_lock, by ib_modify_qp() or, in an error, by the
 * QP's tasklet or a receive. A change to the error states schedules the
 * tasklet, which flushes. A change to RESET, and destruction, first keep
 * packets and posts out, then wait for the tasklet, and then clean up.
 */

#include <linux/log2.h>
#include <linux/slab.h>

#include "vib_verbs.h"

static void vib_qp_task(struct tasklet_struct *task)
{
	struct vib_qp *qp = from_tasklet(qp, task, task);
	bool more;

	rcu_read_lock();
	if (qp->ibqp.qp_type == IB_QPT_RC)
		more = vib_rc_run(qp);
	else
		more = vib_ud_run(qp);
	rcu_read_unlock();
	if (more)
		tasklet_schedule(&qp->task);
}

static void vib_qp_event_work(struct work_struct *work)
{
	struct vib_qp *qp = container_of(work, struct vib_qp, event_work);
	unsigned long bits = xchg(&qp->events, 0);
	struct ib_event event = {
		.device = qp->ibqp.device,
		.element.qp = &qp->ibqp,
	};
	unsigned int bit;

	for_each_set_bit(bit, &bits, BITS_PER_LONG) {
		event.event = bit;
		if (qp->ibqp.event_handler)
			qp->ibqp.event_handler(&event, qp->ibqp.qp_context);
	}
}

/**
 * vib_qp_event() - raise an affiliated event, soon and in process context
 * @qp: the QP
 * @event: the event
 *
 * Context: any.
 */
void vib_qp_event(struct vib_qp *qp, enum ib_event_type event)
{
	set_bit(event, &qp->events);
	queue_work(vib_wq, &qp->event_work);
}

/**
 * vib_qp_fail() - move a QP to an error state by itself
 * @qp: the QP
 * @state: IB_QPS_SQE or IB_QPS_ERR; ignored if the QP is already there or
 *	worse, or not in use
 *
 * Context: any that may not sleep.
 */
void vib_qp_fail(struct vib_qp *qp, enum ib_qp_state state)
{
	unsigned long flags;

	spin_lock_irqsave(&qp->sq_lock, flags);
	if (qp->state >= IB_QPS_RTR && qp->state < state)
		WRITE_ONCE(qp->state, state);
	spin_unlock_irqrestore(&qp->sq_lock, flags);
	tasklet_schedule(&qp->task);
}

static int vib_qp_check_init(struct vib_hca *hca,
			     const struct ib_qp_init_attr *init)
{
	const u32 flags = IB_QP_CREATE_IPOIB_UD_LSO |
			  IB_QP_CREATE_BLOCK_MULTICAST_LOOPBACK |
			  IB_QP_CREATE_NETDEV_USE;
	u32 max_sge = hca->caps.max_send_sge;

	switch (init->qp_type) {
	case IB_QPT_SMI:
	case IB_QPT_GSI:
		if (init->port_num != 1 || init->srq)
			return -EINVAL;
		/* The limit is for consumers: ib_mad always needs two. */
		max_sge = VIB_MAX_SGE;
		break;
	case IB_QPT_UD:
	case IB_QPT_RC:
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (init->create_flags & ~flags)
		return -EOPNOTSUPP;
	if ((init->create_flags & IB_QP_CREATE_IPOIB_UD_LSO) && !hca->caps.lso)
		return -EOPNOTSUPP;
	if ((init->create_flags & IB_QP_CREATE_BLOCK_MULTICAST_LOOPBACK) &&
	    !hca->caps.block_mcast_loop)
		return -EOPNOTSUPP;
	if (init->cap.max_send_wr > VIB_MAX_QP_WR ||
	    init->cap.max_send_sge > max_sge ||
	    init->cap.max_inline_data)
		return -EINVAL;
	if ((init->cap.max_send_wr && !init->send_cq) ||
	    (init->cap.max_recv_wr && !init->recv_cq))
		return -EINVAL;
	return 0;
}

static int vib_qp_alloc_queues(struct vib_qp *qp,
			       const struct ib_qp_init_attr *init)
{
	int err;

	qp->sq_stride = struct_size((struct vib_swqe *)NULL, sge,
				    init->cap.max_send_sge);
	qp->sq_mask = roundup_pow_of_two(max(init->cap.max_send_wr, 1U)) - 1;
	qp->sq = kvcalloc(qp->sq_mask + 1, qp->sq_stride, GFP_KERNEL);
	if (!qp->sq)
		return -ENOMEM;
	qp->rq.mem = qp->mem;
	if (init->srq)
		return 0;
	err = vib_rq_init(&qp->rq, init->cap.max_recv_wr,
			  init->cap.max_recv_sge);
	if (err)
		kvfree(qp->sq);
	return err;
}

static void vib_qp_setup(struct vib_qp *qp, struct ib_qp_init_attr *init,
			 bool user)
{
	qp->hca = to_vhca(qp->ibqp.device);
	qp->init = *init;
	qp->state = IB_QPS_RESET;
	qp->attr.path_mtu = IB_MTU_2048;
	qp->sig_all = init->sq_sig_type == IB_SIGNAL_ALL_WR;
	qp->no_self_mcast = init->create_flags &
			    IB_QP_CREATE_BLOCK_MULTICAST_LOOPBACK;
	qp->mem.hca = qp->hca;
	qp->mem.pd = qp->ibqp.pd;
	qp->mem.user = user;
	mutex_init(&qp->mutex);
	spin_lock_init(&qp->sq_lock);
	spin_lock_init(&qp->recv_lock);
	/* Also there when the QP has an SRQ, to be taken by vib_post_recv() */
	spin_lock_init(&qp->rq.lock);
	tasklet_setup(&qp->task, vib_qp_task);
	INIT_WORK(&qp->event_work, vib_qp_event_work);
	vib_rc_init(qp);
}

/* Gives the QP its number, from when on packets find it. */
static int vib_qp_publish(struct vib_qp *qp)
{
	struct vib_hca *hca = qp->hca;
	u32 qpn;
	int err;

	switch (qp->ibqp.qp_type) {
	case IB_QPT_SMI:
	case IB_QPT_GSI:
		qpn = qp->ibqp.qp_type == IB_QPT_GSI;
		err = xa_insert(&hca->qps, qpn, qp, GFP_KERNEL);
		qp->ibqp.qp_num = qpn;
		return err;
	default:
		break;
	}
	/* Cyclic: a number is not used again as long as others are free. */
	err = xa_alloc_cyclic(&hca->qps, &qpn, NULL,
			      XA_LIMIT(2, VIB_MCAST_QPN - 1), &hca->next_qpn,
			      GFP_KERNEL);
	if (err < 0)
		return err;
	qp->ibqp.qp_num = qpn;
	xa_store(&hca->qps, qpn, qp, GFP_KERNEL);
	return 0;
}

/**
 * vib_create_qp() - ib_device_ops.create_qp
 * @ibqp: the QP
 * @init: what is asked for; granted as asked
 * @udata: set when user space asks
 *
 * Context: process, sleeps.
 * Return: 0 or -errno.
 */
int vib_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *init,
		  struct ib_udata *udata)
{
	struct vib_hca *hca = to_vhca(ibqp->device);
	struct vib_qp *qp = to_vqp(ibqp);
	int err;

	err = vib_qp_check_init(hca, init);
	if (err)
		return err;
	if (vib_fault_hit(hca, VIB_FAULT_CREATE_QP, 0))
		return -ENOMEM;
	vib_qp_setup(qp, init, udata);
	err = vib_qp_alloc_queues(qp, init);
	if (err)
		return err;
	err = vib_qp_publish(qp);
	if (err) {
		vib_rq_free(&qp->rq);
		kvfree(qp->sq);
	}
	return err;
}

/*
 * Empties a QP that is in RESET or has lost its number. After the grace
 * period no packet is being delivered to it; then the tasklet, which does
 * nothing in RESET, can only be scheduled by the timer, which goes first.
 */
static void vib_qp_quiesce(struct vib_qp *qp)
{
	unsigned long flags;

	synchronize_rcu_expedited();
	timer_delete_sync(&qp->req.timer);
	tasklet_kill(&qp->task);
	/* The tasklet may have armed the timer when it last ran. */
	timer_delete_sync(&qp->req.timer);
	tasklet_kill(&qp->task);

	spin_lock_irqsave(&qp->sq_lock, flags);
	qp->sq_tail = qp->sq_head;
	spin_unlock_irqrestore(&qp->sq_lock, flags);
	vib_rc_stop(qp);
	vib_rq_reset(&qp->rq);
	if (qp->init.send_cq)
		vib_cq_purge(to_vcq(qp->init.send_cq), &qp->ibqp);
	if (qp->init.recv_cq)
		vib_cq_purge(to_vcq(qp->init.recv_cq), &qp->ibqp);
	qp->last_wqe = false;
	qp->sqd_event = false;
}

/**
 * vib_destroy_qp() - ib_device_ops.destroy_qp
 * @ibqp: the QP, not attached to any group
 * @udata: unused
 *
 * Context: process, sleeps.
 * Return: 0.
 */
int vib_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata)
{
	struct vib_qp *qp = to_vqp(ibqp);
	unsigned long flags;

	xa_erase(&qp->hca->qps, ibqp->qp_num);
	mutex_lock(&qp->mutex);
	spin_lock_irqsave(&qp->sq_lock, flags);
	WRITE_ONCE(qp->state, IB_QPS_RESET);
	spin_unlock_irqrestore(&qp->sq_lock, flags);
	vib_qp_quiesce(qp);
	mutex_unlock(&qp->mutex);
	cancel_work_sync(&qp->event_work);
	vib_rq_free(&qp->rq);
	kvfree(qp->sq);
	return 0;
}

static int vib_qp_check_attr(const struct vib_qp *qp,
			     const struct ib_qp_attr *attr, int mask)
{
	const struct ib_global_route *grh = rdma_ah_read_grh(&attr->ah_attr);

	if ((mask & IB_QP_PORT) && attr->port_num != 1)
		return -EINVAL;
	if ((mask & IB_QP_PKEY_INDEX) && attr->pkey_index >= VIB_NUM_PKEYS)
		return -EINVAL;
	if ((mask & IB_QP_PATH_MTU) &&
	    (attr->path_mtu < IB_MTU_256 ||
	     attr->path_mtu > qp->hca->caps.max_mtu))
		return -EINVAL;
	if ((mask & IB_QP_MAX_QP_RD_ATOMIC) &&
	    attr->max_rd_atomic > VIB_MAX_RD_ATOM)
		return -EINVAL;
	if ((mask & IB_QP_MAX_DEST_RD_ATOMIC) &&
	    attr->max_dest_rd_atomic > VIB_MAX_RD_ATOM)
		return -EINVAL;
	if ((mask & IB_QP_AV) &&
	    (rdma_ah_get_ah_flags(&attr->ah_attr) & IB_AH_GRH) &&
	    grh->sgid_index >= VIB_NUM_GUIDS)
		return -EINVAL;
	if (mask & IB_QP_ALT_PATH)
		return -EOPNOTSUPP;
	return 0;
}

static void vib_qp_take_attr(struct vib_qp *qp, const struct ib_qp_attr *attr,
			     int mask)
{
	struct ib_qp_attr *to = &qp->attr;

	if (mask & IB_QP_ACCESS_FLAGS)
		to->qp_access_flags = attr->qp_access_flags;
	if (mask & IB_QP_PKEY_INDEX)
		to->pkey_index = attr->pkey_index;
	if (mask & IB_QP_PORT)
		to->port_num = attr->port_num;
	if (mask & IB_QP_QKEY)
		to->qkey = attr->qkey;
	if (mask & IB_QP_AV)
		to->ah_attr = attr->ah_attr;
	if (mask & IB_QP_PATH_MTU)
		to->path_mtu = attr->path_mtu;
	if (mask & IB_QP_TIMEOUT)
		to->timeout = attr->timeout;
	if (mask & IB_QP_RETRY_CNT)
		to->retry_cnt = attr->retry_cnt;
	if (mask & IB_QP_RNR_RETRY)
		to->rnr_retry = attr->rnr_retry;
	if (mask & IB_QP_RQ_PSN)
		to->rq_psn = attr->rq_psn;
	if (mask & IB_QP_MAX_QP_RD_ATOMIC)
		to->max_rd_atomic = attr->max_rd_atomic;
	if (mask & IB_QP_MIN_RNR_TIMER)
		to->min_rnr_timer = attr->min_rnr_timer;
	if (mask & IB_QP_SQ_PSN)
		to->sq_psn = attr->sq_psn;
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC)
		to->max_dest_rd_atomic = attr->max_dest_rd_atomic;
	if (mask & IB_QP_PATH_MIG_STATE)
		to->path_mig_state = attr->path_mig_state;
	if (mask & IB_QP_DEST_QPN)
		to->dest_qp_num = attr->dest_qp_num;
	/* The core keeps the reference to the GID entry, in ib_qp. */
	to->ah_attr.grh.sgid_attr = NULL;
	vib_rc_ready(qp, mask);
}

/* Return: -EINVAL when the QP has failed since @cur was looked at. */
static int vib_qp_set_state(struct vib_qp *qp, enum ib_qp_state cur,
			    enum ib_qp_state next)
{
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&qp->sq_lock, flags);
	if (qp->state == cur || next == IB_QPS_ERR || next == IB_QPS_RESET)
		WRITE_ONCE(qp->state, next);
	else
		err = -EINVAL;
	spin_unlock_irqrestore(&qp->sq_lock, flags);
	return err;
}

/**
 * vib_modify_qp() - ib_device_ops.modify_qp
 * @ibqp: the QP
 * @attr: new state and attributes
 * @mask: enum ib_qp_attr_mask, which of them
 * @udata: unused
 *
 * Context: process, sleeps.
 * Return: 0, or -EINVAL for what the state of the QP does not allow.
 */
int vib_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		  struct ib_udata *udata)
{
	struct vib_qp *qp = to_vqp(ibqp);
	enum ib_qp_state cur, next;
	int err;

	if (mask & ~IB_QP_ATTR_STANDARD_BITS)
		return -EOPNOTSUPP;
	mutex_lock(&qp->mutex);
	cur = READ_ONCE(qp->state);
	next = mask & IB_QP_STATE ? attr->qp_state : cur;
	err = -EINVAL;
	if ((mask & IB_QP_CUR_STATE) && attr->cur_qp_state != cur)
		goto out;
	if (!ib_modify_qp_is_ok(cur, next, ibqp->qp_type, mask))
		goto out;
	err = vib_qp_check_attr(qp, attr, mask);
	if (err)
		goto out;
	vib_qp_take_attr(qp, attr, mask);
	if (next == IB_QPS_SQD && cur != IB_QPS_SQD)
		qp->sqd_event = (mask & IB_QP_EN_SQD_ASYNC_NOTIFY) &&
				attr->en_sqd_async_notify;
	err = vib_qp_set_state(qp, cur, next);
	if (err)
		goto out;
	if (next == IB_QPS_RESET)
		vib_qp_quiesce(qp);
	else
		tasklet_schedule(&qp->task);
out:
	mutex_unlock(&qp->mutex);
	return err;
}

/**
 * vib_query_qp() - ib_device_ops.query_qp
 * @ibqp: the QP
 * @attr: filled in
 * @mask: what is of interest; all is given
 * @init: filled in
 *
 * Context: process, sleeps.
 * Return: 0.
 */
int vib_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		 struct ib_qp_init_attr *init)
{
	struct vib_qp *qp = to_vqp(ibqp);

	mutex_lock(&qp->mutex);
	*attr = qp->attr;
	attr->qp_state = READ_ONCE(qp->state);
	attr->cur_qp_state = attr->qp_state;
	attr->cap = qp->init.cap;
	attr->rq_psn = qp->resp.psn;
	attr->sq_psn = qp->req.psn;
	attr->sq_draining = attr->qp_state == IB_QPS_SQD &&
			    READ_ONCE(qp->sq_tail) != READ_ONCE(qp->sq_head);
	*init = qp->init;
	mutex_unlock(&qp->mutex);
	return 0;
}
