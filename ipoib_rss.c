// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue set. Every queue has a UD QP, CQs on its own completion vector,
 * NAPIs and rings. Queue 0 is the primary: its QPN is in the hardware address
 * and only it is attached to multicast groups.
 */
#include <linux/rtnetlink.h>

#include "ipoib.h"
#include "ipoib_ib.h"
#include "ipoib_rss.h"
#include "compat/queue.h"

/* Below this depth an interface is of no use; see queue_create(). */
#define IPOIB_MIN_DEPTH		IPOIB_MIN_RING

static int queue_init_rings(struct ipoib_queue *q, u32 tx_depth, u32 rx_depth)
{
	struct ipoib_priv *priv = q->priv;
	u32 max_sge = min_t(u32, priv->hca->attrs.max_send_sge,
			    MAX_SKB_FRAGS + 1);
	int err;

	err = ipoib_tx_ring_init(&q->tx, priv->hca,
				 netdev_get_tx_queue(priv->dev, q->index),
				 tx_depth, min(priv->params.tx_ring, tx_depth),
				 max_sge);
	if (err)
		return err;
	err = ipoib_rx_ring_init(&q->rx, priv->hca, rx_depth,
				 min(priv->params.rx_ring, rx_depth),
				 IPOIB_GRH_LEN + priv->max_ib_mtu);
	if (err)
		ipoib_tx_ring_free(&q->tx);
	return err;
}

/* For dumps of core; the netdev queue exists whether it is in use or not. */
static void queue_set_napi(struct ipoib_queue *q, struct napi_struct *rx,
			   struct napi_struct *tx)
{
	netif_queue_set_napi(q->priv->dev, q->index, NETDEV_QUEUE_TYPE_RX, rx);
	netif_queue_set_napi(q->priv->dev, q->index, NETDEV_QUEUE_TYPE_TX, tx);
}

/**
 * ipoib_queue_destroy() - give a queue back
 * @q: stopped queue that nobody can find any more
 *
 * Context: rtnl; may sleep.
 */
void ipoib_queue_destroy(struct ipoib_queue *q)
{
	queue_set_napi(q, NULL, NULL);
	ipoib_ud_destroy(q);
	ipoib_rx_ring_free(&q->rx);
	ipoib_tx_ring_free(&q->tx);
	kvfree(q);
}

static struct ipoib_queue *queue_try(struct ipoib_priv *priv, u32 index,
				     u32 tx_depth, u32 rx_depth)
{
	struct ipoib_queue *q;
	int err;

	q = kvzalloc(sizeof(*q), GFP_KERNEL);
	if (!q)
		return ERR_PTR(-ENOMEM);
	q->priv = priv;
	q->index = index;
	q->rx_index = index;
	err = queue_init_rings(q, tx_depth, rx_depth);
	if (err)
		goto free_queue;
	err = ipoib_ud_create(q);
	if (err)
		goto free_rings;
	return q;

free_rings:
	ipoib_rx_ring_free(&q->rx);
	ipoib_tx_ring_free(&q->tx);
free_queue:
	kvfree(q);
	return ERR_PTR(err);
}

/* Depth that the HCA allows: a power of two, with room for the drain marker. */
static u32 queue_depth(const struct ipoib_priv *priv, u32 want)
{
	u32 cap = min(priv->hca->attrs.max_qp_wr, priv->hca->attrs.max_cqe) - 1;

	return min(roundup_pow_of_two(want), rounddown_pow_of_two(cap));
}

/* A new queue is moderated like the others; where the HCA has no moderation
 * there is nothing to set.
 */
static void queue_inherit(struct ipoib_queue *q)
{
	const struct ipoib_params *params = &q->priv->params;

	if (params->rx_usecs || params->rx_frames)
		ipoib_qset_set_moderation(q->priv, q, params->rx_usecs,
					  params->rx_frames);
}

/**
 * ipoib_queue_create() - make a queue, stopped
 * @priv: interface with PD and parameters
 * @index: its number
 *
 * HCAs advertise depths that they cannot always give, so it asks for less
 * until the HCA agrees.
 *
 * Context: rtnl; may sleep.
 * Return: the queue or an ERR_PTR.
 */
struct ipoib_queue *ipoib_queue_create(struct ipoib_priv *priv, u32 index)
{
	u32 tx = queue_depth(priv, max_t(u32, priv->params.tx_ring,
					 IPOIB_PRIMARY_DEPTH));
	u32 rx = queue_depth(priv, max_t(u32, priv->params.rx_ring,
					 IPOIB_PRIMARY_DEPTH));
	struct ipoib_queue *q;

	for (;;) {
		q = queue_try(priv, index, tx, rx);
		if (!IS_ERR(q) || max(tx, rx) <= IPOIB_MIN_DEPTH)
			break;
		tx = max_t(u32, tx / 2, IPOIB_MIN_DEPTH);
		rx = max_t(u32, rx / 2, IPOIB_MIN_DEPTH);
	}
	if (!IS_ERR(q)) {
		queue_inherit(q);
		queue_set_napi(q, &q->rx_napi, &q->tx_napi);
	}
	return q;
}

