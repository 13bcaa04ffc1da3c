// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many queues there are, and which of them a flow's bucket belongs to.
 *
 * Changing the number never touches the primary queue, so that hardware
 * address, multicast attachments and what peers have resolved stay.
 *
 * More: the new queues are made and started, then the set with them takes the
 * place of the old one, then the stack is told of the netdev queues, and only
 * then @n grows, from where on packets are sent on them. Whatever fails on the
 * way leaves @n as it was.
 *
 * Fewer: @n shrinks, so that no sender picks the queues that leave; senders
 * that had picked one are waited for, then their qdiscs, which core would
 * empty onto the floor; then core is told. The queues are retired: peers may
 * have been told to send to them, and until the last of those promises has run
 * out they receive as before. Queues that are wanted back in that time are
 * simply taken back. When it is over, ipoib_channels_reap() stops them, makes a
 * set without them that has their counters, and frees them after a grace
 * period.
 *
 * All of it runs under rtnl, for core's lists of queues and NAPIs, and under
 * the state mutex, which keeps start, stop and recovery away.
 */
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <net/sch_generic.h>

#include "ipoib.h"
#include "ipoib_ib.h"

/* How long retired queues receive: longer than peers were told to use them. */
#define IPOIB_RETIRE_TIME	(12 * HZ)
/* How long to wait for qdiscs that get no shorter. */
#define IPOIB_QDISC_TIME	(2 * HZ)

/**
 * ipoib_channels_max() - queues that an interface can have
 * @hca: RDMA device
 *
 * Return: 1 to IPOIB_MAX_QUEUES.
 */
u32 ipoib_channels_max(struct ib_device *hca)
{
	u32 n = min_t(u32, num_possible_cpus(), hca->num_comp_vectors);

	return clamp_t(u32, n, 1, IPOIB_MAX_QUEUES);
}

/**
 * ipoib_channels_default() - queues to start with when nobody chose
 * @hca: RDMA device
 *
 * Return: 1 to IPOIB_AUTO_QUEUES.
 */
u32 ipoib_channels_default(struct ib_device *hca)
{
	u32 n = min_t(u32, num_online_cpus(), hca->num_comp_vectors);

	return clamp_t(u32, n, 1, IPOIB_AUTO_QUEUES);
}

/* The time is over: freeing the queues needs rtnl. */
static void channels_retire_work(struct work_struct *work)
{
	struct ipoib_priv *priv = container_of(to_delayed_work(work),
					       struct ipoib_priv,
					       rss.retire_work);

	ipoib_state_queue_sync(priv);
}

static void channels_spread(struct ipoib_priv *priv, u32 n)
{
	u32 i;

	for (i = 0; i < IPOIB_INDIR; i++)
		priv->rss.indir[i] = ethtool_rxfh_indir_default(i, n);
}

/**
 * ipoib_channels_init() - before the queue set is published
 * @priv: interface with parameters
 *
 * Context: rtnl.
 */
void ipoib_channels_init(struct ipoib_priv *priv)
{
	INIT_DELAYED_WORK(&priv->rss.retire_work, channels_retire_work);
	channels_spread(priv, priv->params.queues);
}

/**
 * ipoib_select_queue() - ndo_select_queue
 * @dev: the interface
 * @skb: packet
 * @sb_dev: subordinate device, or NULL
 *
 * As the stack would choose, but never a queue that is about to be retired.
 *
 * Context: any; packet sockets call it without RCU.
 * Return: tx queue.
 */
u16 ipoib_select_queue(struct net_device *dev, struct sk_buff *skb,
		       struct net_device *sb_dev)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);
	u16 txq = netdev_pick_tx(dev, skb, sb_dev);
	u32 n;

	rcu_read_lock();
	n = READ_ONCE(rcu_dereference(priv->qset)->n);
	rcu_read_unlock();
	return likely(txq < n) ? txq : txq % n;
}

