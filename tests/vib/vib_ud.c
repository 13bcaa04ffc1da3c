// SPDX-License-Identifier: GPL-2.0-only
/* vib: datagram QPs, of types UD, SMI and GSI. */

#include "vib_verbs.h"

/* Requests that a tasklet works on before it lets others have the CPU. */
#define VIB_UD_BUDGET 64

static u16 vib_ud_pkey(const struct vib_qp *qp, const struct vib_swqe *wqe)
{
	const struct vib_port *port = &qp->hca->port;
	u16 index = READ_ONCE(qp->attr.pkey_index);

	switch (qp->ibqp.qp_type) {
	case IB_QPT_SMI:
		return 0xffff;
	case IB_QPT_GSI:
		index = wqe->ud.pkey_index;
		break;
	default:
		break;
	}
	return READ_ONCE(port->pkey[index % VIB_NUM_PKEYS]);
}

/**
 * vib_ud_address() - write the headers of a datagram
 * @qp: the QP that sends
 * @wqe: the request
 * @pkt: the packet, its length final
 *
 * Context: the QP's tasklet.
 */
void vib_ud_address(struct vib_qp *qp, const struct vib_swqe *wqe,
		    struct vib_pkt *pkt)
{
	pkt->op = VIB_OP_UD_SEND;
	pkt->dqpn = wqe->ud.qpn;
	pkt->sqpn = qp->ibqp.qp_num;
	pkt->pkey = vib_ud_pkey(qp, wqe);
	/* A Q_Key with the high bit set stands for that of the QP. */
	pkt->qkey = wqe->ud.qkey;
	if (pkt->qkey & BIT(31))
		pkt->qkey = qp->ibqp.qp_type == IB_QPT_GSI ?
			    VIB_GSI_QKEY : READ_ONCE(qp->attr.qkey);
	if (wqe->flags & IB_SEND_SOLICITED)
		pkt->flags |= VIB_PKT_SOLICITED;
	if (wqe->opcode == IB_WR_SEND_WITH_IMM) {
		pkt->flags |= VIB_PKT_IMM;
		pkt->imm = wqe->imm;
	}
	vib_av_apply(&qp->hca->port, &wqe->ud.av, pkt);
}

static enum ib_wc_status vib_ud_send(struct vib_qp *qp, struct vib_swqe *wqe)
{
	struct vib_port *port = &qp->hca->port;
	struct vib_pkt *pkt;

	if (wqe->length > ib_mtu_enum_to_int(READ_ONCE(port->active_mtu)))
		return IB_WC_LOC_LEN_ERR;
	pkt = vib_pkt_alloc(wqe->length, GFP_ATOMIC);
	if (!pkt)
		return IB_WC_SUCCESS;	/* lost on the way, as datagrams are */
	if (vib_sge_copy(&qp->mem, wqe->sge, wqe->num_sge, 0, pkt->data,
			 wqe->length, VIB_FROM_MEM)) {
		vib_pkt_put(pkt);
		return IB_WC_LOC_PROT_ERR;
	}
	if (wqe->flags & IB_SEND_IP_CSUM)
		vib_csum_fill(pkt->data, pkt->len);
	vib_ud_address(qp, wqe, pkt);
	vib_port_send(port, pkt, qp);
	return IB_WC_SUCCESS;
}

static void vib_ud_flush(struct vib_qp *qp, enum ib_qp_state state)
{
	unsigned long flags;

	vib_sq_flush(qp);
	if (state != IB_QPS_ERR)
		return;
	spin_lock_irqsave(&qp->recv_lock, flags);
	vib_rq_flush(qp);
	spin_unlock_irqrestore(&qp->recv_lock, flags);
}

static enum ib_wc_status vib_ud_one(struct vib_qp *qp, struct vib_swqe *wqe)
{
	enum ib_wc_status status;

	status = vib_fault_hit(qp->hca, VIB_FAULT_SEND_STATUS,
			       qp->ibqp.qp_num);
	if (status)
		return status;
	if (wqe->opcode == IB_WR_LSO)
		return vib_lso_send(qp, wqe);
	return vib_ud_send(qp, wqe);
}

/**
 * vib_ud_run() - work of a datagram QP's tasklet
 * @qp: the QP
 *
 * Context: the QP's tasklet, under rcu_read_lock().
 * Return: true when there is more to do.
 */
bool vib_ud_run(struct vib_qp *qp)
{
	enum ib_wc_status status;
	enum ib_qp_state state;
	struct vib_swqe *wqe;
	int n;

	for (n = 0; n < VIB_UD_BUDGET; n++) {
		state = READ_ONCE(qp->state);
		if (state == IB_QPS_SQE || state == IB_QPS_ERR) {
			vib_ud_flush(qp, state);
			return false;
		}
		if (state == IB_QPS_SQD && xchg(&qp->sqd_event, false))
			vib_qp_event(qp, IB_EVENT_SQ_DRAINED);
		if (state != IB_QPS_RTS)
			return false;
		wqe = vib_sq_peek(qp, qp->sq_tail);
		if (!wqe)
			return false;
		/* The next post, or change of state, has another try. */
		if (vib_fault_hit(qp->hca, VIB_FAULT_STALL, qp->ibqp.qp_num))
			return false;
		status = vib_ud_one(qp, wqe);
		/* The state first: flushes follow the error, nothing else. */
		if (status)
			vib_qp_fail(qp, IB_QPS_SQE);
		vib_sq_complete(qp, status);
	}
	return true;
}

