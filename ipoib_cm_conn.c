// SPDX-License-Identifier: GPL-2.0-only
/*
 * RC connections, in either direction: their QP, and their end.
 *
 * What keeps a connection quiet that was ended (the argument of
 * ipoib_cm_conns_end()):
 *  1. It has been unlinked: no packet finds it, the worker has forgotten it. A
 *     send ring is closed under its lock: nothing more is posted.
 *  2. The RDMA CM's object is destroyed, which waits for its callbacks and
 *     tells the peer.
 *  3. The QP goes to ERR: the HCA flushes what was posted. A QP that takes its
 *     receives from the SRQ raises LAST_WQE_REACHED when it takes no more.
 *  4. Then a marker is posted: to the receive queue if the QP has one of its
 *     own, else to the send queue. All completions of the QP go to one CQ and
 *     the marker is the last of them, so once it was polled, nothing refers to
 *     the connection any more.
 *  5. The QP is destroyed: the HCA has no buffer of it, also when the marker
 *     did not come back in time; a poll that was under way then is waited for
 *     by RCU (it runs with BHs off). What is left in the rings is freed.
 * The steps are done for all connections of a list before the next one begins,
 * so that many take as long as one.
 */
#include "ipoib.h"
#include "ipoib_cm_conn.h"

/* An HCA answers in microseconds; after this long it is considered gone. */
#define IPOIB_CM_DRAIN_MS	3000
/* How long an HCA waits for an answer before it repeats a request: 4.096 us
 * times two to this power, 0.5 s. Paths often say a multiple, with which a
 * single loss would hold a connection up for seconds.
 */
#define IPOIB_CM_ACK_TIMEOUT	17
#define IPOIB_CM_RETRIES	3
/* Without end: a receiver that is out of buffers will have some again, and a
 * ring that does not move for long is seen by the worker.
 */
#define IPOIB_CM_RNR_RETRIES	7
/* A sender that found no buffer tries again after 0.64 ms. */
#define IPOIB_CM_RNR_TIMER	12

static void conn_event(struct ib_event *event, void *ctx)
{
	struct ipoib_cm_conn *c = ctx;

	switch (event->event) {
	case IB_EVENT_QP_LAST_WQE_REACHED:
		complete(&c->last_wqe);
		ipoib_cm_event(c, IPOIB_CM_EV_LAST_WQE);
		break;
	case IB_EVENT_COMM_EST:
		ipoib_cm_event(c, IPOIB_CM_EV_ESTABLISHED);
		break;
	case IB_EVENT_QP_FATAL:
	case IB_EVENT_QP_REQ_ERR:
	case IB_EVENT_QP_ACCESS_ERR:
		ipoib_cm_event(c, IPOIB_CM_EV_ERROR);
		break;
	default:
		break;
	}
}

/**
 * ipoib_cm_conn_init() - begin a connection
 * @c: all zero
 * @cm: connected mode of the interface
 * @receives: the peer sends on it
 *
 * Context: any.
 */
void ipoib_cm_conn_init(struct ipoib_cm_conn *c, struct ipoib_cm *cm,
			bool receives)
{
	c->cm = cm;
	c->receives = receives;
	c->used = jiffies;
	c->since = jiffies;
	init_completion(&c->last_wqe);
	init_completion(&c->flushed);
	INIT_LIST_HEAD(&c->list);
	INIT_LIST_HEAD(&c->todo);
}

/**
 * ipoib_cm_conn_create_qp() - lane and QP of a connection, in RESET
 * @c: the connection
 * @sends: sends that may be posted, the drain marker included
 * @send_sge: pieces of a send
 * @receives: receives of its own that may be posted, the drain marker
 *	included; 0: they come from the SRQ, or there are none
 *
 * Context: state.lock; sleeps.
 * Return: 0 or -errno; then there is neither.
 */
int ipoib_cm_conn_create_qp(struct ipoib_cm_conn *c, u32 sends, u32 send_sge,
			    u32 receives)
{
	struct ipoib_cm *cm = c->cm;
	struct ib_qp_init_attr attr = {
		.event_handler = conn_event,
		.qp_context = c,
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.qp_type = IB_QPT_RC,
		.cap = {
			.max_send_wr = sends,
			.max_send_sge = send_sge,
			.max_recv_wr = receives,
			.max_recv_sge = receives ? cm->pages : 0,
		},
	};
	struct ib_qp *qp;
	int err;

	err = ipoib_cm_lane_take(c, sends + receives);
	if (err)
		return err;
	attr.send_cq = c->cq->cq;
	attr.recv_cq = c->cq->cq;
	if (c->receives && cm->has_srq)
		attr.srq = cm->rq.srq;
	qp = ib_create_qp(cm->priv->pd, &attr);
	if (IS_ERR(qp)) {
		ipoib_cm_lane_give(c);
		return PTR_ERR(qp);
	}
	c->qp = qp;
	return 0;
}

/**
 * ipoib_cm_conn_modify() - take a QP to INIT, RTR or RTS
 * @c: connection whose REQ or REP has come, or was sent
 * @state: next state; the attributes are the RDMA CM's
 *
 * Context: state.lock; sleeps.
 * Return: 0 or -errno.
 */
