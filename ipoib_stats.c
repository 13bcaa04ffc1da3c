// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the counters. Each ring has its own, written by one CPU at a time;
 * here they are read under their sequence counter and added up.
 */
#include "ipoib.h"
#include "ipoib_rss.h"

static const char * const reason_names[] = {
	[IPOIB_R_PATH_MISS] = "path_miss",
	[IPOIB_R_PATH_FAILED] = "path_failed",
	[IPOIB_R_NO_AH] = "no_address_handle",
	[IPOIB_R_PARK_FULL] = "parked_queue_full",
	[IPOIB_R_PARK_PURGED] = "parked_purged",
	[IPOIB_R_TOO_LONG] = "too_long",
	[IPOIB_R_BAD_ADDR] = "bad_address",
	[IPOIB_R_BAD_PROTO] = "bad_protocol",
	[IPOIB_R_JOIN_FAILED] = "join_failed",
	[IPOIB_R_ATTACH_FAILED] = "attach_failed",
	[IPOIB_R_REFILL_FAILED] = "refill_failed",
	[IPOIB_R_QP_RECOVERED] = "qp_recovered",
	[IPOIB_R_TX_TIMEOUT] = "tx_timeout",
	[IPOIB_R_NOMEM] = "no_memory",
};

static_assert(ARRAY_SIZE(reason_names) == IPOIB_NR_REASONS);

/* Reasons that dropped a packet which no ring has counted. */
static const enum ipoib_reason xmit_drops[] = {
	IPOIB_R_NO_AH,
	IPOIB_R_PARK_FULL,
	IPOIB_R_PARK_PURGED,
	IPOIB_R_BAD_ADDR,
	IPOIB_R_BAD_PROTO,
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
 * Context: any that may call dev_get_stats(): rtnl, RCU or a reference. The
 * queues live from ndo_init to ndo_uninit, and core waits for readers that
 * found the netdev before it calls ndo_uninit.
 */
void ipoib_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	const struct ipoib_qset *set = priv->qset;
	u32 i;

	if (priv->accel)
		provider_stats64(priv, s);
	for (i = 0; set && i < set->n; i++) {
		sum_rx(&set->q[i]->rx.stats, s);
		sum_tx(&set->q[i]->tx, s);
	}
	for (i = 0; i < ARRAY_SIZE(xmit_drops); i++)
		s->tx_dropped += atomic64_read(&priv->reasons.n[xmit_drops[i]]);
}
