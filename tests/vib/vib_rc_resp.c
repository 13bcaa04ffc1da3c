// SPDX-License-Identifier: GPL-2.0-only
/* vib: the responder of an RC QP. Everything here runs in its tasklet. */

#include "vib_rc.h"

#define VIB_RESP_BUDGET	32	/* packets taken, or bursts of READ data sent */

/**
 * vib_rc_resp_ready() - start from the PSN in @qp->attr
 * @qp: the QP, about to be ready to receive
 */
void vib_rc_resp_ready(struct vib_qp *qp)
{
	qp->resp.psn = qp->attr.rq_psn & VIB_PSN_MASK;
}

/**
 * vib_rc_resp_stop() - forget all requests in progress
 * @qp: the QP, its tasklet idle
 */
void vib_rc_resp_stop(struct vib_qp *qp)
{
	if (qp->resp.read)
		vib_pkt_put(qp->resp.read);
	memset(&qp->resp, 0, offsetof(struct vib_rc_resp, rwqe));
	qp->resp.read = NULL;
}

/**
 * vib_rc_resp_flush() - give up what is in progress, in the error state
 * @qp: the QP
 */
void vib_rc_resp_flush(struct vib_qp *qp)
{
	struct vib_rc_resp *resp = &qp->resp;
	struct ib_wc wc = {
		.wr_id = resp->rwqe.wr_id,
		.opcode = IB_WC_RECV,
		.status = IB_WC_WR_FLUSH_ERR,
	};

	if (resp->read)
		vib_pkt_put(resp->read);
	resp->read = NULL;
	if (resp->have_rwqe)
		vib_recv_complete(qp, &wc, false);
	resp->have_rwqe = false;
}

/*
 * Sends an acknowledge. A lack of memory loses it: the requester asks again.
 */
static void vib_resp_answer(struct vib_qp *qp, enum vib_syndrome syndrome,
			    u8 credit)
{
	struct vib_rc_resp *resp = &qp->resp;
	struct vib_pkt *pkt = vib_pkt_alloc(0, GFP_ATOMIC);

	resp->ack_due = false;
	if (!pkt)
		return;
	pkt->op = VIB_OP_RC_ACK;
	pkt->aeth.syndrome = syndrome;
	pkt->aeth.credit = credit;
	pkt->aeth.msn = resp->msn;
	pkt->psn = resp->psn;
	if (syndrome == VIB_ACK)
		pkt->psn = (pkt->psn - 1) & VIB_PSN_MASK;
	vib_rc_xmit(qp, pkt);
}

static void vib_resp_nak(struct vib_qp *qp, enum vib_syndrome syndrome,
			 u8 credit)
{
	if (!qp->resp.nak_sent)
		vib_resp_answer(qp, syndrome, credit);
	qp->resp.nak_sent = true;
}

/* The requester broke a rule: the connection ends on both sides. */
static void vib_resp_reject(struct vib_qp *qp, enum vib_nak reason)
{
	vib_resp_nak(qp, VIB_NAK, reason);
	vib_qp_event(qp, reason == VIB_NAK_ACCESS ? IB_EVENT_QP_ACCESS_ERR :
						    IB_EVENT_QP_REQ_ERR);
	vib_qp_fail(qp, IB_QPS_ERR);
}

/* A receive request cannot take the message: it ends in error here too. */
static void vib_resp_recv_error(struct vib_qp *qp, enum ib_wc_status status)
{
	struct vib_rc_resp *resp = &qp->resp;
	struct ib_wc wc = {
		.wr_id = resp->rwqe.wr_id,
		.opcode = IB_WC_RECV,
		.status = status,
	};

	vib_resp_nak(qp, VIB_NAK, status == IB_WC_LOC_LEN_ERR ?
				  VIB_NAK_REQUEST : VIB_NAK_OPERATION);
	resp->have_rwqe = false;
	vib_recv_complete(qp, &wc, false);
}

/* Makes sure that a receive request is there; else tells to come later. */
static bool vib_resp_need_rwqe(struct vib_qp *qp)
{
	struct vib_rc_resp *resp = &qp->resp;

	if (!resp->have_rwqe && !vib_rq_take(qp, &resp->rwqe)) {
		atomic_inc(&to_vhca(qp->ibqp.device)->port.rnr_naks);
		vib_resp_nak(qp, VIB_NAK_RNR,
			     READ_ONCE(qp->attr.min_rnr_timer));
		return false;
	}
	resp->have_rwqe = true;
	return true;
}