/**
 * ipoib_qset_alloc() - an empty set
 * @total: queues it has room for
 *
 * Context: may sleep.
 * Return: the set, all zero but for the room; or NULL.
 */
struct ipoib_qset *ipoib_qset_alloc(u32 total)
{
	struct ipoib_qset *set;

	set = kzalloc(struct_size(set, q, total), GFP_KERNEL);
	if (set)
		set->total = total;
	return set;
}

/**
 * ipoib_qset_locked() - the queue set, for those who may change it
 * @priv: the interface
 *
 * Context: rtnl or the state mutex, either of which keeps the set.
 * Return: the set; NULL on an accelerated netdev.
 */
struct ipoib_qset *ipoib_qset_locked(const struct ipoib_priv *priv)
{
	return rcu_dereference_check(priv->qset,
				     lockdep_rtnl_is_held() ||
				     lockdep_is_held(&priv->state.lock));
}

/**
 * ipoib_qset_create() - make the queues, stopped
 * @priv: interface with PD and parameters
 *
 * Context: rtnl; may sleep.
 * Return: 0 or -errno; then nothing is left behind.
 */
int ipoib_qset_create(struct ipoib_priv *priv)
{
	u32 n = priv->params.queues;
	struct ipoib_qset *set;
	int err;
	u32 i;

	set = ipoib_qset_alloc(n);
	if (!set)
		return -ENOMEM;
	set->n = n;
	for (i = 0; i < n; i++) {
		set->q[i] = ipoib_queue_create(priv, i);
		if (IS_ERR(set->q[i])) {
			err = PTR_ERR(set->q[i]);
			goto unwind;
		}
	}
	priv->params.tx_ring = set->q[0]->tx.limit;
	priv->params.rx_ring = set->q[0]->rx.limit;
	priv->qpn = set->q[0]->qp->qp_num;
	ipoib_channels_init(priv);
	rcu_assign_pointer(priv->qset, set);
	return 0;

unwind:
	while (i--)
		ipoib_queue_destroy(set->q[i]);
	kfree(set);
	return err;
}

/**
 * ipoib_qset_destroy() - give all queues back
 * @priv: interface whose queues are stopped
 *
 * Context: rtnl, no data path; may sleep.
 */
void ipoib_qset_destroy(struct ipoib_priv *priv)
{
	struct ipoib_qset *set = ipoib_qset_locked(priv);
	u32 i;

	cancel_delayed_work_sync(&priv->rss.retire_work);
	RCU_INIT_POINTER(priv->qset, NULL);
	for (i = 0; i < set->total; i++)
		ipoib_queue_destroy(set->q[i]);
	kfree_rcu(set, rcu);
}

/**
 * ipoib_qset_start() - bring all queues to RTS
 * @priv: the interface, with a P_Key index
 *
 * Context: state mutex; may sleep.
 * Return: 0 or -errno; then all are stopped.
 */
int ipoib_qset_start(struct ipoib_priv *priv)
{
	struct ipoib_qset *set = ipoib_qset_locked(priv);
	int err;
	u32 i;

	lockdep_assert_held(&priv->state.lock);
	for (i = 0; i < set->total; i++) {
		err = ipoib_ud_start(set->q[i]);
		if (err)
			goto unwind;
	}
	return 0;

unwind:
	while (i--)
		ipoib_ud_stop(set->q[i]);
	return err;
}

/**
 * ipoib_qset_stop() - stop all queues that run
 * @priv: the interface
 *
 * Context: state mutex; may sleep.
 */
void ipoib_qset_stop(struct ipoib_priv *priv)
{
	struct ipoib_qset *set = ipoib_qset_locked(priv);
	u32 i;

	lockdep_assert_held(&priv->state.lock);
	for (i = 0; i < set->total; i++) {
		if (test_bit(IPOIB_Q_RUNNING, &set->q[i]->flags))
			ipoib_ud_stop(set->q[i]);
	}
}

/**
 * ipoib_qset_recover() - look after queues that reported errors
 * @priv: the interface, up
 *
 * Context: state mutex; may sleep.
 * Return: 0; -errno if a queue is down and must be tried again.
 */
int ipoib_qset_recover(struct ipoib_priv *priv)
{
	struct ipoib_qset *set = ipoib_qset_locked(priv);
	int err, ret = 0;
	u32 i;

	lockdep_assert_held(&priv->state.lock);
	for (i = 0; i < set->total; i++) {
		struct ipoib_queue *q = set->q[i];

		err = test_bit(IPOIB_Q_RUNNING, &q->flags) ?
		      ipoib_ud_recover(q) : ipoib_ud_start(q);
		if (err)
			ret = err;
	}
	return ret;
}

