// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that peers send on.
 *
 * A REQ is only noted by its callback; the worker answers it. So all that makes
 * or ends a connection happens in one place, one at a time, and a stop finds
 * every connection in the list. How many may wait is bounded like all others.
 */
#include <linux/random.h>

#include "ipoib.h"
#include "ipoib_cm_conn.h"
#include "ipoib_trace.h"

/* A connection that its peer has replaced by another goes after this long
 * without a packet.
 */
#define IPOIB_CM_REPLACED	(10 * HZ)

/* ---- CM messages ---- */

static int rx_refuse(struct ipoib_cm *cm, struct ib_cm_id *id,
		     enum ib_cm_rej_reason why)
{
	ipoib_count(&cm->priv->reasons, IPOIB_R_CM_REFUSED);
	ib_send_cm_rej(id, why, NULL, 0, NULL, 0);
	/* The RDMA CM destroys its object. */
	return -ECONNREFUSED;
}

/* Is there room for one that the worker has not seen yet? It makes room then,
 * so the list may be a little longer than what is allowed.
 */
static bool rx_note(struct ipoib_cm *cm, struct ipoib_cm_rx *rx)
{
	u32 max = READ_ONCE(ipoib_cm_max_connections);
	bool ok;

	spin_lock_bh(&cm->lock);
	ok = !cm->stopped && cm->n_rx < 2 * max;
	if (ok) {
		list_add_tail(&rx->c.list, &cm->rx_list);
		cm->n_rx++;
		ipoib_cm_kick(cm);
	}
	spin_unlock_bh(&cm->lock);
	return ok;
}

static int rx_req(struct ipoib_cm *cm, struct ib_cm_id *id,
		  const struct ib_cm_event *event)
{
	const struct ib_cm_req_event_param *req = &event->param.req_rcvd;
	const struct ipoib_cm_data *data = event->private_data;
	struct ipoib_cm_rx *rx;

	ipoib_count(&cm->priv->reasons, IPOIB_R_CM_REQ_RCVD);
	if (req->qp_type != IB_QPT_RC)
		return rx_refuse(cm, id, IB_CM_REJ_INVALID_TRANSPORT_TYPE);
	if (req->port != cm->priv->port)
		return rx_refuse(cm, id, IB_CM_REJ_INVALID_SERVICE_ID);
	rx = kzalloc(sizeof(*rx), GFP_KERNEL);
	if (!rx)
		return rx_refuse(cm, id, IB_CM_REJ_NO_RESOURCES);
	ipoib_cm_conn_init(&rx->c, cm, true);
	rx->c.id = id;
	rx->qpn = be32_to_cpu(data->qpn) & 0xffffff;
	rx->gid = req->primary_path->dgid;
	rx->psn = get_random_u32() & 0xffffff;
	id->context = rx;
	if (rx_note(cm, rx))
		return 0;
	id->context = cm;
	kfree(rx);
	return rx_refuse(cm, id, IB_CM_REJ_NO_RESOURCES);
}

/**
 * ipoib_cm_rx_handler() - callback of the RDMA CM for what peers ask
 * @id: the listening object's child
 * @event: what came
 *
 * The context of @id is the interface's connected mode in a REQ, and the
 * connection afterwards.
 *
 * Context: process context, one at a time for each @id; sleeps.
 * Return: 0; -errno if the RDMA CM is to destroy @id.
 */
int ipoib_cm_rx_handler(struct ib_cm_id *id, const struct ib_cm_event *event)
{
	struct ipoib_cm_rx *rx = id->context;

	switch (event->event) {
	case IB_CM_REQ_RECEIVED:
		return rx_req(id->context, id, event);
	case IB_CM_DREQ_RECEIVED:
	case IB_CM_TIMEWAIT_EXIT:
		ipoib_cm_event(&rx->c, IPOIB_CM_EV_DREQ);
		break;
	case IB_CM_REJ_RECEIVED:
		ipoib_cm_event(&rx->c, IPOIB_CM_EV_REJ);
		break;
	case IB_CM_REP_ERROR:
		ipoib_cm_event(&rx->c, IPOIB_CM_EV_TIMEOUT);
		break;
	default:
		break;
	}
	return 0;
}

/* ---- worker: accept ---- */

/* Makes the SRQ when the first peer connects: buffers are much memory. */
static int rx_need_srq(struct ipoib_cm *cm)
{
	int err;

	if (cm->rq.live)
		return 0;
	if (cm->rq.pool)
		return ipoib_cm_rq_begin(&cm->rq);
	err = ipoib_cm_rq_init(&cm->rq, cm, cm->rq.depth);
	if (err) {
		cm->rq.depth = ipoib_cm_srq_depth(cm);
		return err;
	}
	return ipoib_cm_rq_begin(&cm->rq);
}

