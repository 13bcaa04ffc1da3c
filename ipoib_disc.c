// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue discovery; docs/multiqueue.md has the protocol and its reasons.
 *
 * Asking. When a neighbour is resolved it is asked once. One that answers is
 * asked again when half of what it granted is over, as long as packets go to
 * it, and more often when the answer stays out. One that has never answered is
 * left alone: it runs another driver.
 *
 * Answering. An answer goes back where the query came from, by its source LID
 * and QPN, so nobody can be made to send to a third party. Who asked lately is
 * told when the queues change.
 *
 * The receive NAPI only copies a message into the inbox, which is bounded. All
 * else is done by one worker per interface on its ordered workqueue with
 * state.lock held, and so is everything in struct ipoib_disc_peer. It takes
 * neigh.lock and the inbox's lock for moments, never both.
 *
 * Senders read what was learned through neigh->steer, under RCU.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "ipoib.h"
#include "ipoib_steer.h"

/* Seconds that peers may use what we tell them; retired queues live longer. */
#define IPOIB_DISC_LIFETIME	10
#define IPOIB_DISC_TICK		HZ
/* Queries without an answer before a peer is taken to be gone. */
#define IPOIB_DISC_TRIES	15
/* Messages that wait for the worker at most. */
#define IPOIB_DISC_INBOX	64
/* Answers sent in one second at most. */
#define IPOIB_DISC_RATE		256
#define IPOIB_DISC_ASKERS	256
/* Queries, or news, sent in one run of the worker. */
#define IPOIB_DISC_BATCH	32

/**
 * struct disc_item - a message that came in
 * @list: in the inbox
 * @wc: its completion
 * @grh: its GRH, if @wc says that there is one
 * @msg: the message
 */
struct disc_item {
	struct list_head list;
	struct ib_wc wc;
	struct ib_grh grh;
	struct ipoib_disc_msg msg;
};

/**
 * struct disc_asker - who asked lately
 * @list: in ipoib_disc.askers
 * @wc: completion of its last query: where to answer
 * @grh: GRH of it
 * @cookie: of it
 * @target: our hardware address as it knows it
 * @when: when that was, jiffies
 * @told: generation that it was told last
 */
struct disc_asker {
	struct list_head list;
	struct ib_wc wc;
	struct ib_grh grh;
	u64 cookie;
	u8 target[INFINIBAND_ALEN];
	unsigned long when;
	u32 told;
};

static void disc_kick(struct ipoib_priv *priv)
{
	struct ipoib_disc *d = &priv->disc;

	spin_lock_bh(&d->lock);
	if (d->started)
		mod_delayed_work(priv->wq, &d->work, 0);
	spin_unlock_bh(&d->lock);
}

static struct sk_buff *disc_build(const struct ipoib_disc_msg *m)
{
	struct ipoib_hdr *hdr;
	struct sk_buff *skb;

