// SPDX-License-Identifier: GPL-2.0-only
/* What connected mode shows: debugfs, ethtool -S, the netdev's counters. */
#include <linux/ethtool.h>
#include <linux/seq_file.h>

#include "ipoib.h"
#include "ipoib_cm_conn.h"

static const char *cm_state_name(enum ipoib_cm_state state)
{
	static const char * const names[] = {
		[IPOIB_CM_IDLE] = "idle",
		[IPOIB_CM_RESOLVING] = "resolving",
		[IPOIB_CM_REQUESTING] = "requesting",
		[IPOIB_CM_CONNECTED] = "connected",
		[IPOIB_CM_DRAINING] = "draining",
		[IPOIB_CM_FAILED] = "failed",
		[IPOIB_CM_DEAD] = "dead",
	};

	return names[state];
}

static void dump_peer(struct seq_file *m, struct ipoib_cm_peer *peer)
{
	struct ipoib_cm_tx *tx;

	seq_printf(m, "to %pI6 qpn 0x%06x %s tries %u parked %u idle %u ms",
		   ipoib_hw_gid(peer->hwaddr), ipoib_hw_qpn(peer->hwaddr),
		   cm_state_name(peer->state), peer->tries,
		   skb_queue_len(&peer->parked),
		   jiffies_to_msecs(jiffies - READ_ONCE(peer->used)));
	tx = rcu_dereference(peer->tx);
	if (tx)
		seq_printf(m,
			   " rc 0x%06x lane %u mtu %u in flight %u of %u backlog %u",
			   tx->c.qp->qp_num, tx->c.lane->index, tx->mtu,
			   READ_ONCE(tx->ring.head) - READ_ONCE(tx->ring.tail),
			   tx->ring.limit, skb_queue_len(&tx->backlog));
	seq_putc(m, '\n');
}

static void dump_rx(struct seq_file *m, struct ipoib_cm_rx *rx)
{
	seq_printf(m, "from %pI6 qpn 0x%06x %s idle %u ms", rx->gid.raw,
		   rx->qpn, rx->accepted ? "connected" : "requested",
		   jiffies_to_msecs(jiffies - READ_ONCE(rx->c.used)));
	if (rx->accepted)
		seq_printf(m, " rc 0x%06x lane %u%s", rx->c.qp->qp_num,
			   rx->c.lane->index, rx->replaced ? " replaced" : "");
	if (rx->rq.depth)
		seq_printf(m, " posted %u of %u", rx->rq.depth - rx->rq.n_free,
			   rx->rq.depth);
	seq_putc(m, '\n');
}

/**
 * struct cm_sizes - what connected mode holds
 * @tx: connections that we send on
 * @rx: connections that peers send on
 * @peers: peers known
 * @buffers: receive buffers posted
 * @bytes: memory of receive buffers, bytes
 * @parked: packets that wait for a connection
 * @backlog: packets that wait for room in a connection
 */
struct cm_sizes {
	u64 tx;
	u64 rx;
	u64 peers;
	u64 buffers;
	u64 bytes;
	u64 parked;
	u64 backlog;
};

static void cm_rq_sizes(struct ipoib_cm_rq *rq, struct cm_sizes *s)
{
	if (!READ_ONCE(rq->live))
		return;
	s->buffers += READ_ONCE(rq->depth) - READ_ONCE(rq->n_free);
	s->bytes += (u64)ipoib_cm_rq_pages(rq) * PAGE_SIZE;
}

static void cm_sizes(struct ipoib_cm *cm, struct cm_sizes *s)
{
	struct ipoib_cm_peer *peer;
	struct ipoib_cm_rx *rx;
	struct ipoib_cm_tx *tx;

	memset(s, 0, sizeof(*s));
	s->tx = READ_ONCE(cm->n_tx);
	if (cm->has_srq)
		cm_rq_sizes(&cm->rq, s);
	rcu_read_lock();
	spin_lock_bh(&cm->lock);
	s->rx = cm->n_rx;
	s->peers = cm->n_peers;
	list_for_each_entry(peer, &cm->peer_list, list) {
		s->parked += skb_queue_len(&peer->parked);
		tx = rcu_dereference(peer->tx);
		if (tx)
			s->backlog += skb_queue_len(&tx->backlog);
	}
	list_for_each_entry(rx, &cm->rx_list, c.list) {
		if (!cm->has_srq && rx->accepted)
			cm_rq_sizes(&rx->rq, s);
	}
	spin_unlock_bh(&cm->lock);
	rcu_read_unlock();
}

/**
 * ipoib_cm_dump() - one line per connection, for people
 * @priv: the interface
 * @m: where to
 *
 * Context: process context.
 */