/**
 * ipoib_cm_rx_count() - connections that peers send on
 * @cm: connected mode of the interface
 *
 * Context: process context.
 * Return: how many were accepted.
 */
u32 ipoib_cm_rx_count(struct ipoib_cm *cm)
{
	struct ipoib_cm_rx *rx;
	u32 n = 0;

	spin_lock_bh(&cm->lock);
	list_for_each_entry(rx, &cm->rx_list, c.list)
		n += rx->accepted;
	spin_unlock_bh(&cm->lock);
	return n;
}

/* The peer had a connection already: that one will not be used again. */
static void rx_replace(struct ipoib_cm *cm, struct ipoib_cm_rx *now)
{
	struct ipoib_cm_rx *rx;

	spin_lock_bh(&cm->lock);
	list_for_each_entry(rx, &cm->rx_list, c.list) {
		if (rx != now && rx->accepted && rx->qpn == now->qpn &&
		    !memcmp(&rx->gid, &now->gid, sizeof(rx->gid)))
			rx->replaced = true;
	}
	spin_unlock_bh(&cm->lock);
}

static int rx_create(struct ipoib_cm *cm, struct ipoib_cm_rx *rx)
{
	u32 depth = min_t(u32, cm->priv->params.rx_ring,
			  rounddown_pow_of_two(cm->priv->hca->attrs.max_qp_wr -
					       1));
	int err;

	if (cm->has_srq) {
		err = rx_need_srq(cm);
		if (err)
			return err;
		/* One send: the drain marker. */
		return ipoib_cm_conn_create_qp(&rx->c, 1, 1, 0);
	}
	spin_lock_init(&rx->rq.lock);
	err = ipoib_cm_rq_init(&rx->rq, cm, depth);
	if (err)
		return err;
	err = ipoib_cm_conn_create_qp(&rx->c, 1, 1, depth + 1);
	if (!err)
		rx->rq.qp = rx->c.qp;
	return err;
}

static int rx_ready(struct ipoib_cm *cm, struct ipoib_cm_rx *rx)
{
	int err;

	err = ipoib_cm_conn_modify(&rx->c, IB_QPS_INIT);
	if (err)
		return err;
	if (!cm->has_srq) {
		err = ipoib_cm_rq_begin(&rx->rq);
		if (err)
			return err;
	}
	err = ipoib_cm_conn_modify(&rx->c, IB_QPS_RTR);
	if (err)
		return err;
	/* Some HCAs complete the drain marker only of a QP that was in RTS. */
	return ipoib_cm_conn_modify(&rx->c, IB_QPS_RTS);
}

static int rx_send_rep(struct ipoib_cm *cm, struct ipoib_cm_rx *rx)
{
	struct ipoib_priv *priv = cm->priv;
	struct ipoib_cm_data data = {
		.qpn = cpu_to_be32(priv->qpn),
		.mtu = cpu_to_be32(ipoib_cm_max_mtu(priv) + IPOIB_ENCAP_LEN),
	};
	struct ib_cm_rep_param rep = {
		.qp_num = rx->c.qp->qp_num,
		.starting_psn = rx->psn,
		.private_data = &data,
		.private_data_len = sizeof(data),
		.srq = cm->has_srq,
	};

	return ib_send_cm_rep(rx->c.id, &rep);
}

static void rx_unlink(struct ipoib_cm *cm, struct ipoib_cm_rx *rx)
{
	spin_lock_bh(&cm->lock);
	list_del_init(&rx->c.list);
	cm->n_rx--;
	spin_unlock_bh(&cm->lock);
}

static void rx_end(struct ipoib_cm *cm, struct ipoib_cm_rx *rx)
{
	rx_unlink(cm, rx);
	ipoib_cm_conn_end(&rx->c);
}

static void rx_accept(struct ipoib_cm *cm, struct ipoib_cm_rx *rx)
{
	enum ib_cm_rej_reason why = IB_CM_REJ_NO_RESOURCES;
	struct ipoib_priv *priv = cm->priv;
	int err = -ENOBUFS;

	if (!cm->has_srq && ipoib_cm_rx_count(cm) >= ipoib_cm_max_nonsrq)
		why = IB_CM_REJ_NO_QP;
	else if (ipoib_cm_make_room(cm))
		err = rx_create(cm, rx);
	if (!err)
		err = rx_ready(cm, rx);
	if (!err) {
		/* Completions may come as soon as the peer has the REP. */
		WRITE_ONCE(rx->accepted, true);
		rx->c.since = jiffies;
		err = rx_send_rep(cm, rx);
	}
	trace_ipoib_cm_accept(priv->dev, &rx->gid, err);
	if (!err) {
		rx_replace(cm, rx);
		ipoib_count(&priv->reasons, IPOIB_R_CM_ACCEPTED);
		return;
	}
	ipoib_dbg(priv, "refusing a connection of %pI6: %d\n", rx->gid.raw,
		  err);
	ipoib_count(&priv->reasons, IPOIB_R_CM_REFUSED);
	ib_send_cm_rej(rx->c.id, why, NULL, 0, NULL, 0);
	rx_end(cm, rx);
}

