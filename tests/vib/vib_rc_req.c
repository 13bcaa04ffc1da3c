// SPDX-License-Identifier: GPL-2.0-only
/* vib: the requester of an RC QP. Everything here runs in its tasklet. */

#include <linux/jiffies.h>

#include "vib_rc.h"

#define VIB_RC_WINDOW	512	/* PSNs that may be unacknowledged */
#define VIB_RC_BUDGET	16	/* bursts sent before others get the CPU */
#define VIB_RNR_FOREVER	7	/* rnr_retry that means no limit */

static void vib_rc_timeout(struct timer_list *t)
{
	struct vib_qp *qp = timer_container_of(qp, t, req.timer);

	WRITE_ONCE(qp->req.expired, true);
	tasklet_schedule(&qp->task);
}

/**
 * vib_rc_req_init() - set the requester of a new QP up
 * @qp: the QP
 */
void vib_rc_req_init(struct vib_qp *qp)
{
	timer_setup(&qp->req.timer, vib_rc_timeout, 0);
}

/**
 * vib_rc_req_ready() - start from the PSN in @qp->attr
 * @qp: the QP, about to be ready to send
 */
void vib_rc_req_ready(struct vib_qp *qp)
{
	struct vib_rc_req *req = &qp->req;

	req->psn = qp->attr.sq_psn & VIB_PSN_MASK;
	req->una = req->psn;
	req->retries = qp->attr.retry_cnt;
	req->rnr_retries = qp->attr.rnr_retry;
}

/**
 * vib_rc_req_stop() - forget all requests in progress
 * @qp: the QP, its tasklet idle
 *
 * Context: process, sleeps.
 */
void vib_rc_req_stop(struct vib_qp *qp)
{
	struct vib_rc_req *req = &qp->req;

	timer_delete_sync(&req->timer);
	req->next = qp->sq_tail;
	req->off = 0;
	req->rd_off = 0;
	req->nreads = 0;
	req->wait = false;
	req->resync = false;
	req->expired = false;
}

static bool vib_is_read(const struct vib_swqe *wqe)
{
	return wqe->opcode == IB_WR_RDMA_READ;
}

static bool vib_rc_outstanding(const struct vib_qp *qp)
{
	return qp->req.una != qp->req.psn;
}

/* The timer may be one to four times what was asked for (IBA 9.7.6.1.3). */
static void vib_rc_arm(struct vib_qp *qp)
{
	struct vib_rc_req *req = &qp->req;
	u64 ns = 4096ULL << (qp->attr.timeout & 0x1f);

	WRITE_ONCE(req->expired, false);
	if (qp->attr.timeout && vib_rc_outstanding(qp))
		mod_timer(&req->timer, jiffies + 1 + nsecs_to_jiffies(2 * ns));
	else
		timer_delete(&req->timer);
}

/* Holds the send queue back for a while. */
static void vib_rc_wait(struct vib_qp *qp, unsigned long delay)
{
	qp->req.wait = true;
	WRITE_ONCE(qp->req.expired, false);
	mod_timer(&qp->req.timer, jiffies + 1 + delay);
}

/* Ends the oldest request in error, and with it the connection. */
static void vib_rc_fail(struct vib_qp *qp, enum ib_wc_status status)
{
	timer_delete(&qp->req.timer);
	vib_qp_fail(qp, IB_QPS_ERR);
	if (vib_sq_peek(qp, qp->sq_tail))
		vib_sq_complete(qp, status);
}

/* Goes back to a PSN that was sent before. */
static void vib_rc_rewind(struct vib_qp *qp, u32 psn)
{
	struct vib_rc_req *req = &qp->req;
	u32 idx, end = req->next + !!req->off;
	struct vib_swqe *wqe = NULL;

	req->nreads = 0;
	for (idx = qp->sq_tail; idx != end; idx++) {
		wqe = vib_sq_slot(qp, idx);
		if (vib_psn_diff(psn, wqe->psn + wqe->npsn) < 0)
			break;
		req->nreads += vib_is_read(wqe);
	}
	if (idx == end || !wqe)
		return;
	req->next = idx;
	if (vib_is_read(wqe))
		req->off = idx == qp->sq_tail ? req->rd_off : 0;
	else
		req->off = vib_psn_diff(psn, wqe->psn) * vib_rc_mtu(qp);
	req->psn = (wqe->psn + req->off / vib_rc_mtu(qp)) & VIB_PSN_MASK;
}

