// SPDX-License-Identifier: GPL-2.0-only
/* vib: posting of work requests, and their completion. */

#include <linux/log2.h>
#include <linux/slab.h>

#include "vib_verbs.h"

static bool vib_ud_opcode_ok(const struct vib_qp *qp,
			     const struct ib_send_wr *wr)
{
	const struct ib_ud_wr *ud = ud_wr(wr);

	switch (wr->opcode) {
	case IB_WR_SEND:
	case IB_WR_SEND_WITH_IMM:
		return ud->ah;
	case IB_WR_LSO:
		return ud->ah && ud->header && ud->hlen > 0 && ud->mss > 0 &&
		       (qp->init.create_flags & IB_QP_CREATE_IPOIB_UD_LSO);
	default:
		return false;
	}
}

static bool vib_rc_opcode_ok(const struct ib_send_wr *wr)
{
	switch (wr->opcode) {
	case IB_WR_SEND:
	case IB_WR_SEND_WITH_IMM:
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_RDMA_READ:
		return true;
	default:
		return false;
	}
}

/* Only these come as a struct ib_rdma_wr; a SEND is no longer than its own. */
static bool vib_opcode_is_rdma(enum ib_wr_opcode opcode)
{
	return opcode == IB_WR_RDMA_WRITE ||
	       opcode == IB_WR_RDMA_WRITE_WITH_IMM ||
	       opcode == IB_WR_RDMA_READ;
}

static void vib_swqe_fill_rdma(struct vib_swqe *wqe,
			       const struct ib_rdma_wr *wr)
{
	wqe->rdma.raddr = wr->remote_addr;
	wqe->rdma.rkey = wr->rkey;
}

static void vib_swqe_fill_ud(struct vib_swqe *wqe, const struct ib_ud_wr *wr)
{
	wqe->ud.av = to_vah(wr->ah)->av;
	wqe->ud.qpn = wr->remote_qpn;
	wqe->ud.qkey = wr->remote_qkey;
	wqe->ud.pkey_index = wr->pkey_index;
	if (wr->wr.opcode != IB_WR_LSO)
		return;
	wqe->ud.header = wr->header;
	wqe->ud.hlen = wr->hlen;
	wqe->ud.mss = wr->mss;
}

/* Fills the next slot of the send queue and makes the tasklet see it. */
static int vib_sq_post(struct vib_qp *qp, const struct ib_send_wr *wr)
{
	bool rc = qp->ibqp.qp_type == IB_QPT_RC;
	struct vib_swqe *wqe;
	u64 length = 0;
	int i;

	lockdep_assert_held(&qp->sq_lock);
	if (wr->num_sge < 0 || wr->num_sge > qp->init.cap.max_send_sge)
		return -EINVAL;
	if (wr->send_flags & IB_SEND_INLINE)
		return -EINVAL;
	if (!(rc ? vib_rc_opcode_ok(wr) : vib_ud_opcode_ok(qp, wr)))
		return -EINVAL;
	/* The tasklet is done with a slot when it has moved the tail on. */
	if (qp->sq_head - smp_load_acquire(&qp->sq_tail) >=
	    qp->init.cap.max_send_wr)
		return -ENOMEM;

	wqe = vib_sq_slot(qp, qp->sq_head);
	for (i = 0; i < wr->num_sge; i++) {
		wqe->sge[i] = wr->sg_list[i];
		length += wr->sg_list[i].length;
	}
	if (length > VIB_MAX_MSG)
		return -EINVAL;
	wqe->wr_id = wr->wr_id;
	wqe->opcode = wr->opcode;
	wqe->flags = wr->send_flags;
	wqe->imm = wr->ex.imm_data;
	wqe->length = length;
	wqe->num_sge = wr->num_sge;
	wqe->status = IB_WC_SUCCESS;
	if (!rc)
		vib_swqe_fill_ud(wqe, ud_wr(wr));
	else if (vib_opcode_is_rdma(wr->opcode))
		vib_swqe_fill_rdma(wqe, rdma_wr(wr));
	/* The slot is complete before vib_sq_peek() sees it. */
	smp_store_release(&qp->sq_head, qp->sq_head + 1);
	return 0;
}

/**
 * vib_post_send() - ib_device_ops.post_send
 * @ibqp: the QP
 * @wr: chain of requests
 * @bad: set to the one that could not be posted
 *
 * Context: any. Nothing is sent or completed before it returns, unless by
 * the QP's tasklet on another CPU.
 * Return: 0 or -errno.
 */
