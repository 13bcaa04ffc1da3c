// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that we send on.
 *
 * Several tx queues may send to one peer, so the posting side of the ring has a
 * lock of its own, which nothing is taken in. A full ring never stops a netdev
 * queue: that would let one slow peer hold up all others. Its packets wait in a
 * backlog as long as the netdev's tx_queue_len instead and are dropped beyond.
 * They stay charged to their sockets, so TCP and blocking senders slow down.
 *
 * Packets of a burst to one peer make one chain and one doorbell. The tx queue
 * remembers which connection has a chain that was not posted, see
 * ipoib_cm_xmit() and ipoib_cm_flush().
 */
#include <linux/random.h>

#include "ipoib.h"
#include "ipoib_cm_conn.h"
#include "ipoib_pmtu.h"

/* A ring that does not move for so long is broken, whatever the HCA says. */
#define IPOIB_CM_STUCK		(10 * HZ)
/* How long a peer may think about a REQ: 4.096 us times two to this power,
 * one second; and how often it is sent again.
 */
#define IPOIB_CM_RESPONSE	18
#define IPOIB_CM_MSG_RETRIES	3

/* ---- CM messages ---- */

static int tx_handler(struct ib_cm_id *id, const struct ib_cm_event *event)
{
	struct ipoib_cm_tx *tx = id->context;
	const struct ipoib_cm_data *data = event->private_data;

	switch (event->event) {
	case IB_CM_REP_RECEIVED:
		tx->peer_mtu = data->mtu;
		ipoib_cm_event(&tx->c, IPOIB_CM_EV_REP);
		break;
	case IB_CM_REJ_RECEIVED:
		ipoib_dbg(tx->c.cm->priv, "connection refused: %s\n",
			  ibcm_reject_msg(event->param.rej_rcvd.reason));
		ipoib_cm_event(&tx->c, IPOIB_CM_EV_REJ);
		break;
	case IB_CM_REQ_ERROR:
		ipoib_cm_event(&tx->c, IPOIB_CM_EV_TIMEOUT);
		break;
	case IB_CM_DREQ_RECEIVED:
	case IB_CM_TIMEWAIT_EXIT:
		ipoib_cm_event(&tx->c, IPOIB_CM_EV_DREQ);
		break;
	default:
		break;
	}
	/* The object stays ours: the worker destroys it. */
	return 0;
}

static int tx_send_req(struct ipoib_cm_tx *tx, const u8 *hw,
		       const struct sa_path_rec *rec)
{
	struct ipoib_priv *priv = tx->c.cm->priv;
	struct sa_path_rec path = *rec;
	struct ipoib_cm_data data = {
		.qpn = cpu_to_be32(priv->qpn),
		.mtu = cpu_to_be32(ipoib_cm_max_mtu(priv) + IPOIB_ENCAP_LEN),
	};
	struct ib_cm_req_param req = {
		.primary_path = &path,
		.service_id = cpu_to_be64(ipoib_cm_service(ipoib_hw_qpn(hw))),
		.qp_num = tx->c.qp->qp_num,
		.qp_type = IB_QPT_RC,
		.starting_psn = get_random_u32() & 0xffffff,
		.private_data = &data,
		.private_data_len = sizeof(data),
		/* Some stacks do not take zero. */
		.responder_resources = 4,
		.remote_cm_response_timeout = IPOIB_CM_RESPONSE,
		.local_cm_response_timeout = IPOIB_CM_RESPONSE,
		.max_cm_retries = IPOIB_CM_MSG_RETRIES,
		.srq = tx->c.cm->has_srq,
	};

	tx->c.id = ib_create_cm_id(priv->hca, tx_handler, tx);
	if (IS_ERR(tx->c.id)) {
		int err = PTR_ERR(tx->c.id);

		tx->c.id = NULL;
		return err;
	}
	ipoib_count(&priv->reasons, IPOIB_R_CM_REQ);
	return ib_send_cm_req(tx->c.id, &req);
}