/* Sends again from the oldest PSN that is not acknowledged. */
static void vib_rc_retry(struct vib_qp *qp)
{
	struct vib_rc_req *req = &qp->req;

	if (!req->retries) {
		vib_rc_fail(qp, IB_WC_RETRY_EXC_ERR);
		return;
	}
	req->retries--;
	vib_rc_rewind(qp, req->una);
}

/* The oldest request is done. */
static void vib_rc_done(struct vib_qp *qp)
{
	struct vib_rc_req *req = &qp->req;
	const struct vib_swqe *wqe = vib_sq_slot(qp, qp->sq_tail);

	if (vib_is_read(wqe)) {
		req->nreads--;
		req->rd_off = 0;
	}
	vib_sq_complete(qp, IB_WC_SUCCESS);
}

/* Something got through: all counters start again. */
static void vib_rc_progress(struct vib_qp *qp, u32 una)
{
	struct vib_rc_req *req = &qp->req;

	req->una = una & VIB_PSN_MASK;
	req->retries = qp->attr.retry_cnt;
	req->rnr_retries = qp->attr.rnr_retry;
	req->resync = false;
	if (!req->wait)
		vib_rc_arm(qp);
}

/*
 * Completes all requests up to a PSN. A READ is complete by its data alone:
 * an acknowledge beyond it says that data was lost.
 * Return: false when that is so.
 */
static bool vib_rc_acked(struct vib_qp *qp, u32 psn)
{
	struct vib_rc_req *req = &qp->req;
	const struct vib_swqe *wqe;
	bool lost = false;
	u32 una = psn + 1;

	if (vib_psn_diff(psn, req->psn) >= 0 ||
	    vib_psn_diff(psn, req->una) < 0)
		return true;
	while (qp->sq_tail != req->next) {
		wqe = vib_sq_slot(qp, qp->sq_tail);
		if (vib_psn_diff(psn, wqe->psn) < 0)
			break;
		if (vib_is_read(wqe)) {
			una = wqe->psn + req->rd_off / vib_rc_mtu(qp);
			lost = true;
			break;
		}
		if (vib_psn_diff(psn, wqe->psn + wqe->npsn - 1) < 0)
			break;
		vib_rc_done(qp);
	}
	if (vib_psn_diff(una, req->una) > 0)
		vib_rc_progress(qp, una);
	return !lost;
}

/* Data of a READ was lost; goes back to it, but once per loss. */
static void vib_rc_resync(struct vib_qp *qp)
{
	if (qp->req.resync)
		return;
	qp->req.resync = true;
	vib_rc_retry(qp);
}

static void vib_rc_read_data(struct vib_qp *qp, struct vib_pkt *pkt)
{
	struct vib_rc_req *req = &qp->req;
	struct vib_swqe *wqe;
	s32 diff;

	/* The data of a READ acknowledges all that was before it. */
	vib_rc_acked(qp, (pkt->psn - 1) & VIB_PSN_MASK);
	if (qp->sq_tail == req->next)
		return;
	wqe = vib_sq_slot(qp, qp->sq_tail);
	if (!vib_is_read(wqe))
		return;
	diff = vib_psn_diff(pkt->psn,
			    wqe->psn + req->rd_off / vib_rc_mtu(qp));
	if (diff > 0)
		vib_rc_resync(qp);
	if (diff)
		return;
	if (pkt->len > wqe->length - req->rd_off ||
	    vib_sge_copy(&qp->mem, wqe->sge, wqe->num_sge, req->rd_off,
			 pkt->data, pkt->len, VIB_TO_MEM)) {
		vib_rc_fail(qp, IB_WC_LOC_PROT_ERR);
		return;
	}
	req->rd_off += pkt->len;
	if (req->rd_off == wqe->length)
		vib_rc_done(qp);
	vib_rc_progress(qp, pkt->psn + pkt->npkts);
}

/* Units of 10 us, as the RNR timer field is encoded (IBA table 45). */
static unsigned long vib_rnr_delay(u8 value)
{
	u32 units = 65536;

	value &= 0x1f;
	if (value == 1)
		units = 1;
	else if (value & 1)
		units = 3U << ((value - 3) / 2);
	else if (value)
		units = 1U << (value / 2);
	return usecs_to_jiffies(units * 10);
}

