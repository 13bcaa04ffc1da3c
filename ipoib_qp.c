// SPDX-License-Identifier: GPL-2.0-only
/*
 * The QP and CQs of a queue: made, started, stopped, brought back from errors.
 *
 * What keeps a stopped queue quiet (the argument of ipoib_ud_stop()):
 *  1. @tx.closed is set under the tx queue lock: nothing more is posted.
 *  2. The QP goes to ERR: the HCA flushes what was posted.
 *  3. A marker is posted to each direction. Both queues complete in order,
 *     so once the markers completed, everything before them has.
 *  4. NAPIs and timer are switched off. Nobody touches the rings any more.
 *  5. The QP goes to RESET: the HCA has forgotten all buffers, also when the
 *     markers did not come back in time. What is left in the rings is freed.
 */
#include "ipoib.h"
#include "ipoib_ib.h"
#include "ipoib_trace.h"

/* An HCA answers in microseconds; after this long it is considered gone. */
#define IPOIB_DRAIN_MS		5000

static void ud_error_event(struct ib_event *event, void *ctx)
{
	struct ipoib_queue *q = ctx;

	switch (event->event) {
	case IB_EVENT_QP_FATAL:
	case IB_EVENT_QP_REQ_ERR:
	case IB_EVENT_QP_ACCESS_ERR:
	case IB_EVENT_CQ_ERR:
		netdev_err(q->priv->dev, "queue %u: %s\n", q->index,
			   ib_event_msg(event->event));
		set_bit(IPOIB_Q_RESET, &q->flags);
		ipoib_state_kick(q->priv, IPOIB_ST_RECOVER);
		break;
	default:
		break;
	}
}

static struct ib_cq *ud_create_cq(struct ipoib_queue *q, u32 depth,
				  ib_comp_handler handler)
{
	struct ib_device *hca = q->priv->hca;
	struct ib_cq_init_attr attr = {
		.cqe = min_t(u32, depth, hca->attrs.max_cqe),
		.comp_vector = (q->priv->port - 1 + q->index) %
			       hca->num_comp_vectors,
	};

	return ib_create_cq(hca, handler, ud_error_event, q, &attr);
}

static struct ib_qp *ud_create_qp(struct ipoib_queue *q)
{
	struct ib_device *hca = q->priv->hca;
	struct ib_qp_init_attr attr = {
		.event_handler = ud_error_event,
		.qp_context = q,
		.send_cq = q->tx_cq,
		.recv_cq = q->rx_cq,
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.qp_type = IB_QPT_UD,
		.cap = {
			/* One more for the drain marker. */
			.max_send_wr = q->tx.depth + 1,
			.max_recv_wr = q->rx.depth + 1,
			.max_send_sge = q->tx.max_sge,
			.max_recv_sge = 1,
		},
	};

	if (hca->attrs.kernel_cap_flags & IBK_UD_TSO)
		attr.create_flags |= IB_QP_CREATE_IPOIB_UD_LSO;
	if (hca->attrs.kernel_cap_flags & IBK_BLOCK_MULTICAST_LOOPBACK)
		attr.create_flags |= IB_QP_CREATE_BLOCK_MULTICAST_LOOPBACK;
	if (hca->attrs.device_cap_flags & IB_DEVICE_MANAGED_FLOW_STEERING)
		attr.create_flags |= IB_QP_CREATE_NETIF_QP;
	return ib_create_qp(q->priv->pd, &attr);
}

/**
 * ipoib_ud_create() - CQs and QP of a queue, in RESET
 * @q: queue with rings of the wanted depth
 *
 * Context: may sleep.
 * Return: 0 or the provider's -errno; then nothing is left behind.
 */
int ipoib_ud_create(struct ipoib_queue *q)
{
	struct net_device *dev = q->priv->dev;
	int err;

	q->rx_cq = ud_create_cq(q, q->rx.depth + 1, ipoib_ud_rx_event);
	if (IS_ERR(q->rx_cq))
		return PTR_ERR(q->rx_cq);
	q->tx_cq = ud_create_cq(q, q->tx.depth + 1, ipoib_ud_tx_event);
	if (IS_ERR(q->tx_cq)) {
		err = PTR_ERR(q->tx_cq);
		goto free_rx_cq;
	}
	q->qp = ud_create_qp(q);
	if (IS_ERR(q->qp)) {
		err = PTR_ERR(q->qp);
		goto free_tx_cq;
	}
	q->rx.qp = q->qp;
	q->tx.qp = q->qp;
	q->tx.closed = true;
	init_completion(&q->drained);
	timer_setup(&q->watch, ipoib_ud_watch, 0);
	netif_napi_add(dev, &q->rx_napi, ipoib_ud_rx_poll);
	netif_napi_add_tx(dev, &q->tx_napi, ipoib_ud_tx_poll);
	return 0;

free_tx_cq:
	ib_destroy_cq(q->tx_cq);
free_rx_cq:
	ib_destroy_cq(q->rx_cq);
	return err;
}