/**
 * ipoib_qset_set_qkey() - change the Q_Key on every queue
 * @priv: the interface; sends use the new one at once
 * @qkey: Q_Key of the broadcast group
 *
 * The primary must take it. Any other queue that does not is reset, which
 * gives it the new one as well, and until then does not hold up the rest.
 *
 * Context: state mutex; may sleep.
 * Return: 0 or the -errno of the primary's QP.
 */
int ipoib_qset_set_qkey(struct ipoib_priv *priv, u32 qkey)
{
	struct ipoib_qset *set = ipoib_qset_locked(priv);
	int err;
	u32 i;

	lockdep_assert_held(&priv->state.lock);
	err = ipoib_ud_set_qkey(set->q[0], qkey);
	if (err)
		return err;
	WRITE_ONCE(priv->qkey, qkey);
	for (i = 1; i < set->total; i++) {
		struct ipoib_queue *q = set->q[i];

		if (!test_bit(IPOIB_Q_RUNNING, &q->flags) ||
		    !ipoib_ud_set_qkey(q, qkey))
			continue;
		set_bit(IPOIB_Q_RESET, &q->flags);
		ipoib_state_kick(priv, IPOIB_ST_RECOVER);
	}
	return 0;
}

/**
 * ipoib_qset_set_rings() - change the ring sizes, also of a live interface
 * @priv: the interface
 * @tx: sends in flight per queue
 * @rx: receives posted per queue
 *
 * The slots exist up to the depth of the QP; only the limits move. A larger
 * receive ring is filled by the next poll, a smaller one is not refilled
 * until it has shrunk. No packet is lost.
 *
 * Context: rtnl; may sleep.
 * Return: 0; -ERANGE if a QP is not that deep.
 */
int ipoib_qset_set_rings(struct ipoib_priv *priv, u32 tx, u32 rx)
{
	struct ipoib_qset *set = ipoib_qset_locked(priv);
	u32 i;

	ASSERT_RTNL();
	for (i = 0; i < set->total; i++) {
		if (tx > set->q[i]->tx.depth || rx > set->q[i]->rx.depth)
			return -ERANGE;
	}
	mutex_lock(&priv->state.lock);
	for (i = 0; i < set->total; i++) {
		struct ipoib_queue *q = set->q[i];

		__netif_tx_lock_bh(q->tx.txq);
		WRITE_ONCE(q->tx.limit, tx);
		/* A queue that stopped at the old limit may go on; one over
		 * the new limit stops at the next packet.
		 */
		if (!q->tx.closed && ipoib_tx_ring_room(&q->tx))
			netif_tx_wake_queue(q->tx.txq);
		__netif_tx_unlock_bh(q->tx.txq);
		WRITE_ONCE(q->rx.limit, rx);
		if (test_bit(IPOIB_Q_RUNNING, &q->flags)) {
			local_bh_disable();
			napi_schedule(&q->rx_napi);
			local_bh_enable();
		}
	}
	priv->params.tx_ring = tx;
	priv->params.rx_ring = rx;
	mutex_unlock(&priv->state.lock);
	return 0;
}

static int queue_set_moderation(struct ipoib_queue *q, u16 usecs, u16 frames)
{
	int err;

	err = rdma_set_cq_moderation(q->rx_cq, frames, usecs);
	if (err)
		return err;
	q->rx_usecs = usecs;
	q->rx_frames = frames;
	return 0;
}

/**
 * ipoib_qset_set_moderation() - receive interrupt moderation
 * @priv: the interface
 * @q: the queue; NULL for all, and for those that will come
 * @usecs: microseconds to hold a completion event back
 * @frames: completions to hold it back for
 *
 * Context: rtnl; may sleep.
 * Return: 0; -EOPNOTSUPP where the HCA has no moderation; or its -errno.
 */
int ipoib_qset_set_moderation(struct ipoib_priv *priv, struct ipoib_queue *q,
			      u16 usecs, u16 frames)
{
	struct ipoib_qset *set = ipoib_qset_locked(priv);
	int err;
	u32 i;

	ASSERT_RTNL();
	if (q)
		return queue_set_moderation(q, usecs, frames);
	for (i = 0; i < set->total; i++) {
		err = queue_set_moderation(set->q[i], usecs, frames);
		if (err)
			return err;
	}
	priv->params.rx_usecs = usecs;
	priv->params.rx_frames = frames;
	return 0;
}

/**
 * ipoib_qset_is_own_qpn() - is this one of our QPs?
 * @priv: the interface
 * @qpn: source QPN of a received frame
 *
 * Retired queues count: what they sent may still be on its way back.
 *
 * Context: any, between ndo_init and ndo_uninit.
 * Return: true if a queue of this interface has the QPN.
 */
bool ipoib_qset_is_own_qpn(const struct ipoib_priv *priv, u32 qpn)
{
	const struct ipoib_qset *set;
	bool own = false;
	u32 i;

	rcu_read_lock();
	set = rcu_dereference(priv->qset);
	for (i = 0; i < set->total && !own; i++)
		own = set->q[i]->qp->qp_num == qpn;
	rcu_read_unlock();
	return own;
}