	skb = alloc_skb(IPOIB_HARD_LEN + IPOIB_DISC_MAX_LEN, GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_reserve(skb, IPOIB_PSEUDO_LEN);
	hdr = skb_put_zero(skb, sizeof(*hdr));
	hdr->proto = cpu_to_be16(IPOIB_DISC_ETHERTYPE);
	skb_put(skb, ipoib_disc_encode(m, skb_tail_pointer(skb)));
	return skb;
}

/* ---- answering ---- */

static void disc_fill(struct ipoib_priv *priv, struct ipoib_disc_msg *m,
		      const struct disc_asker *asker)
{
	const struct ipoib_qset *set = ipoib_qset_locked(priv);
	u32 i;

	*m = (struct ipoib_disc_msg){
		.type = IPOIB_DISC_ADVERTISE,
		.cookie = asker->cookie,
		.generation = priv->disc.generation,
		.lifetime = IPOIB_DISC_LIFETIME,
		.n = set->n,
		.buckets = IPOIB_INDIR,
	};
	memcpy(m->target, asker->target, sizeof(m->target));
	for (i = 0; i < set->n; i++)
		m->qpn[i] = set->q[i]->qp->qp_num;
	memcpy(m->table, priv->rss.indir, sizeof(m->table));
}

/* The handle lives for this one message; its send keeps it until then. */
static void disc_answer(struct ipoib_priv *priv, struct disc_asker *asker)
{
	struct rdma_ah_attr attr;
	struct ipoib_disc_msg m;
	struct ipoib_ah *ah;
	struct sk_buff *skb;
	int err;

	asker->told = priv->disc.generation;
	err = ib_init_ah_attr_from_wc(priv->hca, priv->port, &asker->wc,
				      &asker->grh, &attr);
	if (err)
		return;
	ah = ipoib_ah_create(priv, &attr, IPOIB_DISC_MAX_LEN);
	rdma_destroy_ah_attr(&attr);
	if (IS_ERR(ah))
		return;
	disc_fill(priv, &m, asker);
	skb = disc_build(&m);
	if (skb && ipoib_xmit_control(priv, skb, ah, asker->wc.src_qp))
		ipoib_count(&priv->reasons, IPOIB_R_DISC_ANSWERS);
	ipoib_ah_retire(ah);
}

static bool disc_may_answer(struct ipoib_disc *d)
{
	if (time_after(jiffies, d->window + HZ)) {
		d->window = jiffies;
		d->n_sent = 0;
	}
	return d->n_sent++ < IPOIB_DISC_RATE;
}

static void disc_forget_asker(struct ipoib_disc *d, struct disc_asker *asker)
{
	list_del(&asker->list);
	d->n_askers--;
	kfree(asker);
}

/* One that asked before moves to the end; the oldest makes room. */
static struct disc_asker *disc_asker_get(struct ipoib_disc *d,
					 const struct ib_wc *wc)
{
	struct disc_asker *asker;

	list_for_each_entry(asker, &d->askers, list) {
		if (asker->wc.slid == wc->slid &&
		    asker->wc.src_qp == wc->src_qp) {
			list_move_tail(&asker->list, &d->askers);
			return asker;
		}
	}
	if (d->n_askers >= IPOIB_DISC_ASKERS)
		disc_forget_asker(d, list_first_entry(&d->askers,
						      struct disc_asker, list));
	asker = kzalloc(sizeof(*asker), GFP_KERNEL);
	if (!asker)
		return NULL;
	list_add_tail(&asker->list, &d->askers);
	d->n_askers++;
	return asker;
}

/* Who asks speaks the protocol, so it may be asked as well. */
static void disc_note_speaker(struct ipoib_priv *priv, const u8 *hwaddr)
{
	struct ipoib_neigh *neigh;

	neigh = ipoib_neigh_get(priv, hwaddr);
	if (!neigh)
		return;
	if (!neigh->disc.speaks) {
		neigh->disc.speaks = true;
		neigh->disc.due = true;
		neigh->disc.tries = 0;
	}
	ipoib_neigh_put(neigh);
}

static bool disc_query_ok(const struct ipoib_priv *priv,
			  const struct disc_item *it)
{
	const u8 *target = it->msg.target, *asker = it->msg.asker;

	if (ipoib_hw_qpn(target) != priv->qpn ||
	    memcmp(ipoib_hw_gid(target), priv->fport.gid.raw, IPOIB_GID_LEN))
		return false;
	if ((it->wc.wc_flags & IB_WC_GRH) &&
	    memcmp(it->grh.sgid.raw, ipoib_hw_gid(asker), IPOIB_GID_LEN))
		return false;
	return ipoib_hw_qpn(asker) == it->wc.src_qp;
}

static void disc_query(struct ipoib_priv *priv, const struct disc_item *it)
{
	struct ipoib_disc *d = &priv->disc;
	struct disc_asker *asker;

	if (!disc_query_ok(priv, it)) {
		ipoib_count(&priv->reasons, IPOIB_R_DISC_REFUSED);
		return;
	}
	if (!disc_may_answer(d)) {
		ipoib_count(&priv->reasons, IPOIB_R_DISC_OVERRUN);
		return;
	}
	asker = disc_asker_get(d, &it->wc);
	if (!asker)
		return;
	asker->wc = it->wc;
	asker->grh = it->grh;
	asker->cookie = it->msg.cookie;
	asker->when = jiffies;
	memcpy(asker->target, it->msg.target, sizeof(asker->target));
	disc_answer(priv, asker);
	disc_note_speaker(priv, it->msg.asker);
}

/* Tells those who asked lately of a change. Returns true if some are left. */
static bool disc_tell(struct ipoib_priv *priv)
{
	unsigned long life = (IPOIB_DISC_LIFETIME + 1) * HZ;
	struct ipoib_disc *d = &priv->disc;
	struct disc_asker *asker, *next;
	u32 n = 0;

	list_for_each_entry_safe(asker, next, &d->askers, list) {
		if (time_after(jiffies, asker->when + life)) {
			disc_forget_asker(d, asker);
			continue;
		}
		if (asker->told == d->generation)
			continue;
		if (n++ == IPOIB_DISC_BATCH)
			return true;
		disc_answer(priv, asker);
	}
	return false;
}

/* ---- asking ---- */

static void disc_ask(struct ipoib_priv *priv, struct ipoib_neigh *neigh)
{
	struct ipoib_disc_peer *p = &neigh->disc;
	struct ipoib_disc_msg m = { .type = IPOIB_DISC_QUERY };
	struct ipoib_ah *ah;
	struct sk_buff *skb;

	do {
		p->cookie = get_random_u64();
	} while (!p->cookie);
	p->asked = true;
	p->tries++;
	p->speaks = p->speaks && p->tries <= IPOIB_DISC_TRIES;
	p->due = p->speaks;
	p->next = jiffies + HZ;

	m.cookie = p->cookie;
	memcpy(m.target, neigh->hwaddr, sizeof(m.target));
	ipoib_hw_set(m.asker, priv->dev->dev_addr[0], priv->qpn,
		     priv->fport.gid.raw);
	skb = disc_build(&m);
	if (!skb)
		return;
	rcu_read_lock();
	ah = rcu_dereference(neigh->ah);
	if (!ipoib_ah_tryget(ah))
		ah = NULL;
	rcu_read_unlock();
	if (!ah) {
		kfree_skb(skb);
		return;
	}
	if (ipoib_xmit_control(priv, skb, ah, ipoib_hw_qpn(neigh->hwaddr)))
		ipoib_count(&priv->reasons, IPOIB_R_DISC_QUERIES);
	ipoib_ah_put(ah);
}

static void disc_unsteer(struct ipoib_neigh *neigh)
{
	struct ipoib_steer *old;

	old = rcu_replace_pointer(neigh->steer, NULL, true);
	if (old)
		kfree_rcu(old, rcu);
}

/* Is the answer one that we wait for, or news of a higher number, from where
 * the neighbour is?
 */
static bool disc_advert_ok(const struct ipoib_neigh *neigh,
			   const struct disc_item *it)
{
	const struct ipoib_disc_peer *p = &neigh->disc;
	const struct ipoib_ah *ah;
	bool here;

	if (!p->cookie || it->msg.cookie != p->cookie ||
	    it->wc.src_qp != ipoib_hw_qpn(neigh->hwaddr))
		return false;
	if (!p->asked && !ipoib_disc_newer(it->msg.generation, p->generation))
		return false;
	rcu_read_lock();
	ah = rcu_dereference(neigh->ah);
	here = ah && ah->dlid == it->wc.slid;
	rcu_read_unlock();
	return here;
}

static void disc_learn(struct ipoib_neigh *neigh,
		       const struct ipoib_disc_msg *m)
{
	unsigned long life = m->lifetime * HZ;
	struct ipoib_disc_peer *p = &neigh->disc;
	struct ipoib_steer *s, *old;

	p->asked = false;
	p->speaks = true;
	p->tries = 0;
	p->generation = m->generation;
	p->due = true;
	p->next = jiffies + life / 2;
	/* One queue is what is used without any steering. */
	if (m->n == 1) {
		disc_unsteer(neigh);
		return;
	}
	old = rcu_dereference_protected(neigh->steer, true);
	if (ipoib_steer_same(old, m)) {
		WRITE_ONCE(old->expires, jiffies + life);
		return;
	}
	s = ipoib_steer_create(m);
	if (!s) {
		disc_unsteer(neigh);
		return;
	}
	s->expires = jiffies + life;
	rcu_assign_pointer(neigh->steer, s);
	if (old)
		kfree_rcu(old, rcu);
}

static void disc_advert(struct ipoib_priv *priv, const struct disc_item *it)
{
	struct ipoib_neigh *neigh;
	bool ok = false;

	neigh = ipoib_neigh_get(priv, it->msg.target);
	if (neigh) {
		ok = disc_advert_ok(neigh, it);
		if (ok)
			disc_learn(neigh, &it->msg);
		ipoib_neigh_put(neigh);
	}
	ipoib_count(&priv->reasons,
		    ok ? IPOIB_R_DISC_LEARNED : IPOIB_R_DISC_REFUSED);
}

/* Idle neighbours are asked when packets go to them again. */
static bool disc_idle(const struct ipoib_neigh *neigh)
{
	return neigh->disc.cookie &&
	       time_after(jiffies, READ_ONCE(neigh->used) +
				   IPOIB_DISC_LIFETIME * HZ / 2);
}

/* Asks who is due. Returns when to look again, jiffies from now; 0: never. */
static unsigned long disc_walk(struct ipoib_priv *priv)
{
	struct ipoib_neigh *due[IPOIB_DISC_BATCH];
	struct ipoib_neigh_table *t = &priv->neigh;
	struct ipoib_neigh *neigh;
	unsigned long again = 0;
	u32 n = 0, i;

	spin_lock_bh(&t->lock);
	list_for_each_entry(neigh, &t->list, list) {
		if (!neigh->disc.due)
			continue;
		again = IPOIB_DISC_TICK;
		if (neigh->state != IPOIB_NEIGH_READY || disc_idle(neigh) ||
		    time_before(jiffies, neigh->disc.next))
			continue;
		if (n == IPOIB_DISC_BATCH) {
			again = 1;
			break;
		}
		refcount_inc(&neigh->ref);
		due[n++] = neigh;
	}
	spin_unlock_bh(&t->lock);

	for (i = 0; i < n; i++) {
		disc_ask(priv, due[i]);
		if (due[i]->disc.due && !again)
			again = IPOIB_DISC_TICK;
		ipoib_neigh_put(due[i]);
	}
	return again;
}

/* ---- the worker ---- */

static void disc_take_inbox(struct ipoib_disc *d, struct list_head *items)
{
	spin_lock_bh(&d->lock);
	list_splice_tail_init(&d->inbox, items);
	d->n_inbox = 0;
	spin_unlock_bh(&d->lock);
}

static void disc_handle(struct ipoib_priv *priv, struct list_head *items,
			bool heed)
{
	struct disc_item *it, *next;

	list_for_each_entry_safe(it, next, items, list) {
		if (heed && it->msg.type == IPOIB_DISC_QUERY)
			disc_query(priv, it);
		else if (heed)
			disc_advert(priv, it);
		kfree(it);
	}
}

static void disc_work(struct work_struct *work)
{
	struct ipoib_disc *d = container_of(to_delayed_work(work),
					    struct ipoib_disc, work);
	struct ipoib_priv *priv = container_of(d, struct ipoib_priv, disc);
	unsigned long again = 0;
	LIST_HEAD(items);
	bool run;

	mutex_lock(&priv->state.lock);
	run = d->started && d->on;
	disc_take_inbox(d, &items);
	disc_handle(priv, &items, run);
	if (run)
		again = disc_walk(priv);
	/* Those who asked before it went down are told when it is up again. */
	if (run && priv->state.oper == IPOIB_OPER_RUNNING && disc_tell(priv))
		again = 1;
	if (again)
		queue_delayed_work(priv->wq, &d->work, again);
	mutex_unlock(&priv->state.lock);
}

/* ---- from elsewhere ---- */

/**
 * ipoib_disc_rx() - a control frame came in
 * @q: the queue
 * @wc: its completion
 * @frame: GRH area, encapsulation header, message
 * @len: bytes of it
 *
 * Context: rx NAPI.
 * Return: false if the interface does not take part.
 */
bool ipoib_disc_rx(struct ipoib_queue *q, const struct ib_wc *wc,
		   const u8 *frame, u32 len)
{
	const u32 skip = IPOIB_GRH_LEN + IPOIB_ENCAP_LEN;
	struct ipoib_priv *priv = q->priv;
	struct ipoib_disc *d = &priv->disc;
	struct disc_item *it;
	bool room;

	if (!READ_ONCE(d->on))
		return false;
	room = READ_ONCE(d->n_inbox) < IPOIB_DISC_INBOX;
	it = room ? kmalloc(sizeof(*it), GFP_ATOMIC | __GFP_NOWARN) : NULL;
	if (!it) {
		ipoib_count(&priv->reasons, IPOIB_R_DISC_OVERRUN);
		return true;
	}
	if (q->index ||
	    !ipoib_disc_decode(frame + skip, len - skip, &it->msg)) {
		ipoib_count(&priv->reasons, IPOIB_R_DISC_BAD);
		kfree(it);
		return true;
	}
	it->wc = *wc;
	memcpy(&it->grh, frame, sizeof(it->grh));

	spin_lock(&d->lock);
	if (d->started) {
		list_add_tail(&it->list, &d->inbox);
		d->n_inbox++;
		mod_delayed_work(priv->wq, &d->work, 0);
		it = NULL;
	}
	spin_unlock(&d->lock);
	kfree(it);
	return true;
}

/**
 * ipoib_disc_resolved() - a neighbour has an address handle
 * @priv: the interface
 * @neigh: the neighbour; the caller has a reference
 *
 * Context: state mutex.
 */
void ipoib_disc_resolved(struct ipoib_priv *priv, struct ipoib_neigh *neigh)
{
	lockdep_assert_held(&priv->state.lock);
	neigh->disc.due = true;
	neigh->disc.next = jiffies;
	disc_kick(priv);
}

/**
 * ipoib_disc_changed() - queues or indirection are not what peers were told
 * @priv: interface with a queue set
 *
 * Context: state mutex.
 */
void ipoib_disc_changed(struct ipoib_priv *priv)
{
	lockdep_assert_held(&priv->state.lock);
	priv->disc.generation++;
	disc_kick(priv);
}

/**
 * ipoib_disc_running() - the interface can send: tell who does not know yet
 * @priv: the interface
 *
 * Context: state mutex.
 */
void ipoib_disc_running(struct ipoib_priv *priv)
{
	lockdep_assert_held(&priv->state.lock);
	disc_kick(priv);
}

static void disc_drop_inbox(struct ipoib_priv *priv)
{
	LIST_HEAD(items);

	disc_take_inbox(&priv->disc, &items);
	disc_handle(priv, &items, false);
}

static void disc_forget_askers(struct ipoib_disc *d)
{
	while (!list_empty(&d->askers))
		disc_forget_asker(d, list_first_entry(&d->askers,
						      struct disc_asker, list));
}

/**
 * ipoib_disc_switch() - take part, or do not
 * @priv: interface on our own verbs path
 * @on: which
 *
 * Context: rtnl; may sleep.
 */
void ipoib_disc_switch(struct ipoib_priv *priv, bool on)
{
	struct ipoib_neigh_table *t = &priv->neigh;
	struct ipoib_neigh *neigh;

	mutex_lock(&priv->state.lock);
	WRITE_ONCE(priv->disc.on, on);
	disc_drop_inbox(priv);
	disc_forget_askers(&priv->disc);
	spin_lock_bh(&t->lock);
	list_for_each_entry(neigh, &t->list, list) {
		disc_unsteer(neigh);
		neigh->disc = (struct ipoib_disc_peer){
			.due = on, .next = jiffies,
		};
	}
	spin_unlock_bh(&t->lock);
	disc_kick(priv);
	mutex_unlock(&priv->state.lock);
}

/**
 * ipoib_disc_init() - before anything else of it
 * @priv: the interface
 * @on: take part
 *
 * Context: ndo_init.
 */
void ipoib_disc_init(struct ipoib_priv *priv, bool on)
{
	struct ipoib_disc *d = &priv->disc;

	d->on = on && !priv->accel;
	/* Whoever remembers one of our name from before shall see that we are
	 * new.
	 */
	d->generation = get_random_u32();
	spin_lock_init(&d->lock);
	INIT_LIST_HEAD(&d->inbox);
	INIT_LIST_HEAD(&d->askers);
	INIT_DELAYED_WORK(&d->work, disc_work);
}

/**
 * ipoib_disc_exit() - undo ipoib_disc_init()
 * @priv: the interface, stopped
 *
 * Context: ndo_uninit; sleeps; state mutex not held.
 */
void ipoib_disc_exit(struct ipoib_priv *priv)
{
	cancel_delayed_work_sync(&priv->disc.work);
	disc_forget_askers(&priv->disc);
}

/**
 * ipoib_disc_start() - let messages in
 * @priv: the interface
 *
 * Context: state mutex.
 */
void ipoib_disc_start(struct ipoib_priv *priv)
{
	struct ipoib_disc *d = &priv->disc;

	lockdep_assert_held(&priv->state.lock);
	/* The queues may have changed while we were away. */
	d->generation++;
	spin_lock_bh(&d->lock);
	d->started = !priv->accel;
	spin_unlock_bh(&d->lock);
}

/**
 * ipoib_disc_stop() - let no more messages in
 * @priv: the interface
 *
 * What was learned goes with the neighbours. Who asked is remembered: they send
 * to our queues as they know them until their time is over, even when we are
 * down in between.
 *
 * Context: state mutex.
 */
void ipoib_disc_stop(struct ipoib_priv *priv)
{
	struct ipoib_disc *d = &priv->disc;

	lockdep_assert_held(&priv->state.lock);
	spin_lock_bh(&d->lock);
	d->started = false;
	spin_unlock_bh(&d->lock);
	/* Not synchronous: a run that has begun finds that it is stopped. */
	cancel_delayed_work(&d->work);
	disc_drop_inbox(priv);
}