static struct ipoib_cm_tx *tx_alloc(struct ipoib_cm *cm)
{
	struct ipoib_priv *priv = cm->priv;
	u32 depth = min_t(u32, priv->params.tx_ring, IPOIB_CM_TX_RING);
	u32 max_sge = min_t(u32, priv->hca->attrs.max_send_sge,
			    MAX_SKB_FRAGS + 1);
	struct ipoib_cm_tx *tx;

	tx = kzalloc(sizeof(*tx), GFP_KERNEL);
	if (!tx)
		return NULL;
	ipoib_cm_conn_init(&tx->c, cm, false);
	spin_lock_init(&tx->lock);
	__skb_queue_head_init(&tx->backlog);
	tx->ring.closed = true;
	tx->seen_at = jiffies;
	if (ipoib_tx_ring_init(&tx->ring, priv->hca, NULL, depth, depth,
			       max_sge)) {
		kfree(tx);
		return NULL;
	}
	cm->n_tx++;
	return tx;
}

/**
 * ipoib_cm_tx_request() - make a connection and send the REQ
 * @cm: connected mode of the interface
 * @hw: the peer, 20 bytes
 * @rec: path to it
 *
 * Context: state.lock; sleeps.
 * Return: the connection, or an ERR_PTR().
 */
struct ipoib_cm_tx *ipoib_cm_tx_request(struct ipoib_cm *cm, const u8 *hw,
					const struct sa_path_rec *rec)
{
	struct ipoib_cm_tx *tx;
	int err;

	lockdep_assert_held(&cm->priv->state.lock);
	tx = tx_alloc(cm);
	if (!tx)
		return ERR_PTR(-ENOMEM);
	err = ipoib_cm_conn_create_qp(&tx->c, tx->ring.depth + 1,
				      tx->ring.max_sge, 0);
	if (!err) {
		tx->ring.qp = tx->c.qp;
		err = tx_send_req(tx, hw, rec);
	}
	if (!err)
		return tx;
	ipoib_cm_conn_end(&tx->c);
	return ERR_PTR(err);
}

/**
 * ipoib_cm_tx_connect() - the REP has come: get the connection going
 * @tx: the connection
 *
 * Context: state.lock; sleeps.
 * Return: 0; then it may be sent on. -errno.
 */
int ipoib_cm_tx_connect(struct ipoib_cm_tx *tx)
{
	static const enum ib_qp_state way[] = {
		IB_QPS_INIT, IB_QPS_RTR, IB_QPS_RTS
	};
	int err, i;

	tx->mtu = ipoib_cm_peer_mtu(tx->peer_mtu);
	if (!tx->mtu)
		return -EPROTO;
	for (i = 0; i < ARRAY_SIZE(way); i++) {
		err = ipoib_cm_conn_modify(&tx->c, way[i]);
		if (err)
			return err;
	}
	err = ib_send_cm_rtu(tx->c.id, NULL, 0);
	if (err)
		return err;
	tx->c.since = jiffies;
	tx->seen_at = jiffies;
	spin_lock_bh(&tx->lock);
	tx->ring.closed = false;
	spin_unlock_bh(&tx->lock);
	return 0;
}

/* ---- packets ---- */

static void tx_doorbell(struct ipoib_cm_tx *tx)
{
	lockdep_assert_held(&tx->lock);
	/* What was not posted is freed with the connection. */
	if (unlikely(ipoib_tx_ring_doorbell(&tx->ring)))
		ipoib_cm_event(&tx->c, IPOIB_CM_EV_ERROR);
}

static void tx_drop(struct ipoib_cm_tx *tx, struct sk_buff *skb,
		    enum ipoib_reason why)
{
	ipoib_count(&tx->c.cm->priv->reasons, why);
	dev_kfree_skb_any(skb);
}