static void vib_resp_recv_done(struct vib_qp *qp, const struct vib_pkt *pkt)
{
	struct vib_rc_resp *resp = &qp->resp;
	struct ib_wc wc = {
		.wr_id = resp->rwqe.wr_id,
		.opcode = pkt->op == VIB_OP_RC_WRITE ?
			  IB_WC_RECV_RDMA_WITH_IMM : IB_WC_RECV,
		.byte_len = resp->off,
		.src_qp = qp->attr.dest_qp_num,
		.slid = pkt->slid,
		.sl = pkt->sl,
		.pkey_index = qp->attr.pkey_index,
	};

	if (pkt->flags & VIB_PKT_IMM) {
		wc.wc_flags |= IB_WC_WITH_IMM;
		wc.ex.imm_data = pkt->imm;
	}
	resp->have_rwqe = false;
	vib_recv_complete(qp, &wc, pkt->flags & VIB_PKT_SOLICITED);
}

/* Return: true when the packet was taken. */
static bool vib_resp_send(struct vib_qp *qp, struct vib_pkt *pkt)
{
	struct vib_rc_resp *resp = &qp->resp;
	enum ib_wc_status status = IB_WC_SUCCESS;

	if (!vib_resp_need_rwqe(qp))
		return false;
	if (pkt->len > resp->rwqe.length - resp->off)
		status = IB_WC_LOC_LEN_ERR;
	else if (vib_sge_copy(&vib_qp_rq(qp)->mem, resp->rwqe.sge,
			      resp->rwqe.num_sge, resp->off, pkt->data,
			      pkt->len, VIB_TO_MEM))
		status = IB_WC_LOC_PROT_ERR;
	if (status) {
		vib_resp_recv_error(qp, status);
		return false;
	}
	resp->off += pkt->len;
	return true;
}

static bool vib_resp_may(const struct vib_qp *qp, int access)
{
	return READ_ONCE(qp->attr.qp_access_flags) & access;
}

static bool vib_resp_write(struct vib_qp *qp, struct vib_pkt *pkt)
{
	struct vib_rc_resp *resp = &qp->resp;

	if (pkt->flags & VIB_PKT_FIRST) {
		if (!vib_resp_may(qp, IB_ACCESS_REMOTE_WRITE)) {
			vib_resp_reject(qp, VIB_NAK_REQUEST);
			return false;
		}
		resp->vaddr = pkt->reth.vaddr;
		resp->rkey = pkt->reth.rkey;
		resp->left = pkt->reth.len;
	}
	if (pkt->len > resp->left) {
		vib_resp_reject(qp, VIB_NAK_REQUEST);
		return false;
	}
	if (pkt->len &&
	    vib_key_copy(&qp->mem, resp->rkey, resp->vaddr, pkt->data,
			 pkt->len, IB_ACCESS_REMOTE_WRITE, VIB_TO_MEM)) {
		vib_resp_reject(qp, VIB_NAK_ACCESS);
		return false;
	}
	/* Repeating the copy after an RNR NAK does no harm. */
	if ((pkt->flags & VIB_PKT_IMM) && !vib_resp_need_rwqe(qp))
		return false;
	resp->vaddr += pkt->len;
	resp->left -= pkt->len;
	resp->off += pkt->len;
	return true;
}

/* Starts to answer a READ, for the first time or again. */
static bool vib_resp_read(struct vib_qp *qp, struct vib_pkt *pkt)
{
	struct vib_rc_resp *resp = &qp->resp;

	if (!vib_resp_may(qp, IB_ACCESS_REMOTE_READ) ||
	    pkt->reth.len > VIB_MAX_MSG) {
		vib_resp_reject(qp, VIB_NAK_REQUEST);
		return false;
	}
	if (pkt->reth.len &&
	    vib_key_check(&qp->mem, pkt->reth.rkey, pkt->reth.vaddr,
			  pkt->reth.len, IB_ACCESS_REMOTE_READ)) {
		vib_resp_reject(qp, VIB_NAK_ACCESS);
		return false;
	}
	/* What came before is acknowledged before the data flows. */
	if (resp->ack_due)
		vib_resp_answer(qp, VIB_ACK, 0);
	refcount_inc(&pkt->ref);
	resp->read = pkt;
	resp->read_off = 0;
	return true;
}

