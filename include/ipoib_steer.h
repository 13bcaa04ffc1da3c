/* SPDX-License-Identifier: GPL-2.0-only */
/* Which of a peer's queues a flow goes to. */
#ifndef IPOIB_STEER_H
#define IPOIB_STEER_H

#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>

#include "ipoib_disc_proto.h"

/* Flows told apart per peer; so many that the table fits a page. */
#define IPOIB_STEER_SLOTS	896
/* A flow that was silent for so long, in seconds, may get another queue: by
 * then all that it sent before has arrived.
 */
#define IPOIB_STEER_IDLE	10
/* A slot: bits 0 to 3 the queue, bit 4 in use, from bit 8 on when, seconds. */
#define IPOIB_STEER_USED	0x10
#define IPOIB_STEER_WHEN	8

/**
 * struct ipoib_steer - the queues of a peer, and the flows they were given
 * @rcu: frees it
 * @expires: not to be used after this, jiffies
 * @generation: of the advertisement it was made from
 * @n: number of queues
 * @qpn: QPN of each
 * @lock: guards @deal
 * @deal: who gets the next flow
 * @slot: per hash of a flow; written by who sends on it, at most once a second
 */
struct ipoib_steer {
	struct rcu_head rcu;
	unsigned long expires;
	u32 generation;
	u32 n;
	u32 qpn[IPOIB_DISC_QUEUES];
	spinlock_t lock;	/* see above */
	struct ipoib_deal deal;
	u32 slot[IPOIB_STEER_SLOTS];
};

struct ipoib_steer *ipoib_steer_create(const struct ipoib_disc_msg *m);
bool ipoib_steer_same(const struct ipoib_steer *s,
		      const struct ipoib_disc_msg *m);
u32 ipoib_steer_deal(struct ipoib_steer *s, u32 slot, u32 now);

/* Address resolution must not depend on what it resolves: ARP and all ICMPv6,
 * of which neighbour discovery is a part, go to the primary.
 */
static inline bool ipoib_steer_may(const struct sk_buff *skb)
{
	const struct ipoib_hdr *hdr = (const struct ipoib_hdr *)skb->data;
	const struct ipv6hdr *ip6 = (const struct ipv6hdr *)(hdr + 1);

	if (likely(hdr->proto == htons(ETH_P_IP)))
		return true;
	return hdr->proto == htons(ETH_P_IPV6) &&
	       skb_headlen(skb) >= sizeof(*hdr) + sizeof(*ip6) &&
	       ip6->nexthdr != IPPROTO_ICMPV6;
}

/**
 * ipoib_steer_qpn() - where a packet goes
 * @s: queues of the peer, loaded with rcu_dereference(), or NULL
 * @skb: packet from the encapsulation header on
 * @primary: QPN in the peer's hardware address
 *
 * Context: BHs off, RCU read side.
 * Return: QPN.
 */
static inline u32 ipoib_steer_qpn(struct ipoib_steer *s, struct sk_buff *skb,
				  u32 primary)
{
	u32 now, i, v;

	if (!s || time_after(jiffies, READ_ONCE(s->expires)) ||
	    !ipoib_steer_may(skb))
		return primary;
	now = (u32)(jiffies / HZ) & (~0U >> IPOIB_STEER_WHEN);
	i = reciprocal_scale(skb_get_hash(skb), IPOIB_STEER_SLOTS);
	v = READ_ONCE(s->slot[i]);
	if (unlikely(!(v & IPOIB_STEER_USED) ||
		     now - (v >> IPOIB_STEER_WHEN) > IPOIB_STEER_IDLE))
		v = ipoib_steer_deal(s, i, now);
	else if (unlikely(v >> IPOIB_STEER_WHEN != now))
		WRITE_ONCE(s->slot[i], now << IPOIB_STEER_WHEN |
				       (v & 0xff));
	return s->qpn[v & 0xf];
}

#endif /* IPOIB_STEER_H */
