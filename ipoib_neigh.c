// SPDX-License-Identifier: GPL-2.0-only
/*
 * The neighbour table: from a destination hardware address to the address
 * handle that reaches it, and the packets that wait for one.
 *
 * Keys are all 20 bytes, so that a peer that changes its flags or QPN is
 * another neighbour and never inherits a stale path.
 *
 * Locks. The table's lock guards everything but the lookup. It is never held
 * while ipoib_path.c is called, and ipoib_path.c holds none of its locks while
 * it calls here: both directions exist (a neighbour wants a path, a path tells
 * its neighbours), so any nesting would sooner or later be an inversion.
 * What may happen between the two locks is settled by flags that only move one
 * way: a neighbour that died before it reached a path is refused there
 * (path_gone), a path that answers a dead neighbour is ignored here (DEAD).
 *
 * Order. Packets overtake each other in no state: while packets are parked,
 * @ah is not published, so later packets park behind them. Whether a packet is
 * parked or the handle is published is decided in one critical section, so
 * none can be left behind.
 *
 * Lifetime of @ah. The path owns the handle; a neighbour borrows it. A path
 * gives a handle up only after each neighbour in its list got another one or
 * died, both of which replace @ah here. Only the path worker and stop do so,
 * one at a time under state.lock. A reader that loaded the old pointer either
 * got a reference of its own or finds the handle dying, and parks.
 *
 * Teardown has two phases. First a neighbour is made DEAD under the lock: out
 * of the table and the list, handle and parked packets taken away. From then
 * on no lookup finds it, no packet parks on it, and no handle is published to
 * it. Then, without the lock, its path forgets it and the table's reference is
 * dropped. Readers are waited for by RCU: memory goes by kfree_rcu(), which
 * needs no text of this module.
 */
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <net/arp.h>

#include "ipoib.h"
#include "ipoib_steer.h"
#include "ipoib_trace.h"

/* Batches of parked packets sent while new ones keep arriving. A sender that
 * is still not outrun after that floods, and the handle is published before
 * the last batch is out; otherwise the worker would serve it for ever.
 */
#define IPOIB_NEIGH_BATCHES	32

static const struct rhashtable_params ipoib_neigh_params = {
	.head_offset = offsetof(struct ipoib_neigh, node),
	.key_offset = offsetof(struct ipoib_neigh, hwaddr),
	.key_len = INFINIBAND_ALEN,
	.hashfn = jhash,	/* keys in packets may be unaligned */
	.automatic_shrinking = true,
};

/* How often idle neighbours are looked for. They go when idle for two of these,
 * that is with the entries of the ARP table that they serve.
 */
static unsigned long ipoib_neigh_gc_interval(void)
{
	return max_t(unsigned long, READ_ONCE(arp_tbl.gc_interval), HZ);
}

/* A table that has no room left is collected at once; the ARP table, which is
 * bounded by the same number, will not ask for more either.
 */
static bool ipoib_neigh_full(struct ipoib_priv *priv)
{
	struct ipoib_neigh_table *t = &priv->neigh;

	lockdep_assert_held(&t->lock);
	if (t->n < max(READ_ONCE(arp_tbl.gc_thresh3), 1))
		return false;
	mod_delayed_work(priv->wq, &t->gc_work, 0);
	return true;
}

static struct ipoib_neigh *ipoib_neigh_create(struct ipoib_priv *priv,
					      const u8 *hwaddr)
{
	struct ipoib_neigh_table *t = &priv->neigh;
	struct ipoib_neigh *neigh;

	lockdep_assert_held(&t->lock);
	if (ipoib_neigh_full(priv))
		return NULL;
	neigh = kzalloc(sizeof(*neigh), GFP_ATOMIC);
	if (!neigh)
		return NULL;

	memcpy(neigh->hwaddr, hwaddr, INFINIBAND_ALEN);
	neigh->state = IPOIB_NEIGH_WAITING;
	neigh->used = jiffies;
	__skb_queue_head_init(&neigh->parked);
	INIT_LIST_HEAD(&neigh->path_list);
	refcount_set(&neigh->ref, 1);
	if (rhashtable_insert_fast(&t->table, &neigh->node,
				   ipoib_neigh_params)) {
		kfree(neigh);
		return NULL;
	}
	list_add_tail(&neigh->list, &t->list);
	t->n++;
	return neigh;
}

/* First phase of teardown; the one place where a neighbour dies. */
static void ipoib_neigh_unlink(struct ipoib_neigh_table *t,
			       struct ipoib_neigh *neigh,
			       struct list_head *dead,
			       struct sk_buff_head *packets)
{
	lockdep_assert_held(&t->lock);
	if (neigh->state == IPOIB_NEIGH_DEAD)
		return;

