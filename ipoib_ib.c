// SPDX-License-Identifier: GPL-2.0-only
/*
 * UD transport: posting and polling. The life of QPs is in ipoib_qp.c.
 */
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <net/netdev_queues.h>

#include "ipoib.h"
#include "ipoib_ib.h"

#define IPOIB_WATCH_PERIOD	HZ
#define IPOIB_REFILL_RETRY	(HZ / 50 + 1)

/* ---- send ---- */

static int ud_tx_drop(struct ipoib_tx_ring *r, struct sk_buff *skb,
		      struct ipoib_ah *ah, int err)
{
	ipoib_stat_add(&r->post.syncp, &r->post.dropped, 1);
	ipoib_ah_put(ah);
	dev_kfree_skb_any(skb);
	return err;
}

/* Bytes of IPoIB, IP and TCP header in front of an LSO packet, or 0. */
static u32 ud_lso_header(struct sk_buff *skb)
{
	u32 hlen = skb_tcp_all_headers(skb);

	if (unlikely(!(skb_shinfo(skb)->gso_type &
		       (SKB_GSO_TCPV4 | SKB_GSO_TCPV6))))
		return 0;
	return pskb_may_pull(skb, hlen) ? hlen : 0;
}

static void ud_fill_wr(struct ib_ud_wr *wr, const struct ipoib_priv *priv,
		       struct sk_buff *skb, struct ib_ah *ah, u32 dqpn,
		       u32 hlen)
{
	wr->ah = ah;
	wr->remote_qpn = dqpn;
	wr->remote_qkey = READ_ONCE(priv->qkey);
	wr->wr.send_flags = 0;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		wr->wr.send_flags |= IB_SEND_IP_CSUM;
	if (hlen) {
		wr->wr.opcode = IB_WR_LSO;
		wr->header = skb->data;
		wr->hlen = hlen;
		wr->mss = skb_shinfo(skb)->gso_size;
	} else {
		wr->wr.opcode = IB_WR_SEND;
	}
}

/**
 * ipoib_ud_doorbell() - post what the send ring has chained
 * @q: the queue
 *
 * Context: tx queue lock.
 */
void ipoib_ud_doorbell(struct ipoib_queue *q)
{
	int err = ipoib_tx_ring_doorbell(&q->tx);

	if (likely(!err))
		return;
	/* The completion side ends the sends that were not posted. */
	napi_schedule(&q->tx_napi);
	if (err == -EIO) {
		set_bit(IPOIB_Q_RESET, &q->flags);
		ipoib_state_kick(q->priv, IPOIB_ST_RECOVER);
	}
}

/**
 * ipoib_ud_flush() - end of a burst: post what was left chained
 * @priv: the interface
 * @queue: tx queue
 *
 * The last packet of a burst rings the doorbell for those before it only if it
 * goes to the same ring. It may be parked, dropped, or go to a connection.
 *
 * Context: tx queue lock, BHs off, RCU read side, in one stretch with the sends
 * of the burst.
 */
void ipoib_ud_flush(struct ipoib_priv *priv, u16 queue)
{
	const struct ipoib_qset *set = rcu_dereference(priv->qset);

	if (unlikely(priv->accel || queue >= set->total))
		return;
	if (unlikely(set->q[queue]->tx.n_chain))
		ipoib_ud_doorbell(set->q[queue]);
}

static void ud_count_offload(struct ipoib_tx_ring *r, struct sk_buff *skb,
			     u32 hlen)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return;
	u64_stats_update_begin(&r->post.syncp);
	u64_stats_inc(&r->post.csum);
	if (hlen)
		u64_stats_inc(&r->post.lso);
	u64_stats_update_end(&r->post.syncp);
}

/* Makes the packet fit the scatter list; false if there is no memory. */
static bool ud_fit_sge(struct ipoib_tx_ring *r, struct sk_buff *skb, u32 hlen)
{
	u32 pieces = skb_shinfo(skb)->nr_frags + (skb_headlen(skb) > hlen);

	if (likely(pieces <= r->max_sge))
		return true;
	ipoib_stat_add(&r->post.syncp, &r->post.linearized, 1);
	return !skb_linearize(skb);
}

static int ud_send(struct ipoib_queue *q, struct sk_buff *skb,
		   struct ib_ah *address, u32 dqpn)
{
	struct ipoib_priv *priv = q->priv;
	struct ipoib_ah *ah = ipoib_tx_cb(skb)->ah;
	struct ipoib_tx_ring *r = &q->tx;
	bool more = netdev_xmit_more();
	struct ib_ud_wr *wr;
	u16 packets = 1;
	u32 hlen = 0;
	bool kick;

