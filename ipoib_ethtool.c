// SPDX-License-Identifier: GPL-2.0-only
/*
 * ethtool: identity, link, rings, channels, interrupt moderation, statistics.
 * Every operation runs under rtnl, so the queue set cannot change.
 */
#include <linux/ethtool.h>
#include <linux/module.h>
#include <rdma/ib_verbs.h>

#include "ipoib.h"
#include "ipoib_link.h"
#include "ipoib_rss.h"
#include "compat/rxfh.h"

/**
 * struct stat_desc - one u64_stats_t of a statistics structure
 * @name: what ethtool shows behind the ring's name
 * @off: where it is in that structure
 */
struct stat_desc {
	const char *name;
	size_t off;
};

#define RX_STAT(f)	{ #f, offsetof(struct ipoib_rx_stats, f) }
#define TX_STAT(f)	{ #f, offsetof(struct ipoib_tx_stats, f) }
#define POST_STAT(f)	{ #f, offsetof(struct ipoib_tx_post_stats, f) }
#define TOTAL(f)	{ #f, offsetof(struct rtnl_link_stats64, f) }

/* The first eight are those of the stock driver, in its order. */
static const struct stat_desc totals[] = {
	TOTAL(rx_packets), TOTAL(tx_packets), TOTAL(rx_bytes),
	TOTAL(tx_bytes), TOTAL(tx_errors), TOTAL(rx_dropped),
	TOTAL(tx_dropped), TOTAL(multicast), TOTAL(rx_errors),
};

static const struct stat_desc rx_stats[] = {
	RX_STAT(packets), RX_STAT(bytes), RX_STAT(multicast), RX_STAT(errors),
	RX_STAT(malformed), RX_STAT(own), RX_STAT(no_buffer), RX_STAT(csum),
};

static const struct stat_desc tx_stats[] = {
	TX_STAT(packets), TX_STAT(bytes), TX_STAT(errors),
};

static const struct stat_desc post_stats[] = {
	POST_STAT(dropped), POST_STAT(stopped), POST_STAT(doorbells),
	POST_STAT(lso), POST_STAT(csum), POST_STAT(linearized),
};

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct ib_device *hca = ipoib_priv(dev)->hca;

	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	if (THIS_MODULE->version)
		strscpy(info->version, THIS_MODULE->version,
			sizeof(info->version));
	ib_get_device_fw_str(hca, info->fw_version);
	/* A software device has no parent on a bus. */
	if (hca->dev.parent)
		strscpy(info->bus_info, dev_name(hca->dev.parent),
			sizeof(info->bus_info));
}

static int get_link_ksettings(struct net_device *dev,
			      struct ethtool_link_ksettings *ks)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	struct ib_port_attr attr;
	u32 mbps;
	int err;

	ks->base.speed = SPEED_UNKNOWN;
	ks->base.duplex = DUPLEX_UNKNOWN;
	ks->base.autoneg = AUTONEG_DISABLE;
	ks->base.port = PORT_OTHER;
	if (!netif_carrier_ok(dev))
		return 0;

	err = ib_query_port(priv->hca, priv->port, &attr);
	if (err)
		return err;
	ks->base.duplex = DUPLEX_FULL;
	mbps = ipoib_link_mbps(attr.active_width, attr.active_speed);
	if (mbps)
		ks->base.speed = mbps;
	return 0;
}

static void get_ringparam(struct net_device *dev,
			  struct ethtool_ringparam *ring,
			  struct kernel_ethtool_ringparam *kernel_ring,
			  struct netlink_ext_ack *extack)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);
	const struct ipoib_qset *set = ipoib_qset_locked(priv);

	if (!set)
		return;
	ring->rx_max_pending = set->q[0]->rx.depth;
	ring->tx_max_pending = set->q[0]->tx.depth;
	ring->rx_pending = priv->params.rx_ring;
	ring->tx_pending = priv->params.tx_ring;
}