void ipoib_cm_dump(struct ipoib_priv *priv, struct seq_file *m)
{
	struct ipoib_cm *cm = priv->cm;
	struct ipoib_cm_peer *peer;
	struct ipoib_cm_rx *rx;
	struct cm_sizes s;

	if (!cm) {
		seq_puts(m, "connected mode: not possible\n");
		return;
	}
	cm_sizes(cm, &s);
	seq_printf(m, "mode %s mtu %u, %s, %u lanes, %u pages per buffer%s\n",
		   READ_ONCE(priv->mode) ? "connected" : "datagram",
		   ipoib_cm_max_mtu(priv), cm->has_srq ? "srq" : "no srq",
		   cm->n_lanes, cm->pages, cm->listen ? "" : ", deaf");
	seq_printf(m, "sending %llu receiving %llu peers %llu of at most %d\n",
		   s.tx, s.rx, s.peers, READ_ONCE(ipoib_cm_max_connections));
	seq_printf(m, "buffers %llu bytes %llu parked %llu backlog %llu\n",
		   s.buffers, s.bytes, s.parked, s.backlog);
	rcu_read_lock();
	spin_lock_bh(&cm->lock);
	list_for_each_entry(peer, &cm->peer_list, list)
		dump_peer(m, peer);
	list_for_each_entry(rx, &cm->rx_list, c.list)
		dump_rx(m, rx);
	spin_unlock_bh(&cm->lock);
	rcu_read_unlock();
}

static void lane_rx_sum(const struct ipoib_cm_lane *lane,
			struct rtnl_link_stats64 *s)
{
	u64 packets, bytes, errors, malformed, no_buffer;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&lane->rx.syncp);
		packets = u64_stats_read(&lane->rx.packets);
		bytes = u64_stats_read(&lane->rx.bytes);
		errors = u64_stats_read(&lane->rx.errors);
		malformed = u64_stats_read(&lane->rx.malformed);
		no_buffer = u64_stats_read(&lane->rx.no_buffer);
	} while (u64_stats_fetch_retry(&lane->rx.syncp, start));

	s->rx_packets += packets;
	s->rx_bytes += bytes;
	s->rx_errors += errors + malformed;
	s->rx_frame_errors += malformed;
	s->rx_dropped += no_buffer;
}

static void lane_tx_sum(const struct ipoib_cm_lane *lane,
			struct rtnl_link_stats64 *s)
{
	u64 packets, bytes, errors;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&lane->tx.syncp);
		packets = u64_stats_read(&lane->tx.packets);
		bytes = u64_stats_read(&lane->tx.bytes);
		errors = u64_stats_read(&lane->tx.errors);
	} while (u64_stats_fetch_retry(&lane->tx.syncp, start));

	s->tx_packets += packets;
	s->tx_bytes += bytes;
	s->tx_errors += errors;
}

/**
 * ipoib_cm_stats64() - add the packets of all connections, past and present
 * @priv: the interface
 * @s: sum
 *
 * Context: as ipoib_get_stats64().
 */
void ipoib_cm_stats64(struct ipoib_priv *priv, struct rtnl_link_stats64 *s)
{
	struct ipoib_cm *cm = priv->cm;
	u32 i;

	if (!cm)
		return;
	for (i = 0; i < cm->n_lanes; i++) {
		lane_rx_sum(&cm->lanes[i], s);
		lane_tx_sum(&cm->lanes[i], s);
	}
	s->tx_errors += atomic64_read(&priv->reasons.n[IPOIB_R_CM_LOST]);
}

static const char * const cm_stat_names[] = {
	"cm_rx_packets", "cm_rx_bytes", "cm_rx_errors", "cm_rx_dropped",
	"cm_tx_packets", "cm_tx_bytes", "cm_tx_errors",
	"cm_sending", "cm_receiving", "cm_peers", "cm_buffers",
	"cm_buffer_bytes", "cm_parked_now", "cm_backlog_now",
};

/**
 * ipoib_cm_stat_count() - number of values that ethtool -S shows
 * @priv: the interface
 *
 * Return: 0 where connected mode is not possible.
 */
int ipoib_cm_stat_count(const struct ipoib_priv *priv)
{
	return priv->cm ? ARRAY_SIZE(cm_stat_names) : 0;
}

/**
 * ipoib_cm_stat_names() - their names
 * @priv: the interface
 * @data: where to; moved on
 */
void ipoib_cm_stat_names(const struct ipoib_priv *priv, u8 **data)
{
	int i;

	for (i = 0; i < ipoib_cm_stat_count(priv); i++)
		ethtool_sprintf(data, "%s", cm_stat_names[i]);
}

/**
 * ipoib_cm_stat_values() - their values
 * @priv: the interface
 * @data: where to
 *
 * Context: process context.
 * Return: behind the last one.
 */
u64 *ipoib_cm_stat_values(struct ipoib_priv *priv, u64 *data)
{
	struct rtnl_link_stats64 sum = {};
	struct cm_sizes s;

	if (!priv->cm)
		return data;
	ipoib_cm_stats64(priv, &sum);
	cm_sizes(priv->cm, &s);
	*data++ = sum.rx_packets;
	*data++ = sum.rx_bytes;
	*data++ = sum.rx_errors;
	*data++ = sum.rx_dropped;
	*data++ = sum.tx_packets;
	*data++ = sum.tx_bytes;
	*data++ = sum.tx_errors;
	*data++ = s.tx;
	*data++ = s.rx;
	*data++ = s.peers;
	*data++ = s.buffers;
	*data++ = s.bytes;
	*data++ = s.parked;
	*data++ = s.backlog;
	return data;
}