static void tx_post(struct ipoib_cm_tx *tx, struct sk_buff *skb)
{
	struct ib_ud_wr *wr = ipoib_tx_ring_add(&tx->ring, skb, 0);

	lockdep_assert_held(&tx->lock);
	if (unlikely(!wr)) {
		tx_drop(tx, skb, IPOIB_R_CM_DROPPED);
		return;
	}
	wr->wr.opcode = IB_WR_SEND;
	wr->wr.send_flags = 0;
	skb_tx_timestamp(skb);
	ipoib_tx_ring_commit(&tx->ring, skb, NULL, 0, 1);
	if (tx->ring.n_chain == IPOIB_TX_BURST)
		tx_doorbell(tx);
}

/* Moves what waits into the ring as far as there is room. */
static void tx_advance(struct ipoib_cm_tx *tx)
{
	struct sk_buff *skb;

	spin_lock(&tx->lock);
	while (!tx->ring.closed && ipoib_tx_ring_room(&tx->ring)) {
		skb = __skb_dequeue(&tx->backlog);
		if (!skb)
			break;
		tx_post(tx, skb);
	}
	tx_doorbell(tx);
	spin_unlock(&tx->lock);
}

/* Without the offloads that a datagram QP may have, and in as many pieces as
 * the QP takes.
 */
static bool tx_fit(struct ipoib_cm_tx *tx, struct sk_buff *skb)
{
	u32 pieces = skb_shinfo(skb)->nr_frags + !!skb_headlen(skb);

	if (skb->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(skb))
		return false;
	return likely(pieces <= tx->ring.max_sge) || !skb_linearize(skb);
}

/**
 * ipoib_cm_tx_send() - send a packet on a connection
 * @tx: the connection
 * @skb: from the encapsulation header on
 * @more: others of the same burst follow: leave the doorbell to them, or to
 *	ipoib_cm_flush()
 *
 * Context: BHs off, RCU read side or worker.
 * Return: true if the packet was consumed; false, with the packet untouched, if
 * it must go as a datagram: the connection is being closed, or the packet is
 * for the HCA to segment.
 */
bool ipoib_cm_tx_send(struct ipoib_cm_tx *tx, struct sk_buff *skb, bool more)
{
	struct ipoib_priv *priv = tx->c.cm->priv;
	unsigned long now = jiffies;
	bool sent = true;

	if (unlikely(skb_is_gso(skb) || READ_ONCE(tx->ring.closed)))
		return false;
	if (unlikely(skb->len > tx->mtu + IPOIB_ENCAP_LEN)) {
		ipoib_pmtu_report(priv, skb, tx->mtu);
		return true;
	}
	if (unlikely(!tx_fit(tx, skb))) {
		tx_drop(tx, skb, IPOIB_R_CM_DROPPED);
		return true;
	}
	if (READ_ONCE(tx->c.used) != now)
		WRITE_ONCE(tx->c.used, now);

	spin_lock(&tx->lock);
	if (unlikely(tx->ring.closed)) {
		sent = false;
	} else if (likely(skb_queue_empty(&tx->backlog) &&
			  ipoib_tx_ring_room(&tx->ring))) {
		tx_post(tx, skb);
		if (!more)
			tx_doorbell(tx);
	} else if (skb_queue_len(&tx->backlog) < priv->dev->tx_queue_len) {
		/* Completions of what was posted move it on. */
		__skb_queue_tail(&tx->backlog, skb);
		tx_doorbell(tx);
	} else {
		tx_drop(tx, skb, IPOIB_R_CM_BACKLOG_FULL);
	}
	spin_unlock(&tx->lock);
	/* The last completion may have come before the packet was queued. */
	if (unlikely(!skb_queue_empty_lockless(&tx->backlog)))
		tx_advance(tx);
	return sent;
}

/**
 * ipoib_cm_tx_doorbell() - post what was chained
 * @tx: the connection
 *
 * Context: BHs off, RCU read side.
 */
void ipoib_cm_tx_doorbell(struct ipoib_cm_tx *tx)
{
	spin_lock(&tx->lock);
	if (!tx->ring.closed)
		tx_doorbell(tx);
	spin_unlock(&tx->lock);
}

/* Flushes come behind an error, or when we end the connection. Alone they
 * come when a QP fails without a first cause; nothing else would tell.
 */