static void vib_rc_rnr(struct vib_qp *qp, const struct vib_pkt *pkt)
{
	struct vib_rc_req *req = &qp->req;

	if (qp->attr.rnr_retry != VIB_RNR_FOREVER) {
		if (!req->rnr_retries) {
			vib_rc_fail(qp, IB_WC_RNR_RETRY_EXC_ERR);
			return;
		}
		req->rnr_retries--;
	}
	vib_rc_rewind(qp, pkt->psn);
	vib_rc_wait(qp, vib_rnr_delay(pkt->aeth.credit));
}

static void vib_rc_nak(struct vib_qp *qp, const struct vib_pkt *pkt)
{
	static const enum ib_wc_status status[] = {
		[VIB_NAK_REQUEST] = IB_WC_REM_INV_REQ_ERR,
		[VIB_NAK_ACCESS] = IB_WC_REM_ACCESS_ERR,
		[VIB_NAK_OPERATION] = IB_WC_REM_OP_ERR,
	};

	if (pkt->aeth.credit == VIB_NAK_SEQUENCE)
		vib_rc_retry(qp);
	else
		vib_rc_fail(qp, status[pkt->aeth.credit]);
}

static void vib_rc_ack(struct vib_qp *qp, const struct vib_pkt *pkt)
{
	struct vib_rc_req *req = &qp->req;

	if (pkt->aeth.syndrome == VIB_ACK) {
		if (!vib_rc_acked(qp, pkt->psn))
			vib_rc_resync(qp);
		return;
	}
	/* A NAK speaks of its PSN and acknowledges those before. */
	if (vib_psn_diff(pkt->psn, req->una) < 0 ||
	    vib_psn_diff(pkt->psn, req->psn) >= 0)
		return;
	if (!vib_rc_acked(qp, (pkt->psn - 1) & VIB_PSN_MASK))
		vib_rc_resync(qp);
	else if (pkt->aeth.syndrome == VIB_NAK_RNR)
		vib_rc_rnr(qp, pkt);
	else
		vib_rc_nak(qp, pkt);
}

static bool vib_rc_may_send(const struct vib_qp *qp,
			    const struct vib_swqe *wqe)
{
	const struct vib_rc_req *req = &qp->req;

	if (wqe->status)
		return false;
	if (vib_psn_diff(req->psn, req->una) >= VIB_RC_WINDOW)
		return false;
	if (req->off)
		return true;
	/* A drained send queue finishes a message but starts none. */
	if (READ_ONCE(qp->state) != IB_QPS_RTS)
		return false;
	if ((wqe->flags & IB_SEND_FENCE) && req->nreads)
		return false;
	return !vib_is_read(wqe) || req->nreads < qp->attr.max_rd_atomic;
}

static void vib_rc_send_read(struct vib_qp *qp, struct vib_swqe *wqe,
			     struct vib_pkt *pkt)
{
	struct vib_rc_req *req = &qp->req;

	pkt->op = VIB_OP_RC_READ;
	pkt->flags = VIB_PKT_FIRST | VIB_PKT_LAST;
	pkt->psn = req->psn;
	pkt->reth.vaddr = wqe->rdma.raddr + req->off;
	pkt->reth.rkey = wqe->rdma.rkey;
	pkt->reth.len = wqe->length - req->off;
	req->psn = (wqe->psn + wqe->npsn) & VIB_PSN_MASK;
	req->off = 0;
	req->next++;
	req->nreads++;
}

static void vib_rc_send_data(struct vib_qp *qp, struct vib_swqe *wqe,
			     struct vib_pkt *pkt)
{
	struct vib_rc_req *req = &qp->req;
	bool write = wqe->opcode == IB_WR_RDMA_WRITE ||
		     wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM;

	pkt->op = write ? VIB_OP_RC_WRITE : VIB_OP_RC_SEND;
	pkt->flags = VIB_PKT_ACKREQ;
	pkt->psn = req->psn;
	pkt->npkts = vib_rc_npkts(qp, pkt->len);
	if (!req->off) {
		pkt->flags |= VIB_PKT_FIRST;
		pkt->reth.vaddr = wqe->rdma.raddr;
		pkt->reth.rkey = wqe->rdma.rkey;
		pkt->reth.len = wqe->length;
	}
	req->psn = (req->psn + pkt->npkts) & VIB_PSN_MASK;
	req->off += pkt->len;
	if (req->off < wqe->length)
		return;
	req->off = 0;
	req->next++;
	pkt->flags |= VIB_PKT_LAST;
	if (wqe->flags & IB_SEND_SOLICITED)
		pkt->flags |= VIB_PKT_SOLICITED;
	if (wqe->opcode == IB_WR_SEND_WITH_IMM ||
	    wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM) {
		pkt->flags |= VIB_PKT_IMM;
		pkt->imm = wqe->imm;
	}
}

