// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multicast groups: which there are, and the packets that wait for a join.
 * Membership itself is in ipoib_join.c.
 *
 * Three kinds of groups. The broadcast group is joined first; it is the model
 * for all others and the condition for the carrier. Groups of the netdev's
 * list are joined in full and tried for ever. Any other IPoIB group that a
 * packet goes to is joined send-only, tried again only when there is another
 * packet, and left when it has not been used for long.
 *
 * One worker per interface changes groups. It runs on the interface's ordered
 * workqueue with state.lock held, so it never runs beside start or stop, and
 * stop need not wait for it: a run that comes too late sees that @started is
 * false. Answers come in any process context; they are stored under the
 * table's lock, and the worker takes them in. Senders only look up, park, and
 * add send-only groups. No lock but state.lock is held while the backend, the
 * rdma_netdev or the transmit path is called.
 *
 * Parked packets are handled as those of neighbours, see ipoib_neigh.c: while
 * there are any, @ah is not published, and both are decided under the lock.
 *
 * Teardown has two phases. First a group is made DEAD under the lock: out of
 * table and list, @ah cleared. From then on no sender finds it and answers are
 * ignored. Then, without the lock, it is detached and left, which waits until
 * no callback runs, its handle is retired and its packets are dropped.
 * Memory goes by kfree_rcu(), which needs no text of this module.
 */
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "ipoib.h"

/* Send-only groups that nothing was sent to are left after this time. */
#define IPOIB_MCAST_UNUSED	(5 * 60 * HZ)
#define IPOIB_MCAST_GC		(60 * HZ)
/* Senders can make no more groups than this. */
#define IPOIB_MCAST_MAX		1024

static const struct rhashtable_params ipoib_mcast_params = {
	.head_offset = offsetof(struct ipoib_mcast, node),
	.key_offset = offsetof(struct ipoib_mcast, mgid),
	.key_len = sizeof(union ib_gid),
	.hashfn = jhash,
	.automatic_shrinking = true,
};

/**
 * ipoib_mcast_kick() - let the worker look at all groups now
 * @priv: the interface
 *
 * Context: any but hard interrupt, the table's lock held.
 */
void ipoib_mcast_kick(struct ipoib_priv *priv)
{
	lockdep_assert_held(&priv->mcast.lock);
	if (priv->mcast.started)
		mod_delayed_work(priv->wq, &priv->mcast.work, 0);
}

static struct ipoib_mcast *ipoib_mcast_create(struct ipoib_mcast_table *t,
					      const union ib_gid *mgid,
					      enum ipoib_join kind)
{
	struct ipoib_mcast *g;

	lockdep_assert_held(&t->lock);
	g = kzalloc(sizeof(*g), GFP_ATOMIC);
	if (!g)
		return NULL;

	g->mgid = *mgid;
	g->kind = kind;
	g->state = IPOIB_MCAST_IDLE;
	g->when = jiffies;
	g->used = jiffies;
	__skb_queue_head_init(&g->parked);
	if (rhashtable_insert_fast(&t->table, &g->node, ipoib_mcast_params)) {
		kfree(g);
		return NULL;
	}
	list_add_tail(&g->list, &t->list);
	t->n++;
	return g;
}

/* First phase of teardown. */
static void ipoib_mcast_unlink(struct ipoib_mcast_table *t,
			       struct ipoib_mcast *g, struct list_head *dead)
{
	lockdep_assert_held(&t->lock);
	g->state = IPOIB_MCAST_DEAD;
	RCU_INIT_POINTER(g->ah, NULL);
	rhashtable_remove_fast(&t->table, &g->node, ipoib_mcast_params);
	list_move_tail(&g->list, dead);
	t->n--;
	if (g == t->broadcast)
		t->broadcast = NULL;
}

/* Second phase. */
static void ipoib_mcast_bury(struct ipoib_priv *priv, struct list_head *dead)
{
	struct ipoib_mcast *g, *next;

	list_for_each_entry_safe(g, next, dead, list) {
		ipoib_dbg_mcast(priv, "%pI6 left\n", g->mgid.raw);
		list_del(&g->list);
		ipoib_join_end(priv, g);
		kfree_rcu(g, rcu);
	}
}

static bool ipoib_mcast_unused(const struct ipoib_mcast *g)
{
	if (g->kind != IPOIB_JOIN_SENDONLY || !skb_queue_empty(&g->parked))
		return false;
	if (g->state != IPOIB_MCAST_MEMBER && g->state != IPOIB_MCAST_IDLE)
		return false;
	return time_after(jiffies, READ_ONCE(g->used) + IPOIB_MCAST_UNUSED);
}

