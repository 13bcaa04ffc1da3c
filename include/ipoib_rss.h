/* SPDX-License-Identifier: GPL-2.0-only */
/* The queue set: how many queues there are, and their life. */
#ifndef IPOIB_RSS_H
#define IPOIB_RSS_H

#include <linux/completion.h>
#include <linux/netdevice.h>
#include <linux/timer.h>
#include <rdma/ib_verbs.h>

#include "ipoib_ring.h"

struct ipoib_priv;

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
 * @flags: bits of enum ipoib_queue_flag
 * @qp: UD QP
 * @rx_cq: receive completions
 * @tx_cq: send completions
 * @rx_napi: polls @rx_cq
 * @tx_napi: polls @tx_cq
 * @rx_wc: completions of one poll
 * @tx_wc: completions of one poll
 * @watch: runs both NAPIs once a second: finishes a refill that found no
 *	memory, and survives an HCA that lost a completion event. Not deferrable:
 *	a CPU that sleeps is where a lost event hurts.
 * @drained: the drain markers of both directions completed
 * @drain_left: markers that did not complete yet
 * @rx: receive ring
 * @tx: send ring
 */
struct ipoib_queue {
	struct ipoib_priv *priv;
	u32 index;
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
 * @n: number of queues
 * @q: the queues; each is an allocation of its own
 */
struct ipoib_qset {
	u32 n;
	struct ipoib_queue *q[] __counted_by(n);
};

int ipoib_qset_create(struct ipoib_priv *priv);
void ipoib_qset_destroy(struct ipoib_priv *priv);
int ipoib_qset_start(struct ipoib_priv *priv);
void ipoib_qset_stop(struct ipoib_priv *priv);
int ipoib_qset_recover(struct ipoib_priv *priv);
int ipoib_qset_set_qkey(struct ipoib_priv *priv, u32 qkey);
int ipoib_qset_set_rings(struct ipoib_priv *priv, u32 tx, u32 rx);
int ipoib_qset_set_moderation(struct ipoib_priv *priv, u16 usecs, u16 frames);
bool ipoib_qset_is_own_qpn(const struct ipoib_priv *priv, u32 qpn);

#endif /* IPOIB_RSS_H */
