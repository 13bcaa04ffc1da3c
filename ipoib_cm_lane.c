// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lanes: the completion side of connected mode.
 *
 * The CQs of the datagram queues are as deep as their rings and come and go
 * with ethtool -L, so connections have CQs of their own. A lane is one NAPI on
 * one completion vector; connections are dealt over the lanes. A connection is
 * made only if a CQ of its lane can hold all its completions at once, that is
 * the flush of all it may have posted. When no CQ can, the lane gets one more.
 *
 * CQs are added by the worker while the NAPI runs: the entry is complete before
 * the count that leads to it is raised. They are destroyed at stop, after all
 * connections and with the NAPI disabled.
 */
#include "ipoib.h"
#include "ipoib_cm_conn.h"

#define IPOIB_CM_WATCH_PERIOD	HZ

static void lane_wc(struct ipoib_cm_lane *lane, const struct ib_wc *wc,
		    int budget)
{
	struct ipoib_cm_conn *c = wc->qp->qp_context;

	if (unlikely(wc->wr_id == IPOIB_CM_WR_DRAIN)) {
		complete(&c->flushed);
		return;
	}
	if (wc->wr_id & IPOIB_CM_WR_RECV)
		ipoib_cm_rx_wc(container_of(c, struct ipoib_cm_rx, c), wc,
			       lane);
	else
		ipoib_cm_tx_wc(container_of(c, struct ipoib_cm_tx, c), wc,
			       budget);
}

static int lane_poll_cq(struct ipoib_cm_lane *lane, struct ib_cq *cq,
			int budget, int napi_budget)
{
	int done = 0;
	int i, n, want;

	do {
		want = min(budget - done, IPOIB_POLL_BATCH);
		n = ib_poll_cq(cq, want, lane->wc);
		for (i = 0; i < n; i++)
			lane_wc(lane, &lane->wc[i], napi_budget);
		done += max(n, 0);
	} while (n == want && done < budget);
	return done;
}

/* Connections with receive rings of their own that found no memory. */
static void lane_feed(struct ipoib_cm_lane *lane)
{
	struct ipoib_cm *cm = lane->cm;
	struct ipoib_cm_rx *rx;

	lane->starved = false;
	spin_lock_bh(&cm->lock);
	list_for_each_entry(rx, &cm->rx_list, c.list) {
		if (rx->c.lane == lane && READ_ONCE(rx->accepted) &&
		    ipoib_cm_rq_refill(&rx->rq, 1))
			lane->starved = true;
	}
	spin_unlock_bh(&cm->lock);
}

static bool lane_arm(struct ipoib_cm_lane *lane, u32 n)
{
	bool missed = false;
	u32 i;

	for (i = 0; i < n; i++) {
		if (ib_req_notify_cq(lane->cqs[i].cq, IB_CQ_NEXT_COMP |
				     IB_CQ_REPORT_MISSED_EVENTS) > 0)
			missed = true;
	}
	return missed;
}

static int lane_poll(struct napi_struct *napi, int budget)
{
	struct ipoib_cm_lane *lane = container_of(napi, struct ipoib_cm_lane,
						  napi);
	struct ipoib_cm *cm = lane->cm;
	/* Pairs with lane_add_cq(). */
	u32 n = smp_load_acquire(&lane->n_cqs);
	int done = 0;
	u32 i;

	/* netpoll wants sends only, which are mixed with receives here. */
	if (unlikely(!budget))
		return 0;
	for (i = 0; i < n && done < budget; i++)
		done += lane_poll_cq(lane,
				     lane->cqs[(lane->next + i) % n].cq,
				     budget - done, budget);
	lane->next++;
	if (cm->has_srq && ipoib_cm_rq_refill(&cm->rq, IPOIB_CM_RX_BURST))
		ipoib_count(&cm->priv->reasons, IPOIB_R_REFILL_FAILED);
	if (unlikely(lane->starved))
		lane_feed(lane);
	if (done >= budget)
		return budget;
	if (napi_complete_done(napi, done) && lane_arm(lane, n))
		napi_schedule(napi);
	return done;
}

static void lane_watch(struct timer_list *timer)
{
	struct ipoib_cm_lane *lane = timer_container_of(lane, timer, watch);

	/* Whatever a poll left free because it was little, or found no memory
	 * for.
	 */
	ipoib_cm_rq_refill(&lane->cm->rq, 1);
	napi_schedule(&lane->napi);
	mod_timer(&lane->watch, jiffies + IPOIB_CM_WATCH_PERIOD);
}

static void lane_event(struct ib_cq *cq, void *ctx)
{
	struct ipoib_cm_lane *lane = ctx;

	napi_schedule(&lane->napi);
}

static void lane_cq_error(struct ib_event *event, void *ctx)
{
	struct ipoib_cm_lane *lane = ctx;
	struct ipoib_priv *priv = lane->cm->priv;

	netdev_err(priv->dev, "connected mode, lane %u: %s\n", lane->index,
		   ib_event_msg(event->event));
	set_bit(IPOIB_ST_FATAL, &priv->state.flags);
	ipoib_state_kick(priv, IPOIB_ST_FLUSH_HEAVY);
}

static void lane_begin(struct ipoib_cm_lane *lane)
{
	lane->next = 0;
	lane->starved = false;
	napi_enable(&lane->napi);
	mod_timer(&lane->watch, jiffies + IPOIB_CM_WATCH_PERIOD);
}