/* ---- worker: watch ---- */

static void rx_count_end(struct ipoib_cm *cm, unsigned long ev)
{
	enum ipoib_reason why = IPOIB_R_CM_DISCONNECTED;

	if (ev & (BIT(IPOIB_CM_EV_ERROR) | BIT(IPOIB_CM_EV_LAST_WQE)))
		why = IPOIB_R_CM_ERROR;
	ipoib_count(&cm->priv->reasons, why);
}

/* Returns true if the connection is gone. */
static bool rx_watch(struct ipoib_cm *cm, struct ipoib_cm_rx *rx)
{
	unsigned long idle = jiffies - READ_ONCE(rx->c.used);
	/* Peers of this driver give idle ones up by themselves before. */
	unsigned long most = 2UL * READ_ONCE(ipoib_cm_idle_seconds) * HZ;
	unsigned long ev;

	if (test_and_clear_bit(IPOIB_CM_EV_ESTABLISHED, &rx->c.events))
		ib_cm_notify(rx->c.id, IB_EVENT_COMM_EST);
	ev = READ_ONCE(rx->c.events);
	if (ev) {
		rx_count_end(cm, ev);
	} else if ((long)idle > (long)most ||
		   (rx->replaced && (long)idle > IPOIB_CM_REPLACED)) {
		ipoib_count(&cm->priv->reasons, IPOIB_R_CM_STALE);
	} else {
		return false;
	}
	trace_ipoib_cm_leave(cm->priv->dev, &rx->gid, ev);
	rx_end(cm, rx);
	return true;
}

static void rx_srq_limit(struct ipoib_cm *cm)
{
	struct ib_srq_attr attr = { .srq_limit = cm->rq.depth / 8 };

	if (!cm->has_srq || !cm->rq.live)
		return;
	if (test_bit(1, &cm->srq_limit) &&
	    !test_and_clear_bit(0, &cm->srq_limit))
		return;
	ipoib_cm_rq_refill(&cm->rq, 1);
	/* An event comes once; it is asked for anew each time. */
	set_bit(1, &cm->srq_limit);
	ib_modify_srq(cm->rq.srq, &attr, IB_SRQ_LIMIT);
}

/**
 * ipoib_cm_rx_work() - look after all connections that peers send on
 * @cm: connected mode of the interface
 *
 * Context: worker, state.lock held; sleeps.
 */
void ipoib_cm_rx_work(struct ipoib_cm *cm)
{
	struct ipoib_cm_rx *rx;
	LIST_HEAD(todo);

	lockdep_assert_held(&cm->priv->state.lock);
	spin_lock_bh(&cm->lock);
	list_for_each_entry(rx, &cm->rx_list, c.list)
		list_add_tail(&rx->c.todo, &todo);
	spin_unlock_bh(&cm->lock);
	/* One that is ended to make room leaves the list with that. */
	while (!list_empty(&todo)) {
		rx = list_first_entry(&todo, struct ipoib_cm_rx, c.todo);
		list_del_init(&rx->c.todo);
		if (rx->accepted || READ_ONCE(rx->c.events))
			rx_watch(cm, rx);
		else
			rx_accept(cm, rx);
	}
	rx_srq_limit(cm);
}

/**
 * ipoib_cm_rx_stop() - end all connections that peers send on
 * @cm: connected mode of an interface that does not listen any more
 *
 * Context: state.lock; sleeps.
 */
void ipoib_cm_rx_stop(struct ipoib_cm *cm)
{
	struct ipoib_cm_rx *rx, *next;
	LIST_HEAD(rxs);
	LIST_HEAD(dead);

	lockdep_assert_held(&cm->priv->state.lock);
	spin_lock_bh(&cm->lock);
	list_splice_init(&cm->rx_list, &rxs);
	cm->n_rx = 0;
	spin_unlock_bh(&cm->lock);
	list_for_each_entry_safe(rx, next, &rxs, c.list) {
		list_del_init(&rx->c.list);
		list_add_tail(&rx->c.todo, &dead);
	}
	ipoib_cm_conns_end(cm, &dead);
}