	if (unlikely(r->closed))
		return ud_tx_drop(r, skb, ah, -ENETDOWN);
	if (unlikely(!ipoib_tx_ring_room(r))) {
		ipoib_ud_doorbell(q);
		return ud_tx_drop(r, skb, ah, -ENOBUFS);
	}
	if (skb_is_gso(skb)) {
		hlen = ud_lso_header(skb);
		packets = skb_shinfo(skb)->gso_segs;
		if (unlikely(!hlen))
			return ud_tx_drop(r, skb, ah, -EINVAL);
	} else if (unlikely(skb->len > ah->mtu + IPOIB_ENCAP_LEN)) {
		return ud_tx_drop(r, skb, ah, -EMSGSIZE);
	}
	if (unlikely(!ud_fit_sge(r, skb, hlen)))
		return ud_tx_drop(r, skb, ah, -ENOMEM);

	wr = ipoib_tx_ring_add(r, skb, hlen);
	if (unlikely(!wr))
		return ud_tx_drop(r, skb, ah, -EIO);
	ud_fill_wr(wr, priv, skb, address, dqpn, hlen);
	ud_count_offload(r, skb, hlen);
	skb_tx_timestamp(skb);
	ipoib_tx_ring_commit(r, skb, ah, hlen, packets);

	kick = __netdev_tx_sent_queue(r->txq, skb->len, more);
	if (!netif_txq_maybe_stop(r->txq, ipoib_tx_ring_room(r), 1,
				  r->limit / 4)) {
		ipoib_stat_add(&r->post.syncp, &r->post.stopped, 1);
		kick = true;
	}
	if (kick || r->n_chain == IPOIB_TX_BURST)
		ipoib_ud_doorbell(q);
	return 0;
}

/**
 * ipoib_send() - rdma_netdev::send of our own verbs path with one queue
 * @dev: the interface
 * @skb: packet from the encapsulation header on, always consumed; its control
 *	block holds the counted handle, see ipoib_tx_cb()
 * @address: the same handle as the provider's object
 * @dqpn: destination QPN
 *
 * Context: tx queue lock, BHs off, RCU read side.
 * Return: 0; -errno if the packet was dropped.
 */
int ipoib_send(struct net_device *dev, struct sk_buff *skb,
	       struct ib_ah *address, u32 dqpn)
{
	const struct ipoib_qset *set = rcu_dereference(ipoib_priv(dev)->qset);

	return ud_send(set->q[0], skb, address, dqpn);
}

/**
 * ipoib_send_rss() - rdma_netdev::send of our own verbs path with many queues
 * @dev: the interface
 * @skb: as for ipoib_send()
 * @address: as for ipoib_send()
 * @dqpn: as for ipoib_send()
 *
 * Context: tx queue lock of the skb's queue, BHs off, RCU read side.
 * Return: 0; -errno if the packet was dropped.
 */
int ipoib_send_rss(struct net_device *dev, struct sk_buff *skb,
		   struct ib_ah *address, u32 dqpn)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	const struct ipoib_qset *set = rcu_dereference(priv->qset);
	u32 i = skb_get_queue_mapping(skb);

	if (likely(i < set->total))
		return ud_send(set->q[i], skb, address, dqpn);
	/* A sender that chose its queue before the queue went, and that core
	 * did not wait for: a packet socket that goes past the qdiscs.
	 */
	ipoib_count(&priv->reasons, IPOIB_R_NO_QUEUE);
	ipoib_ah_put(ipoib_tx_cb(skb)->ah);
	dev_kfree_skb_any(skb);
	return -ENETDOWN;
}

/* A queue that is being stopped flushes. One that runs does so only behind an
 * error, whose own completion need not have come: the QP has failed either way.
 */
static void ud_failed(struct ipoib_queue *q, enum ib_wc_status status)
{
	if (status == IB_WC_WR_FLUSH_ERR &&
	    !test_bit(IPOIB_Q_RUNNING, &q->flags))
		return;
	if (!test_and_set_bit(IPOIB_Q_SQ_ERROR, &q->flags))
		ipoib_state_kick(q->priv, IPOIB_ST_RECOVER);
}

static void ud_tx_error(struct ipoib_queue *q, const struct ib_wc *wc)
{
	if (wc->status != IB_WC_WR_FLUSH_ERR && net_ratelimit())
		netdev_warn(q->priv->dev,
			    "send queue %u: %s (%d, vendor 0x%x)\n",
			    q->index, ib_wc_status_msg(wc->status), wc->status,
			    wc->vendor_err);
	ud_failed(q, wc->status);
}

/**
 * ipoib_ud_marker_done() - a drain marker came back
 * @q: the queue
 *
 * Context: any.
 */