/* Makes sure that there is a broadcast group to join. */
static void ipoib_mcast_begin(struct ipoib_priv *priv)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	union ib_gid mgid;

	lockdep_assert_held(&t->lock);
	if (t->broadcast)
		return;
	memcpy(mgid.raw, ipoib_hw_gid(priv->dev->broadcast), sizeof(mgid.raw));
	ipoib_mgid_set_pkey(mgid.raw, priv->fport.pkey);
	t->broadcast = ipoib_mcast_create(t, &mgid, IPOIB_JOIN_FULL);
}

/* Takes one address of the netdev's list in. Returns false for want of memory.
 */
static bool ipoib_mcast_list_one(struct ipoib_priv *priv, const u8 *hw)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	struct ipoib_mcast *g;
	union ib_gid mgid;

	lockdep_assert_held(&t->lock);
	/* The stack made the address with the P_Key of that time. */
	memcpy(mgid.raw, ipoib_hw_gid(hw), sizeof(mgid.raw));
	ipoib_mgid_set_pkey(mgid.raw, priv->fport.pkey);
	if (!ipoib_mgid_is_ours(mgid.raw, t->broadcast->mgid.raw))
		return true;

	g = rhashtable_lookup_fast(&t->table, &mgid, ipoib_mcast_params);
	if (!g && READ_ONCE(priv->umcast) &&
	    priv->fabric->mc_known(&priv->fport, &mgid))
		return true;
	if (!g)
		g = ipoib_mcast_create(t, &mgid, IPOIB_JOIN_FULL);
	if (!g)
		return false;
	if (g->kind != IPOIB_JOIN_FULL) {
		g->kind = IPOIB_JOIN_FULL;
		g->tries = 0;
		g->when = jiffies;
	}
	g->listed = true;
	return true;
}

/* Brings the table in line with the netdev's list, both locked. */
static void ipoib_mcast_follow(struct ipoib_priv *priv, struct list_head *dead)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	struct netdev_hw_addr *ha;
	struct ipoib_mcast *g, *next;

	lockdep_assert_held(&t->lock);
	t->sync = false;
	list_for_each_entry(g, &t->list, list)
		g->listed = g == t->broadcast;
	netdev_for_each_mc_addr(ha, priv->dev)
		if (!ipoib_mcast_list_one(priv, ha->addr))
			t->sync = true;
	list_for_each_entry_safe(g, next, &t->list, list)
		if (g->kind == IPOIB_JOIN_FULL && !g->listed)
			ipoib_mcast_unlink(t, g, dead);
}

/* Collects the groups with something to do in @todo, unlinks those that are
 * not wanted.
 */
static void ipoib_mcast_scan(struct ipoib_priv *priv, struct list_head *todo,
			     struct list_head *dead)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	struct ipoib_mcast *g, *next;

	netif_addr_lock_bh(priv->dev);
	spin_lock(&t->lock);
	if (!t->started)
		goto unlock;
	ipoib_mcast_begin(priv);
	if (t->sync && t->broadcast)
		ipoib_mcast_follow(priv, dead);
	list_for_each_entry_safe(g, next, &t->list, list) {
		if (ipoib_mcast_unused(g))
			ipoib_mcast_unlink(t, g, dead);
		else if (!ipoib_join_due_in(t, g))
			list_add_tail(&g->todo, todo);
	}
unlock:
	spin_unlock(&t->lock);
	netif_addr_unlock_bh(priv->dev);
}

static void ipoib_mcast_work(struct work_struct *work)
{
	struct ipoib_mcast_table *t = container_of(to_delayed_work(work),
						   struct ipoib_mcast_table,
						   work);
	struct ipoib_priv *priv = container_of(t, struct ipoib_priv, mcast);
	unsigned long delay = IPOIB_MCAST_GC;
	struct ipoib_mcast *g, *next;
	LIST_HEAD(todo);
	LIST_HEAD(dead);

	mutex_lock(&priv->state.lock);
	ipoib_mcast_scan(priv, &todo, &dead);
	ipoib_mcast_bury(priv, &dead);
	list_for_each_entry_safe(g, next, &todo, todo)
		ipoib_join_act(priv, g);

	/* What was done may be due again at another time. A kick that came
	 * meanwhile has queued the work already, and that stays.
	 */
	spin_lock_bh(&t->lock);
	if (!t->broadcast || t->sync)
		delay = HZ;
	list_for_each_entry(g, &t->list, list)
		delay = min(delay, ipoib_join_due_in(t, g));
	if (t->started)
		queue_delayed_work(priv->wq, &t->work, delay);
	spin_unlock_bh(&t->lock);
	mutex_unlock(&priv->state.lock);
}