/* Core has compared the wishes with the maxima of get_ringparam(). */
static int set_ringparam(struct net_device *dev,
			 struct ethtool_ringparam *ring,
			 struct kernel_ethtool_ringparam *kernel_ring,
			 struct netlink_ext_ack *extack)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	const struct ipoib_qset *set = ipoib_qset_locked(priv);
	u32 rx_depth, tx_depth, rx, tx;
	int err;

	if (!set) {
		NL_SET_ERR_MSG_MOD(extack,
				   "the HCA's own driver has the rings");
		return -EOPNOTSUPP;
	}
	if (ring->rx_mini_pending || ring->rx_jumbo_pending) {
		NL_SET_ERR_MSG_MOD(extack, "no mini or jumbo ring");
		return -EINVAL;
	}
	rx_depth = set->q[0]->rx.depth;
	tx_depth = set->q[0]->tx.depth;
	rx = ipoib_ring_round(ring->rx_pending,
			      min_t(u32, IPOIB_MIN_RING, rx_depth), rx_depth);
	tx = ipoib_ring_round(ring->tx_pending,
			      min_t(u32, IPOIB_MIN_RING, tx_depth), tx_depth);
	err = ipoib_qset_set_rings(priv, tx, rx);
	if (err)
		NL_SET_ERR_MSG_MOD(extack, "a queue is not that deep");
	else if (rx != ring->rx_pending || tx != ring->tx_pending)
		NL_SET_ERR_MSG_MOD(extack,
				   "rounded up to a power of two of at least 64");
	return err;
}

static int get_coalesce(struct net_device *dev, struct ethtool_coalesce *coal,
			struct kernel_ethtool_coalesce *kernel_coal,
			struct netlink_ext_ack *extack)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);

	coal->rx_coalesce_usecs = priv->params.rx_usecs;
	coal->rx_max_coalesced_frames = priv->params.rx_frames;
	return 0;
}

static int change_moderation(struct ipoib_priv *priv, struct ipoib_queue *q,
			     const struct ethtool_coalesce *coal,
			     struct netlink_ext_ack *extack)
{
	int err;

	if (coal->rx_coalesce_usecs > U16_MAX ||
	    coal->rx_max_coalesced_frames > U16_MAX) {
		NL_SET_ERR_MSG_MOD(extack,
				   "rx-usecs and rx-frames are at most 65535");
		return -ERANGE;
	}
	err = ipoib_qset_set_moderation(priv, q, coal->rx_coalesce_usecs,
					coal->rx_max_coalesced_frames);
	if (err == -EOPNOTSUPP)
		NL_SET_ERR_MSG_MOD(extack, "the HCA has no CQ moderation");
	else if (err)
		NL_SET_ERR_MSG_MOD(extack, "the HCA refused the moderation");
	return err;
}

static int set_coalesce(struct net_device *dev, struct ethtool_coalesce *coal,
			struct kernel_ethtool_coalesce *kernel_coal,
			struct netlink_ext_ack *extack)
{
	struct ipoib_priv *priv = ipoib_priv(dev);

	if (priv->accel) {
		NL_SET_ERR_MSG_MOD(extack,
				   "the HCA's own driver has the rings");
		return -EOPNOTSUPP;
	}
	return change_moderation(priv, NULL, coal, extack);
}

/* Of a queue that there is, or NULL. */
static struct ipoib_queue *queue_of(const struct net_device *dev, u32 index)
{
	const struct ipoib_qset *set = ipoib_qset_locked(ipoib_priv(dev));

	return set && index < set->n ? set->q[index] : NULL;
}

static int get_queue_coalesce(struct net_device *dev, u32 index,
			      struct ethtool_coalesce *coal)
{
	const struct ipoib_queue *q = queue_of(dev, index);

	if (!q)
		return -EINVAL;
	coal->rx_coalesce_usecs = q->rx_usecs;
	coal->rx_max_coalesced_frames = q->rx_frames;
	return 0;
}

static int set_queue_coalesce(struct net_device *dev, u32 index,
			      struct ethtool_coalesce *coal)
{
	struct ipoib_queue *q = queue_of(dev, index);

	if (!q)
		return -EINVAL;
	return change_moderation(q->priv, q, coal, NULL);
}

static void get_channels(struct net_device *dev, struct ethtool_channels *ch)
{
	ch->max_combined = min(dev->num_tx_queues, dev->num_rx_queues);
	ch->combined_count = ipoib_qset_locked(ipoib_priv(dev))->n;
}