	neigh->state = IPOIB_NEIGH_DEAD;
	RCU_INIT_POINTER(neigh->ah, NULL);
	rhashtable_remove_fast(&t->table, &neigh->node, ipoib_neigh_params);
	list_move_tail(&neigh->list, dead);
	t->n--;
	skb_queue_splice_tail_init(&neigh->parked, packets);
}

/* Second phase, without the lock. */
static void ipoib_neigh_bury(struct ipoib_priv *priv, struct list_head *dead,
			     struct sk_buff_head *packets)
{
	struct ipoib_neigh *neigh, *next;

	list_for_each_entry_safe(neigh, next, dead, list) {
		list_del_init(&neigh->list);
		ipoib_path_unlink(priv, neigh);
		ipoib_neigh_put(neigh);
	}
	ipoib_count_n(&priv->reasons, IPOIB_R_PARK_PURGED,
		      skb_queue_len(packets));
	__skb_queue_purge(packets);
}

static void ipoib_neigh_gc(struct work_struct *work)
{
	struct ipoib_neigh_table *t = container_of(to_delayed_work(work),
						   struct ipoib_neigh_table,
						   gc_work);
	struct ipoib_priv *priv = container_of(t, struct ipoib_priv, neigh);
	unsigned long interval = ipoib_neigh_gc_interval();
	struct ipoib_neigh *neigh, *next;
	struct sk_buff_head packets;
	LIST_HEAD(dead);

	__skb_queue_head_init(&packets);
	spin_lock_bh(&t->lock);
	list_for_each_entry_safe(neigh, next, &t->list, list) {
		/* One that waits is resolved or failed by its path. */
		if (neigh->state == IPOIB_NEIGH_READY &&
		    time_after(jiffies, READ_ONCE(neigh->used) + 2 * interval))
			ipoib_neigh_unlink(t, neigh, &dead, &packets);
	}
	if (!t->stopped)
		queue_delayed_work(priv->wq, &t->gc_work, interval);
	spin_unlock_bh(&t->lock);

	ipoib_neigh_bury(priv, &dead, &packets);
}

/**
 * ipoib_neigh_init() - make the table ready
 * @priv: the interface
 *
 * Context: ndo_init, process context; sleeps.
 * Return: 0 or -errno.
 */
int ipoib_neigh_init(struct ipoib_priv *priv)
{
	struct ipoib_neigh_table *t = &priv->neigh;

	spin_lock_init(&t->lock);
	INIT_LIST_HEAD(&t->list);
	INIT_DELAYED_WORK(&t->gc_work, ipoib_neigh_gc);
	t->n = 0;
	t->stopped = true;
	return rhashtable_init(&t->table, &ipoib_neigh_params);
}

/**
 * ipoib_neigh_exit() - undo ipoib_neigh_init()
 * @priv: the interface, stopped; no sender is left
 *
 * Context: ndo_uninit, process context; sleeps; state.lock not held.
 */
void ipoib_neigh_exit(struct ipoib_priv *priv)
{
	struct ipoib_neigh_table *t = &priv->neigh;

	cancel_delayed_work_sync(&t->gc_work);
	WARN_ON(t->n);
	rhashtable_destroy(&t->table);
}

/**
 * ipoib_neigh_start() - let packets create neighbours
 * @priv: the interface
 *
 * Context: process context, state.lock held.
 */
void ipoib_neigh_start(struct ipoib_priv *priv)
{
	struct ipoib_neigh_table *t = &priv->neigh;

	lockdep_assert_held(&priv->state.lock);
	spin_lock_bh(&t->lock);
	t->stopped = false;
	queue_delayed_work(priv->wq, &t->gc_work, ipoib_neigh_gc_interval());
	spin_unlock_bh(&t->lock);
}

/**
 * ipoib_neigh_stop() - drop all neighbours and take no new ones
 * @priv: the interface
 *
 * Packets that come later are dropped and counted.
 *
 * Context: process context, state.lock held.
 */
void ipoib_neigh_stop(struct ipoib_priv *priv)
{
	struct ipoib_neigh_table *t = &priv->neigh;

	lockdep_assert_held(&priv->state.lock);
	spin_lock_bh(&t->lock);
	t->stopped = true;
	spin_unlock_bh(&t->lock);

	/* Not synchronous: a run that has begun finds an empty table. */
	cancel_delayed_work(&t->gc_work);
	ipoib_neigh_flush(priv);
}

/**
 * ipoib_neigh_flush() - drop all neighbours; packets bring them back
 * @priv: the interface
 *
 * Context: process context.
 */