static void tx_error(struct ipoib_cm_tx *tx, const struct ib_wc *wc)
{
	if (READ_ONCE(tx->ring.closed))
		return;
	if (wc->status == IB_WC_WR_FLUSH_ERR) {
		ipoib_cm_event(&tx->c, IPOIB_CM_EV_FLUSHED);
		return;
	}
	ipoib_dbg(tx->c.cm->priv, "connection 0x%06x: %s (vendor 0x%x)\n",
		  tx->c.qp->qp_num, ib_wc_status_msg(wc->status),
		  wc->vendor_err);
	ipoib_cm_event(&tx->c, IPOIB_CM_EV_ERROR);
}

/**
 * ipoib_cm_tx_wc() - a send completed
 * @tx: the connection
 * @wc: the completion
 * @budget: of the NAPI
 *
 * Context: NAPI of its lane.
 */
void ipoib_cm_tx_wc(struct ipoib_cm_tx *tx, const struct ib_wc *wc, int budget)
{
	bool ok = wc->status == IB_WC_SUCCESS;
	struct ipoib_tx_stats *s = &tx->ring.stats;
	struct ipoib_tx_stats *sum = &tx->c.lane->tx;
	u64 packets = u64_stats_read(&s->packets);
	u64 bytes = u64_stats_read(&s->bytes);
	u64 errors = u64_stats_read(&s->errors);

	if (unlikely(!ok))
		tx_error(tx, wc);
	ipoib_tx_ring_reap(&tx->ring, (u32)wc->wr_id, ok, budget);
	/* The ring's counters go with it; the lane's stay. */
	u64_stats_update_begin(&sum->syncp);
	u64_stats_add(&sum->packets, u64_stats_read(&s->packets) - packets);
	u64_stats_add(&sum->bytes, u64_stats_read(&s->bytes) - bytes);
	u64_stats_add(&sum->errors, u64_stats_read(&s->errors) - errors);
	u64_stats_update_end(&sum->syncp);
	if (!skb_queue_empty_lockless(&tx->backlog))
		tx_advance(tx);
}

/**
 * ipoib_cm_tx_close() - take no more packets
 * @tx: the connection
 *
 * What waits for room is dropped.
 *
 * Context: process context.
 */
void ipoib_cm_tx_close(struct ipoib_cm_tx *tx)
{
	struct sk_buff_head gone;

	__skb_queue_head_init(&gone);
	spin_lock_bh(&tx->lock);
	WRITE_ONCE(tx->ring.closed, true);
	skb_queue_splice_tail_init(&tx->backlog, &gone);
	spin_unlock_bh(&tx->lock);
	ipoib_count_n(&tx->c.cm->priv->reasons, IPOIB_R_CM_DROPPED,
		      skb_queue_len(&gone));
	__skb_queue_purge(&gone);
}

/**
 * ipoib_cm_tx_empty() - has everything been sent?
 * @tx: connection that gets no new packets
 *
 * Context: process context.
 * Return: true if nothing waits and nothing is in flight.
 */
bool ipoib_cm_tx_empty(struct ipoib_cm_tx *tx)
{
	bool empty;
	u32 tail;

	spin_lock_bh(&tx->lock);
	/* Pairs with the completion side: what is before it has been sent. */
	tail = smp_load_acquire(&tx->ring.tail);
	empty = skb_queue_empty(&tx->backlog) && tx->ring.head == tail;
	spin_unlock_bh(&tx->lock);
	return empty;
}

/**
 * ipoib_cm_tx_stuck() - has the ring not moved for too long?
 * @tx: the connection
 *
 * Context: worker, about once a second.
 * Return: true if it has not.
 */
bool ipoib_cm_tx_stuck(struct ipoib_cm_tx *tx)
{
	u32 tail = READ_ONCE(tx->ring.tail);

	if (tail != tx->seen_tail || tail == READ_ONCE(tx->ring.head)) {
		tx->seen_tail = tail;
		tx->seen_at = jiffies;
		return false;
	}
	return time_after(jiffies, tx->seen_at + IPOIB_CM_STUCK);
}
