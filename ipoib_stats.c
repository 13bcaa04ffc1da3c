// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the counters. Each ring has its own, written by one CPU at a time;
 * here they are read under their sequence counter and added up.
 */
#include "ipoib.h"
#include "ipoib_rss.h"
#include "compat/queue.h"

static const char * const reason_names[] = {
	[IPOIB_R_PATH_MISS] = "path_miss",
	[IPOIB_R_PATH_FAILED] = "path_failed",
	[IPOIB_R_NO_AH] = "no_address_handle",
	[IPOIB_R_PARK_FULL] = "parked_queue_full",
	[IPOIB_R_PARK_PURGED] = "parked_purged",
	[IPOIB_R_TOO_LONG] = "too_long",
	[IPOIB_R_BAD_ADDR] = "bad_address",
	[IPOIB_R_BAD_PROTO] = "bad_protocol",
	[IPOIB_R_NO_QUEUE] = "no_queue",
	[IPOIB_R_JOIN_FAILED] = "join_failed",
	[IPOIB_R_ATTACH_FAILED] = "attach_failed",
	[IPOIB_R_REFILL_FAILED] = "refill_failed",
	[IPOIB_R_QP_RECOVERED] = "qp_recovered",
	[IPOIB_R_TX_TIMEOUT] = "tx_timeout",
	[IPOIB_R_NOMEM] = "no_memory",
	[IPOIB_R_DISC_QUERIES] = "discovery_queries",
	[IPOIB_R_DISC_ANSWERS] = "discovery_answers",
	[IPOIB_R_DISC_LEARNED] = "discovery_learned",
	[IPOIB_R_DISC_BAD] = "discovery_bad",
	[IPOIB_R_DISC_REFUSED] = "discovery_refused",
	[IPOIB_R_DISC_OVERRUN] = "discovery_overrun",
	[IPOIB_R_PMTU_SENT] = "pmtu_sent",
	[IPOIB_R_CM_REQ] = "cm_req",
	[IPOIB_R_CM_REQ_RCVD] = "cm_req_rcvd",
	[IPOIB_R_CM_CONNECTED] = "cm_connected",
	[IPOIB_R_CM_ACCEPTED] = "cm_accepted",
	[IPOIB_R_CM_REJECTED] = "cm_rejected",
	[IPOIB_R_CM_REFUSED] = "cm_refused",
	[IPOIB_R_CM_TIMEOUT] = "cm_timeout",
	[IPOIB_R_CM_DISCONNECTED] = "cm_disconnected",
	[IPOIB_R_CM_ERROR] = "cm_error",
	[IPOIB_R_CM_FLUSHED] = "cm_flushed",
	[IPOIB_R_CM_STUCK] = "cm_stuck",
	[IPOIB_R_CM_IDLE] = "cm_idle",
	[IPOIB_R_CM_STALE] = "cm_stale",
	[IPOIB_R_CM_EVICTED] = "cm_evicted",
	[IPOIB_R_CM_LIMIT] = "cm_limit",
	[IPOIB_R_CM_NO_RESOURCES] = "cm_no_resources",
	[IPOIB_R_CM_SRQ_LOW] = "cm_srq_low",
	[IPOIB_R_CM_PARKED] = "cm_parked",
	[IPOIB_R_CM_DROPPED] = "cm_dropped",
	[IPOIB_R_CM_BACKLOG_FULL] = "cm_backlog_full",
	[IPOIB_R_CM_LOST] = "cm_lost",
};

static_assert(ARRAY_SIZE(reason_names) == IPOIB_NR_REASONS);

/* Reasons that dropped a packet which no ring has counted. */
static const enum ipoib_reason xmit_drops[] = {
	IPOIB_R_NO_AH,
	IPOIB_R_PARK_FULL,
	IPOIB_R_PARK_PURGED,
	IPOIB_R_BAD_ADDR,
	IPOIB_R_BAD_PROTO,
	IPOIB_R_NO_QUEUE,
	IPOIB_R_TOO_LONG,
	IPOIB_R_CM_DROPPED,
	IPOIB_R_CM_BACKLOG_FULL,
};

/**
 * ipoib_reason_name() - name of a reason, as ethtool -S shows it
 * @reason: below IPOIB_NR_REASONS
 *
 * Return: a word.
 */
const char *ipoib_reason_name(enum ipoib_reason reason)
{
	return reason_names[reason];
}

static void sum_rx(const struct ipoib_rx_stats *rx, struct rtnl_link_stats64 *s)
{
	u64 packets, bytes, multicast, errors, malformed, no_buffer;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&rx->syncp);
		packets = u64_stats_read(&rx->packets);
		bytes = u64_stats_read(&rx->bytes);
		multicast = u64_stats_read(&rx->multicast);
		errors = u64_stats_read(&rx->errors);
		malformed = u64_stats_read(&rx->malformed);
		no_buffer = u64_stats_read(&rx->no_buffer);
	} while (u64_stats_fetch_retry(&rx->syncp, start));

	s->rx_packets += packets;
	s->rx_bytes += bytes;
	s->multicast += multicast;
	s->rx_errors += errors + malformed;
	s->rx_frame_errors += malformed;
	s->rx_dropped += no_buffer;
}

static void sum_tx(const struct ipoib_tx_ring *r, struct rtnl_link_stats64 *s)
{
	u64 packets, bytes, errors, dropped;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&r->stats.syncp);
		packets = u64_stats_read(&r->stats.packets);
		bytes = u64_stats_read(&r->stats.bytes);
		errors = u64_stats_read(&r->stats.errors);
	} while (u64_stats_fetch_retry(&r->stats.syncp, start));
	do {
		start = u64_stats_fetch_begin(&r->post.syncp);
		dropped = u64_stats_read(&r->post.dropped);
	} while (u64_stats_fetch_retry(&r->post.syncp, start));

	s->tx_packets += packets;
	s->tx_bytes += bytes;
	s->tx_errors += errors;
	s->tx_dropped += dropped;
}

