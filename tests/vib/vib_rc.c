// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: reliable connected QPs, the frame around requester and responder.
 *
 * All protocol state of a QP belongs to its tasklet: arriving packets and
 * timers only leave a note and schedule it. So there is no lock to take and
 * no lock order between two connected QPs.
 */

#include "vib_rc.h"

/**
 * vib_rc_xmit() - send a packet to the peer of a QP
 * @qp: the QP
 * @pkt: the packet; op, PSN and length are set; consumed
 *
 * Context: the QP's tasklet, under rcu_read_lock().
 */
void vib_rc_xmit(struct vib_qp *qp, struct vib_pkt *pkt)
{
	struct vib_port *port = &qp->hca->port;
	u16 index = READ_ONCE(qp->attr.pkey_index) % VIB_NUM_PKEYS;

	pkt->dqpn = qp->attr.dest_qp_num;
	pkt->sqpn = qp->ibqp.qp_num;
	pkt->pkey = READ_ONCE(port->pkey[index]);
	vib_av_apply(port, &qp->av, pkt);
	vib_port_send(port, pkt, qp);
}

/**
 * vib_rc_pop() - take the next packet that has arrived
 * @qp: the QP
 * @queue: its requests or answers
 *
 * Context: the QP's tasklet.
 * Return: the packet, now the caller's, or NULL.
 */
struct vib_pkt *vib_rc_pop(struct vib_qp *qp, struct list_head *queue)
{
	struct vib_pkt *pkt;
	unsigned long flags;

	spin_lock_irqsave(&qp->in_lock, flags);
	pkt = list_first_entry_or_null(queue, struct vib_pkt, list);
	if (pkt)
		list_del_init(&pkt->list);
	spin_unlock_irqrestore(&qp->in_lock, flags);
	return pkt;
}

static bool vib_rc_accepts(struct vib_port *port, struct vib_qp *qp,
			   const struct vib_pkt *pkt)
{
	u16 index = READ_ONCE(qp->attr.pkey_index) % VIB_NUM_PKEYS;
	enum ib_qp_state state = READ_ONCE(qp->state);

	if (pkt->op == VIB_OP_UD_SEND)
		return false;
	if (state < IB_QPS_RTR || state == IB_QPS_ERR)
		return false;
	/* Packets of another connection that had this QPN or that peer. */
	if (pkt->slid != qp->av.dlid || pkt->sqpn != qp->attr.dest_qp_num)
		return false;
	if (!vib_pkey_match(READ_ONCE(port->pkey[index]), pkt->pkey)) {
		atomic_inc(&port->bad_pkey);
		vib_trap_bad_pkey(port, pkt);
		return false;
	}
	return true;
}

/**
 * vib_rc_receive() - a packet for an RC QP
 * @port: the port it came to
 * @qp: the QP
 * @pkt: the packet, consumed; there is no other reference
 *
 * Context: any that may not sleep, under rcu_read_lock().
 */
void vib_rc_receive(struct vib_port *port, struct vib_qp *qp,
		    struct vib_pkt *pkt)
{
	bool answer = pkt->op == VIB_OP_RC_ACK ||
		      pkt->op == VIB_OP_RC_READ_RESP;
	unsigned long flags;

	if (!vib_rc_accepts(port, qp, pkt)) {
		vib_pkt_put(pkt);
		return;
	}
	spin_lock_irqsave(&qp->in_lock, flags);
	list_add_tail(&pkt->list, answer ? &qp->answers : &qp->requests);
	spin_unlock_irqrestore(&qp->in_lock, flags);
	tasklet_schedule(&qp->task);
}

static void vib_rc_drop_all(struct vib_qp *qp)
{
	struct vib_pkt *pkt;

	while ((pkt = vib_rc_pop(qp, &qp->requests)))
		vib_pkt_put(pkt);
	while ((pkt = vib_rc_pop(qp, &qp->answers)))
		vib_pkt_put(pkt);
}

static void vib_rc_flush(struct vib_qp *qp)
{
	vib_rc_drop_all(qp);
	vib_rc_resp_flush(qp);
	vib_sq_flush(qp);
	vib_rq_flush(qp);
	if (qp->ibqp.srq && !qp->last_wqe) {
		qp->last_wqe = true;
		vib_qp_event(qp, IB_EVENT_QP_LAST_WQE_REACHED);
	}
}

/**
 * vib_rc_run() - work of an RC QP's tasklet
 * @qp: the QP
 *
 * Context: the QP's tasklet, under rcu_read_lock().
 * Return: true when there is more to do.
 */
bool vib_rc_run(struct vib_qp *qp)
{
	enum ib_qp_state state = READ_ONCE(qp->state);
	bool more = false;

	if (state >= IB_QPS_RTR && state != IB_QPS_ERR)
		more = vib_rc_resp_run(qp);
	if (state >= IB_QPS_RTS && state != IB_QPS_ERR)
		more |= vib_rc_req_run(qp);
	if (READ_ONCE(qp->state) != IB_QPS_ERR)
		return more;
	vib_rc_flush(qp);
	return false;
}

/**
 * vib_rc_init() - set the transport of a new QP up
 * @qp: the QP
 */
void vib_rc_init(struct vib_qp *qp)
{
	spin_lock_init(&qp->in_lock);
	INIT_LIST_HEAD(&qp->requests);
	INIT_LIST_HEAD(&qp->answers);
	vib_rc_req_init(qp);
}

/**
 * vib_rc_ready() - take the attributes of a transition over
 * @qp: the QP, still in the old state
 * @mask: enum ib_qp_attr_mask; the new values are in @qp->attr
 *
 * Context: process, with @qp->mutex held.
 */
void vib_rc_ready(struct vib_qp *qp, int mask)
{
	lockdep_assert_held(&qp->mutex);
	if (mask & IB_QP_AV)
		vib_av_init(&qp->av, &qp->attr.ah_attr);
	if (mask & IB_QP_RQ_PSN)
		vib_rc_resp_ready(qp);
	if (mask & IB_QP_SQ_PSN)
		vib_rc_req_ready(qp);
}

/**
 * vib_rc_stop() - forget all that is in progress
 * @qp: the QP; no packet can reach it and its tasklet does nothing any more
 *
 * Context: process, sleeps.
 */
void vib_rc_stop(struct vib_qp *qp)
{
	vib_rc_req_stop(qp);
	vib_rc_resp_stop(qp);
	vib_rc_drop_all(qp);
}