static bool channels_live(const struct ipoib_priv *priv)
{
	lockdep_assert_held(&priv->state.lock);
	return priv->state.oper == IPOIB_OPER_JOINING ||
	       priv->state.oper == IPOIB_OPER_RUNNING;
}

static void channels_publish(struct ipoib_priv *priv, struct ipoib_qset *set)
{
	struct ipoib_qset *old = ipoib_qset_locked(priv);

	ASSERT_RTNL();
	lockdep_assert_held(&priv->state.lock);
	rcu_assign_pointer(priv->qset, set);
	kfree_rcu(old, rcu);
}

static struct ipoib_queue *channels_build_one(struct ipoib_priv *priv, u32 i)
{
	struct ipoib_queue *q = ipoib_queue_create(priv, i);
	int err;

	if (IS_ERR(q) || !channels_live(priv))
		return q;
	err = ipoib_ud_start(q);
	if (err) {
		ipoib_queue_destroy(q);
		return ERR_PTR(err);
	}
	return q;
}

static void channels_discard(struct ipoib_queue *q)
{
	struct netdev_queue *txq = q->tx.txq;

	if (test_bit(IPOIB_Q_RUNNING, &q->flags))
		ipoib_ud_stop(q);
	ipoib_queue_destroy(q);
	/* Core's watchdog looks at queues that are not in use as well. */
	netif_tx_start_queue(txq);
}

/* A set of @n queues in place of the one that has fewer. */
static int channels_build(struct ipoib_priv *priv, u32 n)
{
	struct ipoib_qset *old = ipoib_qset_locked(priv);
	struct ipoib_qset *set;
	int err;
	u32 i;

	set = ipoib_qset_alloc(n);
	if (!set)
		return -ENOMEM;
	set->n = old->n;
	set->gone = old->gone;
	for (i = 0; i < n; i++) {
		set->q[i] = i < old->total ? old->q[i] :
					     channels_build_one(priv, i);
		if (IS_ERR(set->q[i]))
			goto unwind;
	}
	channels_publish(priv, set);
	return 0;

unwind:
	err = PTR_ERR(set->q[i]);
	while (i-- > old->total)
		channels_discard(set->q[i]);
	kfree(set);
	return err;
}

static int channels_tell_core(struct ipoib_priv *priv, u32 n)
{
	int err;

	err = netif_set_real_num_rx_queues(priv->dev, n);
	return err ?: netif_set_real_num_tx_queues(priv->dev, n);
}

/* Flows keep what the administrator chose, as long as it names queues that
 * there are; core refuses a change that would break this.
 */
static void channels_count(struct ipoib_priv *priv, u32 n)
{
	struct ipoib_qset *set = ipoib_qset_locked(priv);
	u32 i;

	WRITE_ONCE(set->n, n);
	for (i = 0; i < set->total; i++)
		WRITE_ONCE(set->q[i]->rx_index, i % n);
	if (!netif_is_rxfh_configured(priv->dev))
		channels_spread(priv, n);
	ipoib_disc_changed(priv);
}

static void channels_retire(struct ipoib_priv *priv)
{
	const struct ipoib_qset *set = ipoib_qset_locked(priv);

	if (set->total > set->n)
		mod_delayed_work(priv->wq, &priv->rss.retire_work,
				 channels_live(priv) ? IPOIB_RETIRE_TIME : 0);
}

static int channels_grow(struct ipoib_priv *priv, u32 n)
{
	const struct ipoib_qset *set = ipoib_qset_locked(priv);
	u32 old = set->n;
	int err;

	if (n > set->total) {
		err = channels_build(priv, n);
		if (err)
			return err;
	}
	err = channels_tell_core(priv, n);
	if (err) {
		channels_tell_core(priv, old);
		return err;
	}
	channels_count(priv, n);
	return 0;
}

static u32 qdisc_len(struct net_device *dev, u32 from, u32 to)
{
	u32 i, len = 0;

	rcu_read_lock();
	for (i = from; i < to; i++) {
		struct netdev_queue *txq = netdev_get_tx_queue(dev, i);

		len += qdisc_qlen_sum(rcu_dereference(txq->qdisc));
	}
	rcu_read_unlock();
	return len;
}