static struct ipoib_cm_cq *lane_add_cq(struct ipoib_cm_lane *lane, u32 cqes)
{
	struct ipoib_cm *cm = lane->cm;
	struct ib_device *hca = cm->priv->hca;
	u32 base = cm->has_srq ? cm->rq.depth : 0;
	struct ib_cq_init_attr attr = {
		.cqe = min_t(u32, max_t(u32, IPOIB_CM_CQES, 2 * base),
			     hca->attrs.max_cqe),
		.comp_vector = (cm->priv->port - 1 + lane->index) %
			       hca->num_comp_vectors,
	};
	struct ipoib_cm_cq *cq = &lane->cqs[lane->n_cqs];
	bool first = !lane->n_cqs;

	if (lane->n_cqs == IPOIB_CM_LANE_CQS || base + cqes > attr.cqe)
		return ERR_PTR(-ENOSPC);
	cq->cq = ib_create_cq(hca, lane_event, lane_cq_error, lane, &attr);
	if (IS_ERR(cq->cq))
		return ERR_CAST(cq->cq);
	cq->size = attr.cqe;
	cq->used = base;
	/* Pairs with lane_poll(). */
	smp_store_release(&lane->n_cqs, lane->n_cqs + 1);
	if (first)
		lane_begin(lane);
	/* The first poll arms the CQ. */
	local_bh_disable();
	napi_schedule(&lane->napi);
	local_bh_enable();
	return cq;
}

/**
 * ipoib_cm_lane_take() - deal a connection to a lane
 * @c: the connection
 * @cqes: completions that it can have at once
 *
 * Context: state.lock; sleeps.
 * Return: 0; -ENOSPC when no lane has room; the provider's -errno.
 */
int ipoib_cm_lane_take(struct ipoib_cm_conn *c, u32 cqes)
{
	struct ipoib_cm *cm = c->cm;
	struct ipoib_cm_lane *lane = &cm->lanes[0];
	struct ipoib_cm_cq *cq = NULL;
	u32 i;

	lockdep_assert_held(&cm->priv->state.lock);
	for (i = 1; i < cm->n_lanes; i++) {
		if (cm->lanes[i].n_conns < lane->n_conns)
			lane = &cm->lanes[i];
	}
	for (i = 0; i < lane->n_cqs; i++) {
		cq = &lane->cqs[i];
		if (cq->size - cq->used >= cqes)
			break;
		cq = NULL;
	}
	if (!cq)
		cq = lane_add_cq(lane, cqes);
	if (IS_ERR(cq))
		return PTR_ERR(cq);
	cq->used += cqes;
	lane->n_conns++;
	c->lane = lane;
	c->cq = cq;
	c->cqes = cqes;
	return 0;
}

/**
 * ipoib_cm_lane_give() - a connection is gone
 * @c: the connection; its QP was destroyed, or never made
 *
 * Context: state.lock.
 */
void ipoib_cm_lane_give(struct ipoib_cm_conn *c)
{
	lockdep_assert_held(&c->cm->priv->state.lock);
	if (!c->lane)
		return;
	c->cq->used -= c->cqes;
	c->lane->n_conns--;
	c->lane = NULL;
}

/**
 * ipoib_cm_lanes_init() - make the lanes, without CQs
 * @cm: connected mode of the interface
 *
 * Context: ndo_init; rtnl.
 */
void ipoib_cm_lanes_init(struct ipoib_cm *cm)
{
	u32 i;

	for (i = 0; i < cm->n_lanes; i++) {
		struct ipoib_cm_lane *lane = &cm->lanes[i];

		lane->cm = cm;
		lane->index = i;
		u64_stats_init(&lane->rx.syncp);
		u64_stats_init(&lane->tx.syncp);
		timer_setup(&lane->watch, lane_watch, 0);
		netif_napi_add(cm->priv->dev, &lane->napi, lane_poll);
	}
}

/**
 * ipoib_cm_lanes_exit() - undo ipoib_cm_lanes_init()
 * @cm: connected mode of the interface, stopped
 *
 * Context: ndo_uninit; rtnl.
 */
void ipoib_cm_lanes_exit(struct ipoib_cm *cm)
{
	u32 i;

	for (i = 0; i < cm->n_lanes; i++)
		netif_napi_del(&cm->lanes[i].napi);
}

/**
 * ipoib_cm_lanes_stop() - destroy the CQs
 * @cm: connected mode of an interface, without any connection
 *
 * Context: state.lock; sleeps.
 */
void ipoib_cm_lanes_stop(struct ipoib_cm *cm)
{
	u32 i, k;

	lockdep_assert_held(&cm->priv->state.lock);
	for (i = 0; i < cm->n_lanes; i++) {
		struct ipoib_cm_lane *lane = &cm->lanes[i];

		if (!lane->n_cqs)
			continue;
		WARN_ON_ONCE(lane->n_conns);
		napi_disable(&lane->napi);
		/* Only the timer itself starts the timer now. */
		timer_delete_sync(&lane->watch);
		for (k = 0; k < lane->n_cqs; k++)
			ib_destroy_cq(lane->cqs[k].cq);
		lane->n_cqs = 0;
	}
}
