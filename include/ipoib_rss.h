/* SPDX-License-Identifier: GPL-2.0-only */
/* The queue set: how many queues there are, and their life. */
#ifndef IPOIB_RSS_H
#define IPOIB_RSS_H

#include <linux/completion.h>
#include <linux/if_link.h>
#include <linux/netdevice.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

#include "ipoib_ring.h"

struct ipoib_priv;
struct netlink_ext_ack;

/* Queues of one interface at most. */
#define IPOIB_MAX_QUEUES	16
/* Queues that an interface starts with at most when nobody asked for more. */
#define IPOIB_AUTO_QUEUES	8
/* Buckets of the indirection table. */
#define IPOIB_INDIR		128

/**
 * enum ipoib_queue_flag - bits of ipoib_queue.flags
 * @IPOIB_Q_RUNNING: QP in RTS, NAPIs enabled; written under the state mutex
 * @IPOIB_Q_SQ_ERROR: a send completed in error; the QP needs a look
 * @IPOIB_Q_RESET: the QP must be taken through RESET
 * @IPOIB_Q_TX_TIMEOUT: the stack reported a stuck queue
 */
enum ipoib_queue_flag {
	IPOIB_Q_RUNNING,
	IPOIB_Q_SQ_ERROR,
	IPOIB_Q_RESET,
	IPOIB_Q_TX_TIMEOUT,
};

/**
 * struct ipoib_queue - one QP with everything that serves it
 * @priv: the interface
 * @index: number of this queue; 0 is the primary
 * @rx_index: rx queue that the stack is told of; another one of the set when
 *	this one is retired
 * @rx_usecs: receive moderation, microseconds; written under rtnl
 * @rx_frames: receive moderation, completions; written under rtnl
 * @flags: bits of enum ipoib_queue_flag
 * @qp: UD QP
 * @rx_cq: receive completions
 * @tx_cq: send completions
 * @rx_napi: polls @rx_cq
 * @tx_napi: polls @tx_cq
 * @rx_wc: completions of one poll
 * @tx_wc: completions of one poll
 * @watch: runs both NAPIs once a second: finishes a refill that found no
 *	memory, and survives an HCA that lost an event. Not deferrable:
 *	a CPU that sleeps is where a lost event hurts.
 * @drained: the drain markers of both directions completed
 * @drain_left: markers that did not complete yet
 * @rx: receive ring
 * @tx: send ring
 */
struct ipoib_queue {
	struct ipoib_priv *priv;
	u32 index;
	u32 rx_index;
	u16 rx_usecs;
	u16 rx_frames;
	unsigned long flags;
	struct ib_qp *qp;
	struct ib_cq *rx_cq;
	struct ib_cq *tx_cq;
	struct napi_struct rx_napi;
	struct napi_struct tx_napi;
	struct ib_wc rx_wc[IPOIB_POLL_BATCH];
	struct ib_wc tx_wc[IPOIB_POLL_BATCH];
	struct timer_list watch;
	struct completion drained;
	atomic_t drain_left;
	struct ipoib_rx_ring rx ____cacheline_aligned_in_smp;
	struct ipoib_tx_ring tx ____cacheline_aligned_in_smp;
};

/**
 * struct ipoib_qset - the queues of an interface
 * @n: queues in use: what packets are sent on and peers are told of; written
 *	under rtnl and the state mutex, READ_ONCE() elsewhere
 * @total: queues that exist; those from @n on are retired: nothing is sent on
 *	them, but they still receive
 * @gone: counters of the queues that are no more
 * @rcu: frees the set
 * @q: the queues; each is an allocation of its own
 *
 * Readers find the set with RCU. All but @n is constant: when queues come or
 * go a new set takes the place of the old one.
 */
struct ipoib_qset {
	u32 n;
	u32 total;
	struct rtnl_link_stats64 gone;
	struct rcu_head rcu;
	struct ipoib_queue *q[] __counted_by(total);
};

/**
 * struct ipoib_rss - what belongs to the queues of an interface together
 * @retire_work: the time of the retired queues is over
 * @indir: queue of each bucket of the flow hash, below the number of queues;
 *	written under rtnl and the state mutex, read under either
 */
struct ipoib_rss {
	struct delayed_work retire_work;
	u8 indir[IPOIB_INDIR];
};

/* ipoib_rss.c */
struct ipoib_queue *ipoib_queue_create(struct ipoib_priv *priv, u32 index);
void ipoib_queue_destroy(struct ipoib_queue *q);
struct ipoib_qset *ipoib_qset_alloc(u32 total);
struct ipoib_qset *ipoib_qset_locked(const struct ipoib_priv *priv);
int ipoib_qset_create(struct ipoib_priv *priv);
void ipoib_qset_destroy(struct ipoib_priv *priv);
int ipoib_qset_start(struct ipoib_priv *priv);
void ipoib_qset_stop(struct ipoib_priv *priv);
int ipoib_qset_recover(struct ipoib_priv *priv);
int ipoib_qset_set_qkey(struct ipoib_priv *priv, u32 qkey);
int ipoib_qset_set_rings(struct ipoib_priv *priv, u32 tx, u32 rx);
int ipoib_qset_set_moderation(struct ipoib_priv *priv, struct ipoib_queue *q,
			      u16 usecs, u16 frames);
bool ipoib_qset_is_own_qpn(const struct ipoib_priv *priv, u32 qpn);

/* ipoib_channels.c */
u32 ipoib_channels_max(struct ib_device *hca);
u32 ipoib_channels_default(struct ib_device *hca);
void ipoib_channels_init(struct ipoib_priv *priv);
int ipoib_channels_set(struct ipoib_priv *priv, u32 n);
void ipoib_channels_reap(struct ipoib_priv *priv);
void ipoib_channels_set_indir(struct ipoib_priv *priv, const u32 *indir);
u16 ipoib_select_queue(struct net_device *dev, struct sk_buff *skb,
		       struct net_device *sb_dev);

#endif /* IPOIB_RSS_H */
