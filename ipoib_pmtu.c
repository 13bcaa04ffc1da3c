// SPDX-License-Identifier: GPL-2.0-only
/*
 * Path MTU. The netdev has one MTU, peers and groups have others: a datagram
 * peer of an interface in connected mode, a path with a smaller IB MTU. The
 * sender of a packet that does not fit is told by ICMP, and the route
 * remembers, so that the next packet fits.
 *
 * ICMP is sent in process context: it may come back to this interface, whose
 * transmit lock the caller holds.
 */
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <net/dst.h>
#include <net/icmp.h>

#include "ipoib.h"

/* More than that wait only in a flood, of which the first ones are enough. */
#define IPOIB_PMTU_QUEUE	64

/* The MTU that its sender must know, in the packet's control block. */
static u32 *pmtu_cb(struct sk_buff *skb)
{
	return (u32 *)skb->cb;
}

static void pmtu_tell(struct ipoib_priv *priv, struct sk_buff *skb)
{
	u32 mtu = *pmtu_cb(skb);

	/* Headers as the functions below expect them: the data begin with
	 * that of the network layer.
	 */
	skb_pull(skb, IPOIB_ENCAP_LEN);
	skb_reset_network_header(skb);
	memset(skb->cb, 0, sizeof(skb->cb));
	skb_dst_update_pmtu_no_confirm(skb, mtu);
	local_bh_disable();
	if (skb->protocol == htons(ETH_P_IP) &&
	    pskb_may_pull(skb, sizeof(struct iphdr)))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
			      htonl(mtu));
	else if (IS_ENABLED(CONFIG_IPV6) &&
		 skb->protocol == htons(ETH_P_IPV6) &&
		 pskb_may_pull(skb, sizeof(struct ipv6hdr)))
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	local_bh_enable();
	ipoib_count(&priv->reasons, IPOIB_R_PMTU_SENT);
}

static void pmtu_work(struct work_struct *work)
{
	struct ipoib_pmtu *p = container_of(work, struct ipoib_pmtu, work);
	struct ipoib_priv *priv = container_of(p, struct ipoib_priv, pmtu);
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&p->queue))) {
		pmtu_tell(priv, skb);
		kfree_skb(skb);
	}
}

/**
 * ipoib_pmtu_report() - a packet is too long: drop it and tell its sender
 * @priv: the interface
 * @skb: from the encapsulation header on; consumed
 * @mtu: payload that would fit, bytes
 *
 * Context: any but hard interrupt.
 */
void ipoib_pmtu_report(struct ipoib_priv *priv, struct sk_buff *skb, u32 mtu)
{
	struct ipoib_pmtu *p = &priv->pmtu;

	ipoib_count(&priv->reasons, IPOIB_R_TOO_LONG);
	if (READ_ONCE(p->stopped) ||
	    skb_queue_len_lockless(&p->queue) >= IPOIB_PMTU_QUEUE) {
		dev_kfree_skb_any(skb);
		return;
	}
	*pmtu_cb(skb) = mtu;
	skb_queue_tail(&p->queue, skb);
	queue_work(priv->wq, &p->work);
}

/**
 * ipoib_pmtu_init() - before packets come
 * @priv: the interface
 *
 * Context: ndo_init.
 */
void ipoib_pmtu_init(struct ipoib_priv *priv)
{
	skb_queue_head_init(&priv->pmtu.queue);
	INIT_WORK(&priv->pmtu.work, pmtu_work);
	priv->pmtu.stopped = false;
}

/**
 * ipoib_pmtu_exit() - no work after this
 * @priv: the interface; no packet comes any more, also none that was parked
 *
 * Context: ndo_uninit; sleeps; state.lock not held.
 */
void ipoib_pmtu_exit(struct ipoib_priv *priv)
{
	WRITE_ONCE(priv->pmtu.stopped, true);
	cancel_work_sync(&priv->pmtu.work);
	skb_queue_purge(&priv->pmtu.queue);
}