/* Sends the next burst of READ data. Return: false to try again later. */
static bool vib_resp_read_burst(struct vib_qp *qp)
{
	struct vib_rc_resp *resp = &qp->resp;
	struct vib_pkt *read = resp->read;
	struct vib_pkt *pkt;
	u32 len;

	len = min(read->reth.len - resp->read_off, vib_rc_burst(qp));
	pkt = vib_pkt_alloc(len, GFP_ATOMIC);
	if (!pkt)
		return false;
	if (len && vib_key_copy(&qp->mem, read->reth.rkey,
				read->reth.vaddr + resp->read_off, pkt->data,
				len, IB_ACCESS_REMOTE_READ, VIB_FROM_MEM)) {
		/* The region went away while it was being read. */
		vib_pkt_put(pkt);
		vib_resp_reject(qp, VIB_NAK_ACCESS);
		return true;
	}
	pkt->op = VIB_OP_RC_READ_RESP;
	pkt->npkts = vib_rc_npkts(qp, len);
	pkt->psn = (read->psn + resp->read_off / vib_rc_mtu(qp)) &
		   VIB_PSN_MASK;
	if (!resp->read_off)
		pkt->flags |= VIB_PKT_FIRST;
	resp->read_off += len;
	if (resp->read_off == read->reth.len) {
		pkt->flags |= VIB_PKT_LAST;
		resp->read = NULL;
		vib_pkt_put(read);
	}
	vib_rc_xmit(qp, pkt);
	return true;
}

/* A packet that was taken before: the answer to it was lost. */
static void vib_resp_duplicate(struct vib_qp *qp, struct vib_pkt *pkt)
{
	if (pkt->op == VIB_OP_RC_READ)
		vib_resp_read(qp, pkt);
	else
		qp->resp.ack_due = true;
}

static bool vib_resp_in_order(const struct vib_qp *qp,
			      const struct vib_pkt *pkt)
{
	bool first = pkt->flags & VIB_PKT_FIRST;

	return first == !qp->resp.in_message;
}

/* The packet that was expected next. */
static void vib_resp_execute(struct vib_qp *qp, struct vib_pkt *pkt)
{
	struct vib_rc_resp *resp = &qp->resp;
	u32 npsn = pkt->npkts;
	bool ok = false;

	if (!vib_resp_in_order(qp, pkt)) {
		vib_resp_reject(qp, VIB_NAK_REQUEST);
		return;
	}
	resp->nak_sent = false;
	switch (pkt->op) {
	case VIB_OP_RC_SEND:
		ok = vib_resp_send(qp, pkt);
		break;
	case VIB_OP_RC_WRITE:
		ok = vib_resp_write(qp, pkt);
		break;
	case VIB_OP_RC_READ:
		npsn = vib_rc_npkts(qp, pkt->reth.len);
		ok = vib_resp_read(qp, pkt);
		break;
	}
	if (!ok)
		return;
	resp->psn = (resp->psn + npsn) & VIB_PSN_MASK;
	resp->in_message = !(pkt->flags & VIB_PKT_LAST);
	if (pkt->flags & VIB_PKT_ACKREQ)
		resp->ack_due = true;
	if (resp->in_message)
		return;
	resp->msn = (resp->msn + 1) & VIB_PSN_MASK;
	if (resp->have_rwqe)
		vib_resp_recv_done(qp, pkt);
	resp->off = 0;
}

static void vib_resp_request(struct vib_qp *qp, struct vib_pkt *pkt)
{
	struct vib_rc_resp *resp = &qp->resp;
	s32 diff = vib_psn_diff(pkt->psn, resp->psn);

	if (!resp->comm_est && READ_ONCE(qp->state) == IB_QPS_RTR) {
		resp->comm_est = true;
		vib_qp_event(qp, IB_EVENT_COMM_EST);
	}
	if (diff > 0)
		vib_resp_nak(qp, VIB_NAK, VIB_NAK_SEQUENCE);
	else if (diff < 0)
		vib_resp_duplicate(qp, pkt);
	else
		vib_resp_execute(qp, pkt);
}

/**
 * vib_rc_resp_run() - answer what has arrived
 * @qp: the QP, ready to receive
 *
 * One acknowledge answers all requests of a run.
 *
 * Context: the QP's tasklet, under rcu_read_lock().
 * Return: true when there is more to do.
 */
bool vib_rc_resp_run(struct vib_qp *qp)
{
	struct vib_rc_resp *resp = &qp->resp;
	struct vib_pkt *pkt;
	bool more = true;
	int n;

	for (n = 0; n < VIB_RESP_BUDGET; n++) {
		if (READ_ONCE(qp->state) == IB_QPS_ERR)
			return false;
		if (resp->read) {
			if (!vib_resp_read_burst(qp))
				break;
			continue;
		}
		pkt = vib_rc_pop(qp, &qp->requests);
		if (!pkt) {
			more = false;
			break;
		}
		vib_resp_request(qp, pkt);
		vib_pkt_put(pkt);
	}
	if (resp->ack_due)
		vib_resp_answer(qp, VIB_ACK, 0);
	return more;
}