/* Core lets no number of rx, tx or other channels through: there are none. */
static int set_channels(struct net_device *dev, struct ethtool_channels *ch)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	int err;

	if (!ch->combined_count)
		return -EINVAL;
	err = ipoib_channels_set(priv, ch->combined_count);
	if (err)
		netdev_err(dev, "no %u queues: %d; it stays at %u\n",
			   ch->combined_count, err,
			   ipoib_qset_locked(priv)->n);
	return err;
}

static u32 get_ring_count(struct net_device *dev)
{
	return ipoib_qset_locked(ipoib_priv(dev))->n;
}

IPOIB_COMPAT_RING_COUNT(get_ring_count)

static u32 get_rxfh_indir_size(struct net_device *dev)
{
	return IPOIB_INDIR;
}

static int get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);
	u32 i;

	/* Senders hash; which function they use is theirs to know. */
	rxfh->hfunc = ETH_RSS_HASH_UNKNOWN;
	for (i = 0; rxfh->indir && i < IPOIB_INDIR; i++)
		rxfh->indir[i] = priv->rss.indir[i];
	return 0;
}

IPOIB_COMPAT_GET_RXFH(get_rxfh)

static int set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh,
		    struct netlink_ext_ack *extack)
{
	if (rxfh->key) {
		NL_SET_ERR_MSG_MOD(extack,
				   "senders compute the hash; there is no key to set");
		return -EOPNOTSUPP;
	}
	if (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE) {
		NL_SET_ERR_MSG_MOD(extack,
				   "senders compute the hash; its function cannot be chosen here");
		return -EOPNOTSUPP;
	}
	/* ethtool 6.1 does not send the function that it was given when it is
	 * told that the present one is unknown: a request without content.
	 */
	if (!rxfh->indir) {
		NL_SET_ERR_MSG_MOD(extack,
				   "only the indirection table can be set");
		return -EOPNOTSUPP;
	}
	/* Core has compared the entries with the number of rings. */
	ipoib_channels_set_indir(ipoib_priv(dev), rxfh->indir);
	return 0;
}

IPOIB_COMPAT_SET_RXFH(set_rxfh)

static u32 n_queues(const struct ipoib_priv *priv)
{
	const struct ipoib_qset *set = ipoib_qset_locked(priv);

	return set ? set->n : 0;
}

static const char priv_flags[][ETH_GSTRING_LEN] = { "queue-discovery" };

static u32 get_priv_flags(struct net_device *dev)
{
	return READ_ONCE(ipoib_priv(dev)->disc.on);
}

static int set_priv_flags(struct net_device *dev, u32 flags)
{
	struct ipoib_priv *priv = ipoib_priv(dev);

	if (priv->disc.on != (flags & BIT(0)))
		ipoib_disc_switch(priv, flags & BIT(0));
	return 0;
}

static int get_sset_count(struct net_device *dev, int sset)
{
	u32 per_queue = ARRAY_SIZE(rx_stats) + ARRAY_SIZE(tx_stats) +
			ARRAY_SIZE(post_stats);

	/* The stack shifts by 32 bits less the number, so it must not be 0. */
	if (sset == ETH_SS_PRIV_FLAGS)
		return ipoib_priv(dev)->accel ? -EOPNOTSUPP :
						ARRAY_SIZE(priv_flags);
	if (sset != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return ARRAY_SIZE(totals) + n_queues(ipoib_priv(dev)) * per_queue +
	       IPOIB_NR_REASONS + ipoib_cm_stat_count(ipoib_priv(dev));
}

static void ring_strings(u8 **data, const char *dir, u32 index,
			 const struct stat_desc *desc, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		ethtool_sprintf(data, "%s%u_%s", dir, index, desc[i].name);
}

static void get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	u32 n = n_queues(ipoib_priv(dev));
	u32 i;

	if (sset == ETH_SS_PRIV_FLAGS && !ipoib_priv(dev)->accel)
		memcpy(data, priv_flags, sizeof(priv_flags));
	if (sset != ETH_SS_STATS)
		return;
	for (i = 0; i < ARRAY_SIZE(totals); i++)
		ethtool_sprintf(&data, "%s", totals[i].name);
	for (i = 0; i < n; i++)
		ring_strings(&data, "rx", i, rx_stats, ARRAY_SIZE(rx_stats));
	for (i = 0; i < n; i++) {
		ring_strings(&data, "tx", i, tx_stats, ARRAY_SIZE(tx_stats));
		ring_strings(&data, "tx", i, post_stats,
			     ARRAY_SIZE(post_stats));
	}
	for (i = 0; i < IPOIB_NR_REASONS; i++)
		ethtool_sprintf(&data, "%s", ipoib_reason_name(i));
	ipoib_cm_stat_names(ipoib_priv(dev), &data);
}