/**
 * ipoib_ud_destroy() - give QP and CQs back
 * @q: stopped queue, attached to no multicast group
 *
 * Context: may sleep.
 */
void ipoib_ud_destroy(struct ipoib_queue *q)
{
	int err;

	netif_napi_del(&q->tx_napi);
	netif_napi_del(&q->rx_napi);
	err = ib_destroy_qp(q->qp);
	if (err)
		netdev_err(q->priv->dev, "queue %u: destroying QP 0x%x: %d\n",
			   q->index, q->qp->qp_num, err);
	ib_destroy_cq(q->tx_cq);
	ib_destroy_cq(q->rx_cq);
}

static int ud_to_state(struct ipoib_queue *q, enum ib_qp_state state)
{
	const struct ipoib_priv *priv = q->priv;
	struct ib_qp_attr attr = { .qp_state = state };
	int mask = IB_QP_STATE;
	int err;

	switch (state) {
	case IB_QPS_INIT:
		attr.pkey_index = priv->fport.pkey_index;
		attr.port_num = priv->port;
		attr.qkey = priv->qkey;
		mask |= IB_QP_PKEY_INDEX | IB_QP_PORT | IB_QP_QKEY;
		break;
	case IB_QPS_RTS:
		mask |= IB_QP_SQ_PSN;
		break;
	default:
		break;
	}
	err = ib_modify_qp(q->qp, &attr, mask);
	if (err)
		netdev_err(priv->dev, "queue %u: QP 0x%x to state %d: %d\n",
			   q->index, q->qp->qp_num, state, err);
	return err;
}

/* SQE to RTS takes no PSN: the send queue goes on where it stopped. */
static int ud_sqe_to_rts(struct ipoib_queue *q)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_RTS };

	return ib_modify_qp(q->qp, &attr, IB_QP_STATE);
}

/**
 * ipoib_ud_start() - bring a queue from RESET to RTS with buffers posted
 * @q: stopped queue
 *
 * Context: state mutex; may sleep.
 * Return: 0 or -errno; then the queue is stopped as before.
 */
int ipoib_ud_start(struct ipoib_queue *q)
{
	int err;

	lockdep_assert_held(&q->priv->state.lock);
	err = ud_to_state(q, IB_QPS_INIT);
	if (err)
		return err;
	err = ipoib_rx_ring_fill(&q->rx, GFP_KERNEL);
	/* A part of the buffers is enough to begin with; none is not. */
	if (err && !ipoib_rx_ring_posted(&q->rx))
		goto reset;
	err = ud_to_state(q, IB_QPS_RTR);
	if (!err)
		err = ud_to_state(q, IB_QPS_RTS);
	if (err)
		goto reset;

	q->flags = BIT(IPOIB_Q_RUNNING);
	napi_enable(&q->rx_napi);
	napi_enable(&q->tx_napi);
	__netif_tx_lock_bh(q->tx.txq);
	q->tx.closed = false;
	/* A queue that was reset alone may have packets waiting. */
	netif_tx_wake_queue(q->tx.txq);
	__netif_tx_unlock_bh(q->tx.txq);
	/* The first polls arm the CQs, and the timer keeps an eye on them. */
	mod_timer(&q->watch, jiffies + HZ);
	local_bh_disable();
	napi_schedule(&q->rx_napi);
	napi_schedule(&q->tx_napi);
	local_bh_enable();
	return 0;

reset:
	ud_to_state(q, IB_QPS_RESET);
	ipoib_rx_ring_purge(&q->rx);
	return err;
}