/**
 * ipoib_mcast_init() - make the table ready
 * @priv: the interface
 *
 * Context: ndo_init, process context; sleeps.
 * Return: 0 or -errno.
 */
int ipoib_mcast_init(struct ipoib_priv *priv)
{
	struct ipoib_mcast_table *t = &priv->mcast;

	spin_lock_init(&t->lock);
	INIT_LIST_HEAD(&t->list);
	INIT_DELAYED_WORK(&t->work, ipoib_mcast_work);
	return rhashtable_init(&t->table, &ipoib_mcast_params);
}

/**
 * ipoib_mcast_exit() - undo ipoib_mcast_init()
 * @priv: the interface, stopped; no sender is left
 *
 * Context: ndo_uninit, process context; sleeps; state.lock not held.
 */
void ipoib_mcast_exit(struct ipoib_priv *priv)
{
	struct ipoib_mcast_table *t = &priv->mcast;

	cancel_delayed_work_sync(&t->work);
	WARN_ON(t->n);
	rhashtable_destroy(&t->table);
}

/**
 * ipoib_mcast_start() - join the broadcast group, then what is wanted
 * @priv: the interface, with P_Key and GID; its QPs exist
 *
 * ipoib_state_kick() with IPOIB_ST_BCAST tells the outcome.
 *
 * Context: process context, state.lock held.
 */
void ipoib_mcast_start(struct ipoib_priv *priv)
{
	struct ipoib_mcast_table *t = &priv->mcast;

	lockdep_assert_held(&priv->state.lock);
	spin_lock_bh(&t->lock);
	t->started = true;
	t->sync = true;
	ipoib_mcast_kick(priv);
	spin_unlock_bh(&t->lock);
}

/**
 * ipoib_mcast_stop() - leave all groups and forget them
 * @priv: the interface
 *
 * Packets that come later are dropped and counted.
 *
 * Context: process context, state.lock held; sleeps until no callback runs.
 */
void ipoib_mcast_stop(struct ipoib_priv *priv)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	struct ipoib_mcast *g, *next;
	LIST_HEAD(dead);

	lockdep_assert_held(&priv->state.lock);
	spin_lock_bh(&t->lock);
	t->started = false;
	WRITE_ONCE(t->bcast_joined, false);
	list_for_each_entry_safe(g, next, &t->list, list)
		ipoib_mcast_unlink(t, g, &dead);
	spin_unlock_bh(&t->lock);

	cancel_delayed_work(&t->work);
	ipoib_mcast_bury(priv, &dead);
}

/**
 * ipoib_mcast_rejoin() - leave all groups and join them again
 * @priv: the interface
 *
 * Handles, attachments and carrier stay until the answers are there.
 *
 * Context: any but hard interrupt.
 */
void ipoib_mcast_rejoin(struct ipoib_priv *priv)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	struct ipoib_mcast *g;

	spin_lock_bh(&t->lock);
	list_for_each_entry(g, &t->list, list) {
		/* One that is being joined is told if that was in vain. */
		g->again = g->state == IPOIB_MCAST_MEMBER;
		g->tries = 0;
		g->when = jiffies;
	}
	ipoib_mcast_kick(priv);
	spin_unlock_bh(&t->lock);
}

/**
 * ipoib_mcast_sync() - the netdev's multicast list changed
 * @priv: the interface
 *
 * Context: any but hard interrupt; the netdev's address lock may be held.
 */
void ipoib_mcast_sync(struct ipoib_priv *priv)
{
	struct ipoib_mcast_table *t = &priv->mcast;

	spin_lock_bh(&t->lock);
	t->sync = true;
	ipoib_mcast_kick(priv);
	spin_unlock_bh(&t->lock);
}

/**
 * ipoib_mcast_get_ah() - address handle of a group, for one send
 * @priv: the interface
 * @mgid: the group
 *
 * Context: any.
 * Return: the handle with a reference, or NULL: park the packet.
 */
struct ipoib_ah *ipoib_mcast_get_ah(struct ipoib_priv *priv,
				    const union ib_gid *mgid)
{
	unsigned long now = jiffies;
	struct ipoib_ah *ah = NULL;
	struct ipoib_mcast *g;

	rcu_read_lock();
	g = rhashtable_lookup(&priv->mcast.table, mgid, ipoib_mcast_params);
	if (g) {
		if (READ_ONCE(g->used) != now)
			WRITE_ONCE(g->used, now);
		ah = rcu_dereference(g->ah);
		if (!ipoib_ah_tryget(ah))
			ah = NULL;
	}
	rcu_read_unlock();
	return ah;
}