/* Reads the members @desc of the structure @stats under its @syncp. */
static u64 *ring_values(u64 *data, const struct u64_stats_sync *syncp,
			const void *stats, const struct stat_desc *desc, u32 n)
{
	unsigned int start;
	u32 i;

	do {
		start = u64_stats_fetch_begin(syncp);
		for (i = 0; i < n; i++)
			data[i] = u64_stats_read(stats + desc[i].off);
	} while (u64_stats_fetch_retry(syncp, start));
	return data + n;
}

static void get_stats(struct net_device *dev, struct ethtool_stats *stats,
		      u64 *data)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	const struct ipoib_qset *set = ipoib_qset_locked(priv);
	struct rtnl_link_stats64 sum;
	u32 n = n_queues(priv);
	u32 i;

	dev_get_stats(dev, &sum);
	for (i = 0; i < ARRAY_SIZE(totals); i++)
		*data++ = *(const u64 *)((void *)&sum + totals[i].off);
	for (i = 0; i < n; i++) {
		const struct ipoib_rx_stats *rx = &set->q[i]->rx.stats;

		data = ring_values(data, &rx->syncp, rx, rx_stats,
				   ARRAY_SIZE(rx_stats));
	}
	for (i = 0; i < n; i++) {
		const struct ipoib_tx_ring *tx = &set->q[i]->tx;

		data = ring_values(data, &tx->stats.syncp, &tx->stats,
				   tx_stats, ARRAY_SIZE(tx_stats));
		data = ring_values(data, &tx->post.syncp, &tx->post,
				   post_stats, ARRAY_SIZE(post_stats));
	}
	for (i = 0; i < IPOIB_NR_REASONS; i++)
		*data++ = atomic64_read(&priv->reasons.n[i]);
	ipoib_cm_stat_values(priv, data);
}

#define IPOIB_COMMON_ETHTOOL_OPS					\
	.supported_coalesce_params = ETHTOOL_COALESCE_RX_USECS |	\
				     ETHTOOL_COALESCE_RX_MAX_FRAMES,	\
	.get_drvinfo		= get_drvinfo,				\
	.get_link		= ethtool_op_get_link,			\
	.get_link_ksettings	= get_link_ksettings,			\
	.get_ringparam		= get_ringparam,			\
	.set_ringparam		= set_ringparam,			\
	.get_coalesce		= get_coalesce,				\
	.set_coalesce		= set_coalesce,				\
	.get_sset_count		= get_sset_count,			\
	.get_strings		= get_strings,				\
	.get_ethtool_stats	= get_stats,				\
	.get_priv_flags		= get_priv_flags,			\
	.set_priv_flags		= set_priv_flags

static const struct ethtool_ops ipoib_ethtool_ops = {
	IPOIB_COMMON_ETHTOOL_OPS,
};

static const struct ethtool_ops ipoib_ethtool_ops_rss = {
	IPOIB_COMMON_ETHTOOL_OPS,
	.get_per_queue_coalesce	= get_queue_coalesce,
	.set_per_queue_coalesce	= set_queue_coalesce,
	.get_channels		= get_channels,
	.set_channels		= set_channels,
	.get_rxfh_indir_size	= get_rxfh_indir_size,
	.get_rxfh		= IPOIB_RXFH(get_rxfh),
	.set_rxfh		= IPOIB_RXFH(set_rxfh),
	IPOIB_RING_COUNT_OP(get_ring_count),
};

/**
 * ipoib_set_ethtool_ops() - give an interface its ethtool operations
 * @dev: netdev under set-up; a provider may replace them
 */
void ipoib_set_ethtool_ops(struct net_device *dev)
{
	dev->ethtool_ops = &ipoib_ethtool_ops;
}

/**
 * ipoib_set_ethtool_ops_rss() - the same for one of many queues of our own
 * @dev: netdev under set-up, on our own verbs path
 */
void ipoib_set_ethtool_ops_rss(struct net_device *dev)
{
	dev->ethtool_ops = &ipoib_ethtool_ops_rss;
}
