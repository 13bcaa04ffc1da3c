/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that are longer than their way allows: tell the sender. */
#ifndef IPOIB_PMTU_H
#define IPOIB_PMTU_H

#include <linux/skbuff.h>
#include <linux/workqueue.h>
#include <net/gso.h>

#include "ipoib_proto.h"

struct ipoib_priv;

/**
 * struct ipoib_pmtu - packets whose senders are to be told
 * @queue: the packets; its own lock
 * @work: tells them, on priv->wq
 * @stopped: packets are just dropped; set from stop to start
 */
struct ipoib_pmtu {
	struct sk_buff_head queue;
	struct work_struct work;
	bool stopped;
};

void ipoib_pmtu_init(struct ipoib_priv *priv);
void ipoib_pmtu_exit(struct ipoib_priv *priv);
void ipoib_pmtu_report(struct ipoib_priv *priv, struct sk_buff *skb, u32 mtu);

/**
 * ipoib_pmtu_exceeds() - is a packet too long for its way?
 * @skb: from the encapsulation header on
 * @mtu: payload that the way takes, bytes
 *
 * Context: any.
 * Return: true if it is, or if a segment of it would be.
 */
static inline bool ipoib_pmtu_exceeds(const struct sk_buff *skb, u32 mtu)
{
	if (likely(skb->len <= mtu + IPOIB_ENCAP_LEN))
		return false;
	return !skb_is_gso(skb) || !skb_gso_validate_network_len(skb, mtu);
}

#endif /* IPOIB_PMTU_H */