int vib_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		  const struct ib_send_wr **bad)
{
	struct vib_qp *qp = to_vqp(ibqp);
	const struct ib_send_wr *first = wr;
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&qp->sq_lock, flags);
	if (qp->state < IB_QPS_RTS)
		err = -EINVAL;
	while (wr && !err) {
		if (vib_fault_hit(qp->hca, VIB_FAULT_POST_SEND, ibqp->qp_num))
			err = -ENOMEM;
		else
			err = vib_sq_post(qp, wr);
		if (!err)
			wr = wr->next;
	}
	spin_unlock_irqrestore(&qp->sq_lock, flags);
	if (err)
		*bad = wr;
	if (wr != first)
		tasklet_schedule(&qp->task);
	return err;
}

/**
 * vib_post_recv() - ib_device_ops.post_recv
 * @ibqp: the QP
 * @wr: chain of requests
 * @bad: set to the one that could not be posted
 *
 * Context: any.
 * Return: 0 or -errno.
 */
int vib_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		  const struct ib_recv_wr **bad)
{
	struct vib_qp *qp = to_vqp(ibqp);
	struct vib_rq *rq = &qp->rq;
	unsigned long flags;
	int err = 0;

	if (ibqp->srq || READ_ONCE(qp->state) == IB_QPS_RESET) {
		*bad = wr;
		return -EINVAL;
	}
	spin_lock_irqsave(&rq->lock, flags);
	while (wr && !err) {
		err = vib_rq_post(rq, wr);
		if (!err)
			wr = wr->next;
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	if (err)
		*bad = wr;
	/* Pairs with the barrier between a change to ERR and its flush. */
	smp_mb();
	if (READ_ONCE(qp->state) == IB_QPS_ERR)
		tasklet_schedule(&qp->task);
	return err;
}

/**
 * vib_sq_peek() - look at a posted send request
 * @qp: the QP
 * @idx: free running index, not before the tail
 *
 * Context: the QP's tasklet.
 * Return: the request, or NULL when none has been posted at @idx yet.
 */
struct vib_swqe *vib_sq_peek(struct vib_qp *qp, u32 idx)
{
	/* Pairs with vib_sq_post(): the slot is read after the head. */
	if (idx == smp_load_acquire(&qp->sq_head))
		return NULL;
	return vib_sq_slot(qp, idx);
}

static enum ib_wc_opcode vib_wc_opcode(u32 wr_opcode)
{
	switch (wr_opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		return IB_WC_RDMA_WRITE;
	case IB_WR_RDMA_READ:
		return IB_WC_RDMA_READ;
	case IB_WR_LSO:
		return IB_WC_LSO;
	default:
		return IB_WC_SEND;
	}
}

/**
 * vib_sq_complete() - complete the oldest send request
 * @qp: the QP; its send queue is not empty
 * @status: how it ended
 *
 * Context: the QP's tasklet.
 */
void vib_sq_complete(struct vib_qp *qp, enum ib_wc_status status)
{
	const struct vib_swqe *wqe = vib_sq_slot(qp, qp->sq_tail);
	struct ib_wc wc = {
		.wr_id = wqe->wr_id,
		.status = status,
		.opcode = vib_wc_opcode(wqe->opcode),
		.byte_len = wqe->length,
		.qp = &qp->ibqp,
		.port_num = 1,
	};
	bool signaled = qp->sig_all || status ||
			(wqe->flags & IB_SEND_SIGNALED);

	/* Free first: whoever sees the completion may count on the slot. */
	smp_store_release(&qp->sq_tail, qp->sq_tail + 1);
	if (signaled)
		vib_cq_add(to_vcq(qp->ibqp.send_cq), &wc, false);
}

/**
 * vib_sq_flush() - complete all send requests as flushed
 * @qp: the QP, in a state that sends no more
 *
 * Context: the QP's tasklet.
 */
void vib_sq_flush(struct vib_qp *qp)
{
	while (vib_sq_peek(qp, qp->sq_tail))
		vib_sq_complete(qp, IB_WC_WR_FLUSH_ERR);
}

/**
 * vib_recv_complete() - complete a receive request
 * @qp: the QP
 * @wc: the completion but for @wc->qp; a fault may change its status
 * @solicited: the sender asked for an event
 *
 * An error moves the QP to the error state.
 *
 * Context: any that may complete receives of this QP.
 */
void vib_recv_complete(struct vib_qp *qp, struct ib_wc *wc, bool solicited)
{
	if (!wc->status)
		wc->status = vib_fault_hit(qp->hca, VIB_FAULT_RECV_STATUS,
					   qp->ibqp.qp_num);
	wc->qp = &qp->ibqp;
	wc->port_num = 1;
	if (wc->status && wc->status != IB_WC_WR_FLUSH_ERR)
		vib_qp_fail(qp, IB_QPS_ERR);
	vib_cq_add(to_vcq(qp->ibqp.recv_cq), wc, solicited);
}