void ipoib_neigh_flush(struct ipoib_priv *priv)
{
	struct ipoib_neigh_table *t = &priv->neigh;
	struct ipoib_neigh *neigh, *next;
	struct sk_buff_head packets;
	LIST_HEAD(dead);

	__skb_queue_head_init(&packets);
	spin_lock_bh(&t->lock);
	list_for_each_entry_safe(neigh, next, &t->list, list)
		ipoib_neigh_unlink(t, neigh, &dead, &packets);
	spin_unlock_bh(&t->lock);

	ipoib_neigh_bury(priv, &dead, &packets);
}

/**
 * ipoib_neigh_lookup() - find a neighbour for a send
 * @priv: the interface
 * @hwaddr: 20 bytes
 *
 * Context: RCU read side, which also limits the use of the result.
 * Return: the neighbour or NULL.
 */
struct ipoib_neigh *ipoib_neigh_lookup(struct ipoib_priv *priv,
				       const u8 *hwaddr)
{
	return rhashtable_lookup(&priv->neigh.table, hwaddr,
				 ipoib_neigh_params);
}

/* Finds or makes the neighbour that a packet waits on. Sets @ask if its path
 * is to be asked for; the caller then has a reference. Returns NULL if there
 * can be no such neighbour.
 */
static struct ipoib_neigh *ipoib_neigh_to_park(struct ipoib_priv *priv,
					       const u8 *hwaddr, bool *ask)
{
	struct ipoib_neigh_table *t = &priv->neigh;
	struct ipoib_neigh *neigh;

	lockdep_assert_held(&t->lock);
	*ask = false;
	if (t->stopped)
		return NULL;

	neigh = rhashtable_lookup_fast(&t->table, hwaddr, ipoib_neigh_params);
	if (!neigh) {
		neigh = ipoib_neigh_create(priv, hwaddr);
		*ask = neigh;
	} else if (neigh->state == IPOIB_NEIGH_READY) {
		/* The handle was published, or replaced, after the sender
		 * looked. Here nothing can be sent: the worker does it.
		 */
		RCU_INIT_POINTER(neigh->ah, NULL);
		neigh->state = IPOIB_NEIGH_WAITING;
		*ask = true;
	}
	if (*ask)
		refcount_inc(&neigh->ref);
	return neigh;
}

/**
 * ipoib_neigh_park() - keep a packet until its neighbour is resolved
 * @priv: the interface
 * @hwaddr: destination, 20 bytes
 * @skb: the packet, data at the IPoIB header; always consumed
 *
 * Creates the neighbour and asks for its path if need be.
 *
 * Context: BHs off, tx queue lock; does not sleep.
 */
void ipoib_neigh_park(struct ipoib_priv *priv, const u8 *hwaddr,
		      struct sk_buff *skb)
{
	enum ipoib_reason why = IPOIB_R_NO_AH;
	struct ipoib_neigh_table *t = &priv->neigh;
	struct ipoib_neigh *neigh;
	bool ask;

	spin_lock_bh(&t->lock);
	neigh = ipoib_neigh_to_park(priv, hwaddr, &ask);
	if (neigh && skb_queue_len(&neigh->parked) < priv->params.park_limit) {
		__skb_queue_tail(&neigh->parked, skb);
		trace_ipoib_park(priv->dev, hwaddr,
				 skb_queue_len(&neigh->parked));
		WRITE_ONCE(neigh->used, jiffies);
		skb = NULL;
		why = IPOIB_R_PATH_MISS;
	} else if (neigh) {
		why = IPOIB_R_PARK_FULL;
	}
	spin_unlock_bh(&t->lock);

	ipoib_count(&priv->reasons, why);
	if (skb)
		dev_kfree_skb_any(skb);
	if (!ask)
		return;
	if (ipoib_path_want(priv, neigh))
		ipoib_neigh_failed(priv, neigh);
	ipoib_neigh_put(neigh);
}

/* Takes the parked packets, or publishes the handle if there are none, or
 * both if this is the @last batch. Returns true if there is something to send.
 */
static bool ipoib_neigh_batch(struct ipoib_neigh_table *t,
			      struct ipoib_neigh *neigh, struct ipoib_ah *ah,
			      struct sk_buff_head *batch, bool last)
{
	spin_lock_bh(&t->lock);
	if (neigh->state != IPOIB_NEIGH_DEAD) {
		skb_queue_splice_tail_init(&neigh->parked, batch);
		if (last || skb_queue_empty(batch)) {
			rcu_assign_pointer(neigh->ah, ah);
			neigh->state = IPOIB_NEIGH_READY;
		}
	}
	spin_unlock_bh(&t->lock);
	return !skb_queue_empty(batch);
}

/**
 * ipoib_neigh_resolved() - a neighbour's path has an address handle
 * @priv: the interface
 * @neigh: the neighbour; the caller has a reference
 * @ah: the handle, which the path owns
 *
 * Sends what is parked, in order, then opens the neighbour to senders. A
 * neighbour that is READY gets the new handle.
 *
 * Context: the path worker, state.lock held; sleeps.
 */