void ipoib_ud_marker_done(struct ipoib_queue *q)
{
	if (atomic_dec_and_test(&q->drain_left))
		complete(&q->drained);
}

static void ud_tx_wc(struct ipoib_queue *q, const struct ib_wc *wc, int budget)
{
	if (unlikely(wc->wr_id == IPOIB_WR_DRAIN)) {
		ipoib_ud_marker_done(q);
		return;
	}
	if (unlikely(wc->status != IB_WC_SUCCESS))
		ud_tx_error(q, wc);
	ipoib_tx_ring_reap(&q->tx, (u32)wc->wr_id,
			   wc->status == IB_WC_SUCCESS, budget);
}

/**
 * ipoib_ud_tx_poll() - NAPI poll of the send CQ
 * @napi: tx NAPI of a queue
 * @budget: completions to handle
 *
 * Context: NAPI.
 * Return: completions handled.
 */
int ipoib_ud_tx_poll(struct napi_struct *napi, int budget)
{
	struct ipoib_queue *q = container_of(napi, struct ipoib_queue,
					     tx_napi);
	int done = 0;
	int i, n;

	do {
		n = ib_poll_cq(q->tx_cq, IPOIB_POLL_BATCH, q->tx_wc);
		for (i = 0; i < n; i++)
			ud_tx_wc(q, &q->tx_wc[i], budget);
		done += max(n, 0);
	} while (n == IPOIB_POLL_BATCH && done < budget);
	ipoib_tx_ring_reap_unposted(&q->tx, budget);

	if (done >= budget)
		return budget;
	if (napi_complete_done(napi, done) &&
	    ib_req_notify_cq(q->tx_cq, IB_CQ_NEXT_COMP |
				       IB_CQ_REPORT_MISSED_EVENTS) > 0)
		napi_schedule(napi);
	return done;
}

/* ---- receive ---- */

/**
 * struct ud_rx_tally - counts of one poll, added to the ring's in one go
 * @packets: packets given to the stack
 * @bytes: bytes of those
 * @multicast: of those, not unicast
 * @errors: completions in error
 * @malformed: frames that no IPoIB node sends
 * @own: own multicast
 * @no_buffer: packets lost for want of an skb
 * @csum: checksums that the HCA verified
 */
struct ud_rx_tally {
	u32 packets;
	u32 bytes;
	u32 multicast;
	u32 errors;
	u32 malformed;
	u32 own;
	u32 no_buffer;
	u32 csum;
};

static void ud_rx_deliver(struct ipoib_queue *q, struct sk_buff *skb,
			  const struct ipoib_rx_info *info, bool csum_ok)
{
	struct net_device *dev = q->priv->dev;

	/* The stack and packet sockets see the 20-byte pseudo header where
	 * the GRH was; there is no sender address in it.
	 */
	skb_pull(skb, IPOIB_GRH_LEN - IPOIB_PSEUDO_LEN);
	skb_reset_mac_header(skb);
	memset(skb->data, 0, IPOIB_PSEUDO_LEN);
	skb_pull(skb, IPOIB_HARD_LEN);
	skb->dev = dev;
	skb->protocol = info->proto;
	skb->pkt_type = info->pkt_type;
	if (csum_ok)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb_record_rx_queue(skb, READ_ONCE(q->rx_index));
	napi_gro_receive(&q->rx_napi, skb);
}

static void ud_rx_frame(struct ipoib_queue *q, const struct ib_wc *wc,
			struct ud_rx_tally *t)
{
	struct ipoib_priv *priv = q->priv;
	u32 slot = (u32)wc->wr_id;
	u32 len = min(wc->byte_len, q->rx.frame_len);
	struct ipoib_rx_info info;
	enum ipoib_rx_verdict v;
	struct sk_buff *skb;
	bool csum_ok;
	u8 *frame;

	ipoib_rx_ring_sync(&q->rx, slot, len);
	frame = ipoib_rx_ring_frame(&q->rx, slot);
	v = ipoib_rx_check(frame, len, wc->wc_flags & IB_WC_GRH,
			   priv->dev->broadcast + 4, &info);
	if (unlikely(v != IPOIB_RX_OK)) {
		t->malformed += v != IPOIB_RX_CONTROL ||
				!ipoib_disc_rx(q, wc, frame, len);
		ipoib_rx_ring_drop(&q->rx, slot);
		return;
	}
	if (info.pkt_type != PACKET_HOST &&
	    ipoib_qset_is_own_qpn(priv, wc->src_qp) &&
	    priv->fabric->rx_is_own(&priv->fport, wc,
				    (const struct ib_grh *)frame)) {
		t->own++;
		ipoib_rx_ring_drop(&q->rx, slot);
		return;
	}
	skb = ipoib_rx_ring_take(&q->rx, slot, len);
	if (unlikely(!skb)) {
		t->no_buffer++;
		return;
	}
	csum_ok = (wc->wc_flags & IB_WC_IP_CSUM_OK) &&
		  (priv->dev->features & NETIF_F_RXCSUM);
	t->packets++;
	t->bytes += info.payload_len;
	t->multicast += info.pkt_type != PACKET_HOST;
	t->csum += csum_ok;
	ud_rx_deliver(q, skb, &info, csum_ok);
}