/* Sends the next burst of a request. */
static void vib_rc_send_burst(struct vib_qp *qp, struct vib_swqe *wqe)
{
	struct vib_rc_req *req = &qp->req;
	bool idle = !vib_rc_outstanding(qp);
	struct vib_pkt *pkt;
	u32 len = 0;

	if (!req->off) {
		wqe->psn = req->psn;
		wqe->npsn = vib_rc_npkts(qp, wqe->length);
	}
	if (!vib_is_read(wqe))
		len = min(wqe->length - req->off, vib_rc_burst(qp));
	pkt = vib_pkt_alloc(len, GFP_ATOMIC);
	if (!pkt) {
		vib_rc_wait(qp, 0);
		return;
	}
	if (vib_sge_copy(&qp->mem, wqe->sge, wqe->num_sge, req->off,
			 pkt->data, len, VIB_FROM_MEM)) {
		wqe->status = IB_WC_LOC_PROT_ERR;
		vib_pkt_put(pkt);
		return;
	}
	if (vib_is_read(wqe))
		vib_rc_send_read(qp, wqe, pkt);
	else
		vib_rc_send_data(qp, wqe, pkt);
	if (idle)
		vib_rc_arm(qp);
	vib_rc_xmit(qp, pkt);
}

/* Return: true when the budget ended it. */
static bool vib_rc_send(struct vib_qp *qp)
{
	struct vib_rc_req *req = &qp->req;
	struct vib_swqe *wqe;
	int n;

	for (n = 0; n < VIB_RC_BUDGET; n++) {
		wqe = vib_sq_peek(qp, req->next);
		if (!wqe || req->wait || !vib_rc_may_send(qp, wqe))
			return false;
		if (!req->off)
			wqe->status = vib_fault_hit(qp->hca,
						    VIB_FAULT_SEND_STATUS,
						    qp->ibqp.qp_num);
		if (!wqe->status)
			vib_rc_send_burst(qp, wqe);
	}
	return true;
}

static void vib_rc_expired(struct vib_qp *qp)
{
	struct vib_rc_req *req = &qp->req;

	WRITE_ONCE(req->expired, false);
	if (req->wait) {
		req->wait = false;
		vib_rc_arm(qp);
	} else if (vib_rc_outstanding(qp)) {
		vib_rc_retry(qp);
		vib_rc_arm(qp);
	}
}

/* What only shows when all that was sent before has been acknowledged. */
static void vib_rc_settle(struct vib_qp *qp)
{
	const struct vib_swqe *wqe = vib_sq_peek(qp, qp->sq_tail);

	if (wqe && wqe->status && qp->sq_tail == qp->req.next)
		vib_rc_fail(qp, wqe->status);
	if (READ_ONCE(qp->state) == IB_QPS_SQD && !vib_rc_outstanding(qp) &&
	    xchg(&qp->sqd_event, false))
		vib_qp_event(qp, IB_EVENT_SQ_DRAINED);
}

/**
 * vib_rc_req_run() - take answers, keep time, send requests
 * @qp: the QP, ready to send
 *
 * Context: the QP's tasklet, under rcu_read_lock().
 * Return: true when there is more to do.
 */
bool vib_rc_req_run(struct vib_qp *qp)
{
	struct vib_pkt *pkt;
	bool more = false;

	while (READ_ONCE(qp->state) != IB_QPS_ERR &&
	       (pkt = vib_rc_pop(qp, &qp->answers))) {
		if (pkt->op == VIB_OP_RC_READ_RESP)
			vib_rc_read_data(qp, pkt);
		else
			vib_rc_ack(qp, pkt);
		vib_pkt_put(pkt);
	}
	if (READ_ONCE(qp->state) == IB_QPS_ERR)
		return false;
	if (READ_ONCE(qp->req.expired))
		vib_rc_expired(qp);
	if (READ_ONCE(qp->state) != IB_QPS_ERR)
		more = vib_rc_send(qp);
	vib_rc_settle(qp);
	return more;
}