/* Finds or makes the group that a packet waits for. Returns NULL if it would
 * wait in vain.
 */
static struct ipoib_mcast *ipoib_mcast_to_park(struct ipoib_mcast_table *t,
					       const union ib_gid *mgid)
{
	struct ipoib_mcast *g;

	lockdep_assert_held(&t->lock);
	if (!t->started)
		return NULL;
	g = rhashtable_lookup_fast(&t->table, mgid, ipoib_mcast_params);
	if (!g) {
		if (!t->bcast_joined || t->n >= IPOIB_MCAST_MAX)
			return NULL;
		return ipoib_mcast_create(t, mgid, IPOIB_JOIN_SENDONLY);
	}
	/* Here nothing can be sent: the worker does it. */
	RCU_INIT_POINTER(g->ah, NULL);
	if (g->handle)
		return g;
	/* A join that failed is not tried before its time. */
	if (g->state == IPOIB_MCAST_IDLE && time_before(jiffies, g->when))
		return NULL;
	return g;
}

/**
 * ipoib_mcast_park() - keep a packet until its group is joined
 * @priv: the interface
 * @mgid: the group
 * @skb: the packet, data at the IPoIB header; always consumed
 *
 * Joins an unknown group send-only.
 *
 * Context: BHs off, tx queue lock; does not sleep.
 */
void ipoib_mcast_park(struct ipoib_priv *priv, const union ib_gid *mgid,
		      struct sk_buff *skb)
{
	enum ipoib_reason why = IPOIB_R_NO_AH;
	struct ipoib_mcast_table *t = &priv->mcast;
	struct ipoib_mcast *g;

	spin_lock_bh(&t->lock);
	g = ipoib_mcast_to_park(t, mgid);
	if (g && skb_queue_len(&g->parked) < priv->params.park_limit) {
		__skb_queue_tail(&g->parked, skb);
		WRITE_ONCE(g->used, jiffies);
		ipoib_mcast_kick(priv);
		skb = NULL;
		why = IPOIB_R_PATH_MISS;
	} else if (g) {
		why = IPOIB_R_PARK_FULL;
	}
	spin_unlock_bh(&t->lock);

	ipoib_count(&priv->reasons, why);
	if (skb)
		dev_kfree_skb_any(skb);
}

static const char *ipoib_mcast_state_name(enum ipoib_mcast_state state)
{
	static const char * const names[] = {
		[IPOIB_MCAST_IDLE] = "idle",
		[IPOIB_MCAST_JOINING] = "joining",
		[IPOIB_MCAST_ANSWERED] = "answered",
		[IPOIB_MCAST_MEMBER] = "member",
		[IPOIB_MCAST_LOST] = "lost",
		[IPOIB_MCAST_DEAD] = "dead",
	};

	return names[state];
}

static void ipoib_mcast_dump_one(const struct ipoib_mcast *g,
				 struct seq_file *m)
{
	seq_printf(m, "%pI6 %s %s%s parked %u tries %u", g->mgid.raw,
		   g->kind == IPOIB_JOIN_FULL ? "full" : "sendonly",
		   ipoib_mcast_state_name(g->state),
		   g->attached ? " attached" : "",
		   skb_queue_len(&g->parked), g->tries);
	if (g->handle)
		seq_printf(m, " mlid 0x%04x mtu %u rate %d Mb/s sl %u qkey 0x%08x",
			   be16_to_cpu(g->rec.mlid), g->handle->mtu,
			   ib_rate_to_mbps(g->rec.rate), g->rec.sl,
			   be32_to_cpu(g->rec.qkey));
	seq_putc(m, '\n');
}

/**
 * ipoib_mcast_dump() - one line per group, for people
 * @priv: the interface
 * @m: where to
 *
 * Context: process context.
 */
void ipoib_mcast_dump(struct ipoib_priv *priv, struct seq_file *m)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	struct ipoib_mcast *g;

	spin_lock_bh(&t->lock);
	seq_printf(m, "groups %u broadcast %s\n", t->n,
		   t->bcast_joined ? "joined" : "not joined");
	list_for_each_entry(g, &t->list, list)
		ipoib_mcast_dump_one(g, m);
	spin_unlock_bh(&t->lock);
}