int ipoib_cm_conn_modify(struct ipoib_cm_conn *c, enum ib_qp_state state)
{
	struct ib_qp_attr attr = { .qp_state = state };
	int err, mask;

	err = ib_cm_init_qp_attr(c->id, &attr, &mask);
	if (err)
		return err;
	switch (state) {
	case IB_QPS_INIT:
		/* Plain messages: no peer writes or reads memory. */
		attr.qp_access_flags = 0;
		break;
	case IB_QPS_RTR:
		attr.min_rnr_timer = IPOIB_CM_RNR_TIMER;
		/* The RDMA CM learns it from the REP, which comes later. */
		if (c->receives)
			attr.rq_psn = container_of(c, struct ipoib_cm_rx,
						   c)->psn;
		break;
	case IB_QPS_RTS:
		attr.timeout = min_t(u8, attr.timeout, IPOIB_CM_ACK_TIMEOUT);
		attr.retry_cnt = IPOIB_CM_RETRIES;
		attr.rnr_retry = IPOIB_CM_RNR_RETRIES;
		break;
	default:
		break;
	}
	err = ib_modify_qp(c->qp, &attr, mask);
	if (!err && state == IB_QPS_RTR)
		c->armed = true;
	return err;
}

static int conn_post_marker(struct ipoib_cm_conn *c)
{
	struct ib_recv_wr rwr = { .wr_id = IPOIB_CM_WR_DRAIN };
	struct ib_send_wr swr = {
		.wr_id = IPOIB_CM_WR_DRAIN,
		.opcode = IB_WR_SEND,
		.send_flags = IB_SEND_SIGNALED,
	};
	const struct ib_send_wr *bad_s;
	const struct ib_recv_wr *bad_r;

	if (c->receives && !c->cm->has_srq)
		return ib_post_recv(c->qp, &rwr, &bad_r);
	return ib_post_send(c->qp, &swr, &bad_s);
}

/* Steps 2 and 3. */
static void conn_shut(struct ipoib_cm_conn *c)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_ERR };

	if (c->id)
		ib_destroy_cm_id(c->id);
	c->id = NULL;
	if (!c->qp)
		return;
	/* One in RESET has nothing to flush. */
	if (ib_modify_qp(c->qp, &attr, IB_QP_STATE))
		complete(&c->flushed);
}

/* Step 4. */
static bool conn_mark(struct ipoib_cm_conn *c, unsigned long deadline)
{
	unsigned long now = jiffies;
	unsigned long left = time_before(now, deadline) ? deadline - now : 0;

	if (!c->qp || completion_done(&c->flushed))
		return true;
	if (c->receives && c->cm->has_srq && c->armed &&
	    !wait_for_completion_timeout(&c->last_wqe, left))
		return false;
	if (conn_post_marker(c))
		complete(&c->flushed);
	return true;
}

static bool conn_wait(struct ipoib_cm_conn *c, unsigned long deadline)
{
	unsigned long now = jiffies;

	return !c->qp ||
	       wait_for_completion_timeout(&c->flushed,
					   time_before(now, deadline) ?
					   deadline - now : 0);
}

/* Step 5. */
static void conn_free(struct ipoib_cm_conn *c)
{
	struct ipoib_cm *cm = c->cm;
	struct ipoib_cm_tx *tx = container_of(c, struct ipoib_cm_tx, c);
	struct ipoib_cm_rx *rx = container_of(c, struct ipoib_cm_rx, c);
	u64 lost;

	ipoib_cm_lane_give(c);
	if (c->receives) {
		if (!cm->has_srq)
			ipoib_cm_rq_free(&rx->rq);
	} else {
		lost = u64_stats_read(&tx->ring.stats.errors);
		ipoib_tx_ring_purge(&tx->ring);
		lost = u64_stats_read(&tx->ring.stats.errors) - lost;
		ipoib_count_n(&cm->priv->reasons, IPOIB_R_CM_LOST, lost);
		ipoib_tx_ring_free(&tx->ring);
		cm->n_tx--;
	}
	/* Senders may still look at it, and find it closed. */
	if (c->receives)
		kfree_rcu(rx, c.rcu);
	else
		kfree_rcu(tx, c.rcu);
}

/**
 * ipoib_cm_conns_end() - end connections
 * @cm: connected mode of the interface
 * @dead: connections by ipoib_cm_conn.todo, unlinked; closed if they send;
 *	freed
 *
 * The argument why nothing is left is at the top of this file.
 *
 * Context: state.lock; sleeps, up to IPOIB_CM_DRAIN_MS with a dead HCA.
 */
void ipoib_cm_conns_end(struct ipoib_cm *cm, struct list_head *dead)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(IPOIB_CM_DRAIN_MS);
	struct ipoib_cm_conn *c, *next;
	u32 late = 0;

	lockdep_assert_held(&cm->priv->state.lock);
	list_for_each_entry(c, dead, todo)
		conn_shut(c);
	list_for_each_entry(c, dead, todo)
		late += !conn_mark(c, deadline);
	list_for_each_entry(c, dead, todo)
		late += !conn_wait(c, deadline);
	list_for_each_entry(c, dead, todo) {
		if (c->qp)
			ib_destroy_qp(c->qp);
		c->qp = NULL;
	}
	if (late) {
		netdev_warn(cm->priv->dev,
			    "the HCA did not flush all connections in %u ms\n",
			    IPOIB_CM_DRAIN_MS);
		synchronize_net();
	}
	list_for_each_entry_safe(c, next, dead, todo) {
		list_del(&c->todo);
		conn_free(c);
	}
}

/**
 * ipoib_cm_conn_end() - end one connection
 * @c: as for ipoib_cm_conns_end()
 *
 * Context: state.lock; sleeps.
 */
void ipoib_cm_conn_end(struct ipoib_cm_conn *c)
{
	LIST_HEAD(dead);

	list_move_tail(&c->todo, &dead);
	ipoib_cm_conns_end(c->cm, &dead);
}