static void ud_rx_wc(struct ipoib_queue *q, const struct ib_wc *wc,
		     struct ud_rx_tally *t)
{
	if (unlikely(wc->wr_id == IPOIB_WR_DRAIN)) {
		ipoib_ud_marker_done(q);
		return;
	}
	if (likely(wc->status == IB_WC_SUCCESS)) {
		ud_rx_frame(q, wc, t);
		return;
	}
	t->errors += wc->status != IB_WC_WR_FLUSH_ERR;
	ud_failed(q, wc->status);
	ipoib_rx_ring_drop(&q->rx, (u32)wc->wr_id);
}

static void ud_rx_count(struct ipoib_rx_stats *s, const struct ud_rx_tally *t)
{
	u64_stats_update_begin(&s->syncp);
	u64_stats_add(&s->packets, t->packets);
	u64_stats_add(&s->bytes, t->bytes);
	u64_stats_add(&s->multicast, t->multicast);
	u64_stats_add(&s->errors, t->errors);
	u64_stats_add(&s->malformed, t->malformed);
	u64_stats_add(&s->own, t->own);
	u64_stats_add(&s->no_buffer, t->no_buffer);
	u64_stats_add(&s->csum, t->csum);
	u64_stats_update_end(&s->syncp);
}

static void ud_rx_refill(struct ipoib_queue *q)
{
	if (!test_bit(IPOIB_Q_RUNNING, &q->flags))
		return;
	if (likely(!ipoib_rx_ring_fill(&q->rx, GFP_ATOMIC)))
		return;
	ipoib_count(&q->priv->reasons, IPOIB_R_REFILL_FAILED);
	mod_timer(&q->watch, jiffies + IPOIB_REFILL_RETRY);
}

/**
 * ipoib_ud_rx_poll() - NAPI poll of the receive CQ
 * @napi: rx NAPI of a queue
 * @budget: packets to handle
 *
 * Context: NAPI.
 * Return: completions handled.
 */
int ipoib_ud_rx_poll(struct napi_struct *napi, int budget)
{
	struct ipoib_queue *q = container_of(napi, struct ipoib_queue,
					     rx_napi);
	struct ud_rx_tally t = {};
	int done = 0;
	int i, n;

	while (done < budget) {
		int want = min(budget - done, IPOIB_POLL_BATCH);

		n = ib_poll_cq(q->rx_cq, want, q->rx_wc);
		for (i = 0; i < n; i++)
			ud_rx_wc(q, &q->rx_wc[i], &t);
		done += max(n, 0);
		if (n < want)
			break;
		ud_rx_refill(q);
	}
	ud_rx_count(&q->rx.stats, &t);
	if (budget)
		ud_rx_refill(q);

	if (done < budget && napi_complete_done(napi, done) &&
	    ib_req_notify_cq(q->rx_cq, IB_CQ_NEXT_COMP |
				       IB_CQ_REPORT_MISSED_EVENTS) > 0)
		napi_schedule(napi);
	return done;
}

/* ---- events ---- */

/**
 * ipoib_ud_rx_event() - completion event of the receive CQ
 * @cq: the CQ
 * @ctx: the queue
 *
 * Context: any, as the provider likes.
 */
void ipoib_ud_rx_event(struct ib_cq *cq, void *ctx)
{
	struct ipoib_queue *q = ctx;

	napi_schedule(&q->rx_napi);
}

/**
 * ipoib_ud_tx_event() - completion event of the send CQ
 * @cq: the CQ
 * @ctx: the queue
 *
 * Context: any, as the provider likes.
 */
void ipoib_ud_tx_event(struct ib_cq *cq, void *ctx)
{
	struct ipoib_queue *q = ctx;

	napi_schedule(&q->tx_napi);
}

/**
 * ipoib_ud_watch() - the timer of a queue, see struct ipoib_queue
 * @timer: its watch
 *
 * Context: softirq.
 */
void ipoib_ud_watch(struct timer_list *timer)
{
	struct ipoib_queue *q = timer_container_of(q, timer, watch);

	napi_schedule(&q->rx_napi);
	napi_schedule(&q->tx_napi);
	mod_timer(&q->watch, jiffies + IPOIB_WATCH_PERIOD);
}