/* Finds the P_Key of the port that lets the packet in; -1: none. */
static int vib_ud_pkey_index(struct vib_port *port, const struct vib_qp *qp,
			     u16 pkey)
{
	int i;

	switch (qp->ibqp.qp_type) {
	case IB_QPT_SMI:
		return 0;
	case IB_QPT_GSI:
		for (i = 0; i < VIB_NUM_PKEYS; i++)
			if (vib_pkey_match(READ_ONCE(port->pkey[i]), pkey))
				return i;
		return -1;
	default:
		i = READ_ONCE(qp->attr.pkey_index) % VIB_NUM_PKEYS;
		return vib_pkey_match(READ_ONCE(port->pkey[i]), pkey) ? i : -1;
	}
}

/* Checks the keys; counts a violation of a unicast packet. */
static int vib_ud_check(struct vib_port *port, struct vib_qp *qp,
			const struct vib_pkt *pkt)
{
	bool ucast = !vib_lid_is_mcast(pkt->dlid);
	int index = vib_ud_pkey_index(port, qp, pkt->pkey);
	u32 qkey = VIB_GSI_QKEY;

	if (index < 0) {
		if (ucast) {
			atomic_inc(&port->bad_pkey);
			vib_trap_bad_pkey(port, pkt);
		}
		return -EACCES;
	}
	if (qp->ibqp.qp_type == IB_QPT_SMI)
		return index;
	if (qp->ibqp.qp_type == IB_QPT_UD)
		qkey = READ_ONCE(qp->attr.qkey);
	if (pkt->qkey != qkey) {
		if (ucast) {
			atomic_inc(&port->bad_qkey);
			vib_trap_bad_qkey(port, pkt);
		}
		return -EACCES;
	}
	return index;
}

/* Scatters a datagram, with the GRH area in front of it. */
static int vib_ud_scatter(struct vib_qp *qp, const struct vib_rwqe *rwqe,
			  const struct vib_pkt *pkt)
{
	const struct vib_mem *mem = &vib_qp_rq(qp)->mem;
	int err = 0;

	if (pkt->flags & VIB_PKT_GRH)
		err = vib_sge_copy(mem, rwqe->sge, rwqe->num_sge, 0,
				   (void *)&pkt->grh, VIB_GRH_LEN, VIB_TO_MEM);
	if (err)
		return err;
	return vib_sge_copy(mem, rwqe->sge, rwqe->num_sge, VIB_GRH_LEN,
			    (void *)pkt->data, pkt->len, VIB_TO_MEM);
}

static void vib_ud_take(struct vib_port *port, struct vib_qp *qp,
			const struct vib_pkt *pkt, int index)
{
	struct vib_rwqe rwqe;
	struct ib_wc wc = {
		.opcode = IB_WC_RECV,
		.byte_len = pkt->len + VIB_GRH_LEN,
		.src_qp = pkt->sqpn,
		.slid = pkt->slid,
		.sl = pkt->sl,
		.pkey_index = index,
	};

	lockdep_assert_held(&qp->recv_lock);
	if (!vib_rq_take(qp, &rwqe)) {
		atomic_inc(qp->ibqp.qp_type == IB_QPT_SMI ?
			   &port->vl15_dropped : &port->no_receive);
		return;
	}
	wc.wr_id = rwqe.wr_id;
	if (!vib_lid_is_mcast(pkt->dlid))
		wc.dlid_path_bits = pkt->dlid & ((1 << port->lmc) - 1);
	if (pkt->flags & VIB_PKT_GRH)
		wc.wc_flags |= IB_WC_GRH;
	if (pkt->flags & VIB_PKT_IMM) {
		wc.wc_flags |= IB_WC_WITH_IMM;
		wc.ex.imm_data = pkt->imm;
	}
	if (rwqe.length < wc.byte_len)
		wc.status = IB_WC_LOC_LEN_ERR;
	else if (vib_ud_scatter(qp, &rwqe, pkt))
		wc.status = IB_WC_LOC_PROT_ERR;
	else if (qp->hca->caps.csum && vib_csum_ok(pkt->data, pkt->len))
		wc.wc_flags |= IB_WC_IP_CSUM_OK;
	vib_recv_complete(qp, &wc, pkt->flags & VIB_PKT_SOLICITED);
}

/**
 * vib_ud_receive() - a datagram for a QP
 * @port: the port it came to
 * @qp: the QP
 * @pkt: the packet, not consumed and not changed
 *
 * Context: any that may not sleep, under rcu_read_lock(); many CPUs at once.
 */
void vib_ud_receive(struct vib_port *port, struct vib_qp *qp,
		    const struct vib_pkt *pkt)
{
	enum ib_qp_state state;
	unsigned long flags;
	int index;

	index = vib_ud_check(port, qp, pkt);
	if (index < 0)
		return;
	/*
	 * The lock is held over the copy: receives of a QP complete in the
	 * order of its receive queue. The state is looked at under it, so
	 * that nothing completes after the flush.
	 */
	spin_lock_irqsave(&qp->recv_lock, flags);
	state = READ_ONCE(qp->state);
	if (state >= IB_QPS_RTR && state != IB_QPS_ERR)
		vib_ud_take(port, qp, pkt, index);
	spin_unlock_irqrestore(&qp->recv_lock, flags);
}