void ipoib_neigh_resolved(struct ipoib_priv *priv, struct ipoib_neigh *neigh,
			  struct ipoib_ah *ah)
{
	struct sk_buff_head batch;
	unsigned int n = 0;

	lockdep_assert_held(&priv->state.lock);
	__skb_queue_head_init(&batch);
	while (ipoib_neigh_batch(&priv->neigh, neigh, ah, &batch,
				 ++n > IPOIB_NEIGH_BATCHES))
		ipoib_xmit_parked(priv, &batch, neigh->hwaddr, ah);
	ipoib_disc_resolved(priv, neigh);
}

/**
 * ipoib_neigh_failed() - a neighbour has no path
 * @priv: the interface
 * @neigh: the neighbour; the caller has a reference
 *
 * Drops it and what is parked on it. The next packet starts anew.
 *
 * Context: any but hard interrupt.
 */
void ipoib_neigh_failed(struct ipoib_priv *priv, struct ipoib_neigh *neigh)
{
	struct ipoib_neigh_table *t = &priv->neigh;
	struct sk_buff_head packets;
	LIST_HEAD(dead);

	__skb_queue_head_init(&packets);
	spin_lock_bh(&t->lock);
	ipoib_neigh_unlink(t, neigh, &dead, &packets);
	spin_unlock_bh(&t->lock);

	/* If it was dead already, its own burial may not have reached the
	 * path yet; the caller counts on this.
	 */
	ipoib_path_unlink(priv, neigh);
	ipoib_neigh_bury(priv, &dead, &packets);
}

/**
 * ipoib_neigh_get() - find a neighbour for a longer time
 * @priv: the interface
 * @hwaddr: 20 bytes
 *
 * Context: any.
 * Return: the neighbour, with a reference for the caller; or NULL.
 */
struct ipoib_neigh *ipoib_neigh_get(struct ipoib_priv *priv, const u8 *hwaddr)
{
	struct ipoib_neigh *neigh;

	rcu_read_lock();
	neigh = ipoib_neigh_lookup(priv, hwaddr);
	if (neigh && !refcount_inc_not_zero(&neigh->ref))
		neigh = NULL;
	rcu_read_unlock();
	return neigh;
}

/**
 * ipoib_neigh_put() - give a reference back
 * @neigh: the neighbour
 *
 * Context: any.
 */
void ipoib_neigh_put(struct ipoib_neigh *neigh)
{
	struct ipoib_steer *steer;

	if (!refcount_dec_and_test(&neigh->ref))
		return;
	steer = rcu_dereference_protected(neigh->steer, true);
	if (steer)
		kfree_rcu(steer, rcu);
	kfree_rcu(neigh, rcu);
}

/* How many queues of the peer we send to. */
static u32 ipoib_neigh_queues(const struct ipoib_neigh *neigh)
{
	const struct ipoib_steer *steer;
	u32 n;

	rcu_read_lock();
	steer = rcu_dereference(neigh->steer);
	n = steer && time_before(jiffies, READ_ONCE(steer->expires)) ?
	    steer->n : 1;
	rcu_read_unlock();
	return n;
}

static const char *ipoib_neigh_state_name(enum ipoib_neigh_state state)
{
	switch (state) {
	case IPOIB_NEIGH_WAITING:
		return "waiting";
	case IPOIB_NEIGH_READY:
		return "ready";
	default:
		return "dead";
	}
}

/**
 * ipoib_neigh_dump() - one line per neighbour, for people
 * @priv: the interface
 * @m: where to
 *
 * Context: process context.
 */
void ipoib_neigh_dump(struct ipoib_priv *priv, struct seq_file *m)
{
	struct ipoib_neigh_table *t = &priv->neigh;
	struct ipoib_neigh *neigh;

	spin_lock_bh(&t->lock);
	seq_printf(m, "neighbours %u\n", t->n);
	list_for_each_entry(neigh, &t->list, list)
		seq_printf(m,
			   "%pI6 qpn 0x%06x flags 0x%02x %s parked %u idle %u ms queues %u%s\n",
			   ipoib_hw_gid(neigh->hwaddr),
			   ipoib_hw_qpn(neigh->hwaddr), neigh->hwaddr[0],
			   ipoib_neigh_state_name(neigh->state),
			   skb_queue_len(&neigh->parked),
			   jiffies_to_msecs(jiffies - READ_ONCE(neigh->used)),
			   ipoib_neigh_queues(neigh),
			   READ_ONCE(neigh->disc.speaks) ? " discovered" : "");
	spin_unlock_bh(&t->lock);
}