static void ud_drain(struct ipoib_queue *q)
{
	struct ib_recv_wr rwr = { .wr_id = IPOIB_WR_DRAIN };
	struct ib_ud_wr swr = {
		.wr = {
			.wr_id = IPOIB_WR_DRAIN,
			.opcode = IB_WR_SEND,
			.send_flags = IB_SEND_SIGNALED,
		},
	};
	const struct ib_send_wr *bad_s;
	const struct ib_recv_wr *bad_r;

	reinit_completion(&q->drained);
	/* One for us, so that the first marker cannot finish alone. */
	atomic_set(&q->drain_left, 3);
	if (ib_post_recv(q->qp, &rwr, &bad_r))
		ipoib_ud_marker_done(q);
	if (ib_post_send(q->qp, &swr.wr, &bad_s))
		ipoib_ud_marker_done(q);
	ipoib_ud_marker_done(q);
	if (!wait_for_completion_timeout(&q->drained,
					 msecs_to_jiffies(IPOIB_DRAIN_MS)))
		netdev_warn(q->priv->dev,
			    "queue %u: the HCA did not flush in %u ms\n",
			    q->index, IPOIB_DRAIN_MS);
}

static void ud_discard(struct ipoib_queue *q)
{
	while (ib_poll_cq(q->rx_cq, IPOIB_POLL_BATCH, q->rx_wc) > 0)
		;
	while (ib_poll_cq(q->tx_cq, IPOIB_POLL_BATCH, q->tx_wc) > 0)
		;
}

/**
 * ipoib_ud_stop() - quiesce a queue and take its QP to RESET
 * @q: running queue
 *
 * The argument why nothing is left is at the top of this file. QPN, Q_Key and
 * multicast attachments stay.
 *
 * Context: state mutex; may sleep, up to IPOIB_DRAIN_MS with a dead HCA.
 */
void ipoib_ud_stop(struct ipoib_queue *q)
{
	lockdep_assert_held(&q->priv->state.lock);
	__netif_tx_lock_bh(q->tx.txq);
	q->tx.closed = true;
	netif_tx_stop_queue(q->tx.txq);
	ipoib_ud_doorbell(q);
	__netif_tx_unlock_bh(q->tx.txq);
	clear_bit(IPOIB_Q_RUNNING, &q->flags);
	if (!ud_to_state(q, IB_QPS_ERR))
		ud_drain(q);
	napi_disable(&q->rx_napi);
	napi_disable(&q->tx_napi);
	/* Only polls and the timer itself start the timer. */
	timer_delete_sync(&q->watch);
	ud_to_state(q, IB_QPS_RESET);
	ud_discard(q);
	ipoib_tx_ring_purge(&q->tx);
	ipoib_rx_ring_purge(&q->rx);
}

static bool ud_restart_needed(struct ipoib_queue *q)
{
	struct ib_qp_init_attr init;
	struct ib_qp_attr attr;

	if (ib_query_qp(q->qp, &attr, IB_QP_STATE, &init))
		return true;
	switch (attr.qp_state) {
	case IB_QPS_RTS:
		return false;
	case IB_QPS_SQE:
		return ud_sqe_to_rts(q) != 0;
	default:
		return true;
	}
}

/**
 * ipoib_ud_recover() - look after a queue that reported an error
 * @q: running queue
 *
 * Context: state mutex; may sleep.
 * Return: 0; -errno if the queue could not be restarted and is stopped.
 */
int ipoib_ud_recover(struct ipoib_queue *q)
{
	unsigned long flags = READ_ONCE(q->flags);
	bool reset = test_and_clear_bit(IPOIB_Q_RESET, &q->flags);
	bool stuck = test_and_clear_bit(IPOIB_Q_TX_TIMEOUT, &q->flags);
	bool error = test_and_clear_bit(IPOIB_Q_SQ_ERROR, &q->flags);
	int err = 0;

	lockdep_assert_held(&q->priv->state.lock);
	if (!reset && !stuck && !error)
		return 0;
	trace_ipoib_recover(q->priv->dev, q->index, flags);
	if (reset || stuck || ud_restart_needed(q)) {
		ipoib_ud_stop(q);
		err = ipoib_ud_start(q);
	}
	/* Whoever sees the count may send again. */
	if (!err)
		ipoib_count(&q->priv->reasons, IPOIB_R_QP_RECOVERED);
	return err;
}

/**
 * ipoib_ud_set_qkey() - change the Q_Key that the QP accepts
 * @q: queue
 * @qkey: new Q_Key
 *
 * Context: state mutex; may sleep.
 * Return: 0 or the provider's -errno.
 */
int ipoib_ud_set_qkey(struct ipoib_queue *q, u32 qkey)
{
	struct ib_qp_attr attr = { .qkey = qkey };

	lockdep_assert_held(&q->priv->state.lock);
	return ib_modify_qp(q->qp, &attr, IB_QP_QKEY);
}
