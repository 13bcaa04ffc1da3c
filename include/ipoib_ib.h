/* SPDX-License-Identifier: GPL-2.0-only */
/* UD transport: QPs and CQs of a queue, posting, polling. */
#ifndef IPOIB_IB_H
#define IPOIB_IB_H

#include "ipoib_rss.h"

/**
 * struct ipoib_tx_cb - what the classifier tells the send function, in skb->cb
 * @ah: address handle with a reference for this send
 */
struct ipoib_tx_cb {
	struct ipoib_ah *ah;
};

static inline struct ipoib_tx_cb *ipoib_tx_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct ipoib_tx_cb) > sizeof(skb->cb));
	return (struct ipoib_tx_cb *)skb->cb;
}

/* wr_id of the drain markers; rings use 32-bit values. */
#define IPOIB_WR_DRAIN		U64_MAX

/* ipoib_ib.c */
int ipoib_send(struct net_device *dev, struct sk_buff *skb,
	       struct ib_ah *address, u32 dqpn);
int ipoib_send_rss(struct net_device *dev, struct sk_buff *skb,
		   struct ib_ah *address, u32 dqpn);
void ipoib_ud_doorbell(struct ipoib_queue *q);
void ipoib_ud_flush(struct ipoib_priv *priv, u16 queue);
int ipoib_ud_rx_poll(struct napi_struct *napi, int budget);
int ipoib_ud_tx_poll(struct napi_struct *napi, int budget);
void ipoib_ud_rx_event(struct ib_cq *cq, void *ctx);
void ipoib_ud_tx_event(struct ib_cq *cq, void *ctx);
void ipoib_ud_marker_done(struct ipoib_queue *q);
void ipoib_ud_watch(struct timer_list *timer);

/* ipoib_qp.c */
int ipoib_ud_create(struct ipoib_queue *q);
void ipoib_ud_destroy(struct ipoib_queue *q);
int ipoib_ud_start(struct ipoib_queue *q);
void ipoib_ud_stop(struct ipoib_queue *q);
int ipoib_ud_recover(struct ipoib_queue *q);
int ipoib_ud_set_qkey(struct ipoib_queue *q, u32 qkey);

#endif /* IPOIB_IB_H */