/**
 * ipoib_cm_rx_idle() - which connection was not used for longest?
 * @cm: connected mode of the interface
 * @oldest: set to it, or to NULL
 *
 * Context: state.lock.
 * Return: since when, in jiffies before now.
 */
unsigned long ipoib_cm_rx_idle(struct ipoib_cm *cm,
			       struct ipoib_cm_rx **oldest)
{
	unsigned long now = jiffies, most = 0;
	struct ipoib_cm_rx *rx;

	*oldest = NULL;
	spin_lock_bh(&cm->lock);
	list_for_each_entry(rx, &cm->rx_list, c.list) {
		unsigned long idle = now - READ_ONCE(rx->c.used);

		if (!rx->accepted || (long)idle < (long)most)
			continue;
		most = idle;
		*oldest = rx;
	}
	spin_unlock_bh(&cm->lock);
	return most;
}

/**
 * ipoib_cm_rx_evict() - end a connection to make room
 * @cm: connected mode of the interface
 * @rx: the connection
 *
 * Context: state.lock; sleeps.
 */
void ipoib_cm_rx_evict(struct ipoib_cm *cm, struct ipoib_cm_rx *rx)
{
	rx_end(cm, rx);
}

/* ---- packets ---- */

static void rx_deliver(struct ipoib_cm_lane *lane, struct sk_buff *skb,
		       const struct ipoib_rx_info *info)
{
	/* As for datagrams: a pseudo header without a sender address. */
	skb_push(skb, IPOIB_PSEUDO_LEN);
	skb_reset_mac_header(skb);
	memset(skb->data, 0, IPOIB_PSEUDO_LEN);
	skb_pull(skb, IPOIB_HARD_LEN);
	skb->dev = lane->cm->priv->dev;
	skb->protocol = info->proto;
	skb->pkt_type = info->pkt_type;
	napi_gro_receive(&lane->napi, skb);
}

static void rx_count(struct ipoib_cm_lane *lane, u64_stats_t *counter)
{
	ipoib_stat_add(&lane->rx.syncp, counter, 1);
}

static void rx_frame(struct ipoib_cm_lane *lane, struct ipoib_cm_rq *rq,
		     u32 slot, u32 len)
{
	struct ipoib_rx_info info;
	struct sk_buff *skb;

	if (unlikely(len > rq->pages * PAGE_SIZE)) {
		rx_count(lane, &lane->rx.malformed);
		return;
	}
	ipoib_cm_rq_sync(rq, slot, len);
	if (unlikely(ipoib_rc_check(page_address(rq->slots[slot].page[0]), len,
				    &info) != IPOIB_RX_OK)) {
		rx_count(lane, &lane->rx.malformed);
		return;
	}
	skb = ipoib_cm_rq_take(rq, slot, len);
	if (unlikely(!skb)) {
		rx_count(lane, &lane->rx.no_buffer);
		return;
	}
	u64_stats_update_begin(&lane->rx.syncp);
	u64_stats_inc(&lane->rx.packets);
	u64_stats_add(&lane->rx.bytes, info.payload_len);
	u64_stats_update_end(&lane->rx.syncp);
	rx_deliver(lane, skb, &info);
}

/**
 * ipoib_cm_rx_wc() - a receive completed
 * @rx: the connection
 * @wc: the completion
 * @lane: its lane
 *
 * Context: NAPI of the lane.
 */
void ipoib_cm_rx_wc(struct ipoib_cm_rx *rx, const struct ib_wc *wc,
		    struct ipoib_cm_lane *lane)
{
	struct ipoib_cm *cm = lane->cm;
	struct ipoib_cm_rq *rq = cm->has_srq ? &cm->rq : &rx->rq;
	u32 slot = (u32)wc->wr_id;
	unsigned long now = jiffies;

	if (likely(wc->status == IB_WC_SUCCESS)) {
		if (READ_ONCE(rx->c.used) != now)
			WRITE_ONCE(rx->c.used, now);
		rx_frame(lane, rq, slot, wc->byte_len);
	} else {
		if (wc->status != IB_WC_WR_FLUSH_ERR)
			rx_count(lane, &lane->rx.errors);
		ipoib_cm_event(&rx->c, IPOIB_CM_EV_ERROR);
	}
	ipoib_cm_rq_put(rq, slot);
	/* One that is being flushed gets no more. */
	if (!cm->has_srq && wc->status == IB_WC_SUCCESS &&
	    ipoib_cm_rq_refill(rq, IPOIB_CM_RX_BURST)) {
		ipoib_count(&cm->priv->reasons, IPOIB_R_REFILL_FAILED);
		lane->starved = true;
	}
}