static void sum_gone(const struct rtnl_link_stats64 *gone,
		     struct rtnl_link_stats64 *s)
{
	s->rx_packets += gone->rx_packets;
	s->rx_bytes += gone->rx_bytes;
	s->multicast += gone->multicast;
	s->rx_errors += gone->rx_errors;
	s->rx_frame_errors += gone->rx_frame_errors;
	s->rx_dropped += gone->rx_dropped;
	s->tx_packets += gone->tx_packets;
	s->tx_bytes += gone->tx_bytes;
	s->tx_errors += gone->tx_errors;
	s->tx_dropped += gone->tx_dropped;
}

/**
 * ipoib_sum_queue() - add the counters of a queue
 * @q: the queue
 * @s: counters to add to
 *
 * Context: any that keeps the queue.
 */
void ipoib_sum_queue(const struct ipoib_queue *q, struct rtnl_link_stats64 *s)
{
	sum_rx(&q->rx.stats, s);
	sum_tx(&q->tx, s);
}

/* Some providers say that their counters are per CPU and leave the rest to
 * core, which asks only the ops that are ours; others count in dev->stats.
 */
static void provider_stats64(struct ipoib_priv *priv,
			     struct rtnl_link_stats64 *s)
{
	struct net_device *dev = priv->dev;

	if (priv->rn_ops->ndo_get_stats64)
		priv->rn_ops->ndo_get_stats64(dev, s);
	else if (dev->pcpu_stat_type == NETDEV_PCPU_STAT_TSTATS)
		dev_get_tstats64(dev, s);
	else
		netdev_stats_to_stats64(s, &dev->stats);
}

/**
 * ipoib_get_stats64() - ndo_get_stats64
 * @dev: the interface
 * @s: counters, zero
 *
 * Context: any that may call dev_get_stats(): rtnl, RCU or a reference. A
 * queue that goes leaves its counters in the set that takes the place of its
 * own, so that no reader misses them or sees them twice.
 */
void ipoib_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	const struct ipoib_qset *set;
	u32 i;

	if (priv->accel)
		provider_stats64(priv, s);
	rcu_read_lock();
	set = rcu_dereference(priv->qset);
	if (set)
		sum_gone(&set->gone, s);
	for (i = 0; set && i < set->total; i++)
		ipoib_sum_queue(set->q[i], s);
	rcu_read_unlock();
	ipoib_cm_stats64(priv, s);
	for (i = 0; i < ARRAY_SIZE(xmit_drops); i++)
		s->tx_dropped += atomic64_read(&priv->reasons.n[xmit_drops[i]]);
}

/* ---- netdev-genl ---- */

static void queue_stats_rx(struct net_device *dev, int index,
			   struct netdev_queue_stats_rx *stats)
{
	const struct ipoib_qset *set = ipoib_qset_locked(ipoib_priv(dev));
	const struct ipoib_rx_stats *rx;
	unsigned int start;

	if (!set || index >= set->n)
		return;
	rx = &set->q[index]->rx.stats;
	do {
		start = u64_stats_fetch_begin(&rx->syncp);
		stats->packets = u64_stats_read(&rx->packets);
		stats->bytes = u64_stats_read(&rx->bytes);
		stats->alloc_fail = u64_stats_read(&rx->no_buffer);
	} while (u64_stats_fetch_retry(&rx->syncp, start));
}

static void queue_stats_tx(struct net_device *dev, int index,
			   struct netdev_queue_stats_tx *stats)
{
	const struct ipoib_qset *set = ipoib_qset_locked(ipoib_priv(dev));
	const struct ipoib_tx_ring *r;
	unsigned int start;

	if (!set || index >= set->n)
		return;
	r = &set->q[index]->tx;
	do {
		start = u64_stats_fetch_begin(&r->stats.syncp);
		stats->packets = u64_stats_read(&r->stats.packets);
		stats->bytes = u64_stats_read(&r->stats.bytes);
	} while (u64_stats_fetch_retry(&r->stats.syncp, start));
}

/* What queues did that are no more, or no longer in use. */
static void base_stats(struct net_device *dev, struct netdev_queue_stats_rx *rx,
		       struct netdev_queue_stats_tx *tx)
{
	const struct ipoib_qset *set = ipoib_qset_locked(ipoib_priv(dev));
	struct rtnl_link_stats64 sum = {};
	u32 i;

	if (set)
		sum = set->gone;
	for (i = set ? set->n : 0; set && i < set->total; i++)
		ipoib_sum_queue(set->q[i], &sum);
	rx->packets = sum.rx_packets;
	rx->bytes = sum.rx_bytes;
	rx->alloc_fail = sum.rx_dropped;
	tx->packets = sum.tx_packets;
	tx->bytes = sum.tx_bytes;
}

static const struct netdev_stat_ops ipoib_stat_ops = {
	.get_queue_stats_rx = queue_stats_rx,
	.get_queue_stats_tx = queue_stats_tx,
	.get_base_stats = base_stats,
};

/**
 * ipoib_offer_queue_stats() - let netdev-genl read the counters of each queue
 * @dev: netdev under set-up, on our own verbs path
 */
void ipoib_offer_queue_stats(struct net_device *dev)
{
	ipoib_set_stat_ops(dev, &ipoib_stat_ops);
}