/* Empty twice, with all senders of the first look waited for: a packet that was
 * neither in the qdisc nor in the ring then is in the ring now. Nothing new
 * gets in, so this ends: when they are empty, or get no shorter.
 */
static void qdisc_wait(struct net_device *dev, u32 from, u32 to)
{
	u32 len, least = U32_MAX, before = 1;
	unsigned long end = jiffies;

	do {
		synchronize_net();
		len = qdisc_len(dev, from, to);
		if (!len && !before)
			return;
		before = len;
		if (len < least) {
			least = len;
			end = jiffies + IPOIB_QDISC_TIME;
		}
		if (len)
			usleep_range(500, 2000);
	} while (!len || time_before(jiffies, end));
	netdev_warn(dev, "%u packets go with queues that were stuck\n", len);
}

static int channels_shrink(struct ipoib_priv *priv, u32 n)
{
	u32 old = ipoib_qset_locked(priv)->n;

	channels_count(priv, n);
	if (netif_running(priv->dev))
		qdisc_wait(priv->dev, n, old);
	return channels_tell_core(priv, n);
}

/**
 * ipoib_channels_set() - change the number of queues, also of a live interface
 * @priv: interface on our own verbs path
 * @n: how many, 1 up to the netdev's number of tx queues
 *
 * Context: rtnl; sleeps.
 * Return: 0; -errno if the HCA or core gives no more; then all is as before.
 */
int ipoib_channels_set(struct ipoib_priv *priv, u32 n)
{
	u32 old;
	int err = 0;

	ASSERT_RTNL();
	mutex_lock(&priv->state.lock);
	old = ipoib_qset_locked(priv)->n;
	if (n > old)
		err = channels_grow(priv, n);
	else if (n < old)
		err = channels_shrink(priv, n);
	channels_retire(priv);
	mutex_unlock(&priv->state.lock);
	return err;
}

/**
 * ipoib_channels_reap() - free retired queues whose time is over
 * @priv: interface, registered
 *
 * Context: rtnl; sleeps; state mutex not held.
 */
void ipoib_channels_reap(struct ipoib_priv *priv)
{
	struct ipoib_qset *old, *set;
	u32 i;

	ASSERT_RTNL();
	mutex_lock(&priv->state.lock);
	old = ipoib_qset_locked(priv);
	if (!old || old->total == old->n ||
	    delayed_work_pending(&priv->rss.retire_work))
		goto unlock;
	set = ipoib_qset_alloc(old->n);
	if (!set) {
		channels_retire(priv);
		goto unlock;
	}
	set->n = old->n;
	set->gone = old->gone;
	for (i = 0; i < old->n; i++)
		set->q[i] = old->q[i];
	for (; i < old->total; i++) {
		if (test_bit(IPOIB_Q_RUNNING, &old->q[i]->flags))
			ipoib_ud_stop(old->q[i]);
		ipoib_sum_queue(old->q[i], &set->gone);
	}
	rcu_assign_pointer(priv->qset, set);
	synchronize_net();
	for (i = set->n; i < old->total; i++)
		channels_discard(old->q[i]);
	kfree(old);
unlock:
	mutex_unlock(&priv->state.lock);
}

/**
 * ipoib_channels_set_indir() - say which bucket is whose
 * @priv: interface on our own verbs path
 * @indir: IPOIB_INDIR numbers of queues
 *
 * Context: rtnl; sleeps.
 */
void ipoib_channels_set_indir(struct ipoib_priv *priv, const u32 *indir)
{
	u32 i;

	ASSERT_RTNL();
	mutex_lock(&priv->state.lock);
	for (i = 0; i < IPOIB_INDIR; i++)
		priv->rss.indir[i] = indir[i];
	ipoib_disc_changed(priv);
	mutex_unlock(&priv->state.lock);
}
