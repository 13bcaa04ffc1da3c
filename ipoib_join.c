// SPDX-License-Identifier: GPL-2.0-only
/*
 * Membership in multicast groups: join, attach, handle, loss, leave; the state
 * machine of enum ipoib_mcast_state. ipoib_multicast.c says which groups there
 * are and lets its worker act here.
 *
 * The worker runs with state.lock held, so membership, attachment and handle
 * of a group are changed by one thread at a time. What senders and answers
 * share is under the table's lock, which is not held while the backend, the
 * rdma_netdev or the transmit path is called.
 *
 * A group in use that is joined again keeps handle, attachment and, if it is
 * the broadcast group, carrier: the SM's tables forward as before, and the
 * answer mostly is what it was.
 */
#include <linux/jiffies.h>
#include <linux/netdevice.h>

#include "ipoib.h"
#include "ipoib_ib.h"
#include "ipoib_rss.h"
#include "ipoib_trace.h"

/* Rejoins of a group in use that may fail before it counts as lost: an SM that
 * restarts is silent for some seconds, and forwarding goes on meanwhile.
 */
#define IPOIB_JOIN_LOST_TRIES	3
#define IPOIB_JOIN_MAX_DELAY	(16 * HZ)
/* A membership that the fabric still has must be seen to end before it is
 * asked for again; otherwise the SA client answers by itself.
 */
#define IPOIB_JOIN_AGAIN	(HZ / 20)
/* As for neighbours. */
#define IPOIB_JOIN_BATCHES	32

static void join_leave(struct ipoib_priv *priv, struct ipoib_mcast *g)
{
	if (!g->held)
		return;
	trace_ipoib_mcast_leave(priv->dev, &g->mgid, g->kind);
	priv->fabric->mc_leave(&g->req);
	g->held = false;
}

static void join_unplug(struct ipoib_priv *priv, struct ipoib_mcast *g)
{
	struct rdma_netdev *rn = netdev_priv(priv->dev);
	int err;

	if (!g->attached)
		return;
	g->attached = false;
	err = rn->detach_mcast(priv->dev, priv->hca, &g->mgid,
			       be16_to_cpu(g->rec.mlid));
	if (err)
		netdev_warn(priv->dev, "detaching from %pI6: %d\n",
			    g->mgid.raw, err);
}

static void join_purge(struct ipoib_priv *priv,
		       struct sk_buff_head *packets)
{
	ipoib_count_n(&priv->reasons, IPOIB_R_PARK_PURGED,
		      skb_queue_len(packets));
	__skb_queue_purge(packets);
}

/* Outcome of a join, or the end of a membership, or the failure to ask. */
static void join_answered(struct ipoib_mc_req *req, int status,
			  const struct ib_sa_mcmember_rec *rec)
{
	struct ipoib_priv *priv = container_of(req->fport, struct ipoib_priv,
					       fport);
	struct ipoib_mcast *g = container_of(req, struct ipoib_mcast, req);
	struct ipoib_mcast_table *t = &priv->mcast;

	trace_ipoib_mcast_answer(priv->dev, &g->mgid, status);
	spin_lock_bh(&t->lock);
	if (g->state == IPOIB_MCAST_JOINING) {
		g->state = IPOIB_MCAST_ANSWERED;
		g->status = status;
		if (!status)
			g->answer = *rec;
	} else if (g->state == IPOIB_MCAST_ANSWERED ||
		   g->state == IPOIB_MCAST_MEMBER) {
		g->state = IPOIB_MCAST_LOST;
	}
	ipoib_mcast_kick(priv);
	spin_unlock_bh(&t->lock);
}

static void join_ask(struct ipoib_priv *priv, struct ipoib_mcast *g)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	int err;

	spin_lock_bh(&t->lock);
	g->state = IPOIB_MCAST_JOINING;
	g->req.kind = g->kind;
	spin_unlock_bh(&t->lock);

	g->req.fport = &priv->fport;
	g->req.mgid = g->mgid;
	g->req.like = g == t->broadcast ? NULL : &t->bcast_rec;
	g->req.done = join_answered;
	trace_ipoib_mcast_join(priv->dev, &g->mgid, g->kind);
	err = priv->fabric->mc_join(&g->req);
	g->held = !err;
	if (err)
		join_answered(&g->req, err, NULL);
}

/* Leaves what is there and makes a join due after @delay. */
static void join_restart(struct ipoib_priv *priv,
			 struct ipoib_mcast *g, unsigned long delay)
{
	struct ipoib_mcast_table *t = &priv->mcast;

	join_leave(priv, g);
	spin_lock_bh(&t->lock);
	g->again = false;
	g->state = IPOIB_MCAST_IDLE;
	g->when = jiffies + delay;
	spin_unlock_bh(&t->lock);
}

/* Takes the parked packets, or publishes the handle if there are none, or
 * both if this is the @last batch. Returns true if there is something to send.
 */
static bool join_batch(struct ipoib_mcast_table *t,
		       struct ipoib_mcast *g,
		       struct sk_buff_head *batch, bool last)
{
	spin_lock_bh(&t->lock);
	skb_queue_splice_tail_init(&g->parked, batch);
	if (last || skb_queue_empty(batch))
		rcu_assign_pointer(g->ah, g->handle);
	spin_unlock_bh(&t->lock);
	return !skb_queue_empty(batch);
}

static void join_serve(struct ipoib_priv *priv, struct ipoib_mcast *g)
{
	struct sk_buff_head batch;
	u8 hw[INFINIBAND_ALEN];
	unsigned int n = 0;

	ipoib_hw_set(hw, 0, IB_MULTICAST_QPN, g->mgid.raw);
	__skb_queue_head_init(&batch);
	while (join_batch(&priv->mcast, g, &batch,
			  ++n > IPOIB_JOIN_BATCHES))
		ipoib_xmit_parked(priv, &batch, hw, g->handle);
}

/* The group is out of use: nothing is sent to it or received from it. */
static void join_forget(struct ipoib_priv *priv, struct ipoib_mcast *g)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	struct sk_buff_head packets;
	struct ipoib_ah *old;

	__skb_queue_head_init(&packets);
	spin_lock_bh(&t->lock);
	RCU_INIT_POINTER(g->ah, NULL);
	old = g->handle;
	g->handle = NULL;
	skb_queue_splice_init(&g->parked, &packets);
	spin_unlock_bh(&t->lock);

	join_purge(priv, &packets);
	join_unplug(priv, g);
	ipoib_ah_retire(old);
	if (g == t->broadcast && t->bcast_joined) {
		WRITE_ONCE(t->bcast_joined, false);
		netdev_info(priv->dev, "the broadcast group is lost\n");
		ipoib_state_kick(priv, IPOIB_ST_BCAST);
	}
}

static void join_fail(struct ipoib_priv *priv, struct ipoib_mcast *g,
		      int err)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	unsigned long delay;

	/* The backend knows better now. */
	if (err == -ESTALE) {
		join_restart(priv, g, 0);
		return;
	}

	ipoib_count(&priv->reasons, IPOIB_R_JOIN_FAILED);
	delay = min_t(unsigned long, HZ << min(g->tries, 8u),
		      IPOIB_JOIN_MAX_DELAY);
	ipoib_dbg_mcast(priv, "%pI6 join failed: %d, next in %u ms\n",
			g->mgid.raw, err, jiffies_to_msecs(delay));
	if (g == t->broadcast && g->tries == IPOIB_JOIN_LOST_TRIES)
		netdev_info(priv->dev,
			    "cannot join the broadcast group (%d); still trying\n",
			    err);
	join_restart(priv, g, delay);
	spin_lock_bh(&t->lock);
	g->tries++;
	spin_unlock_bh(&t->lock);
	if (!g->handle || g->tries >= IPOIB_JOIN_LOST_TRIES)
		join_forget(priv, g);
}

/* Attaches the primary QP, if the answer differs from what is attached. */
static int join_plug(struct ipoib_priv *priv, struct ipoib_mcast *g)
{
	const struct ib_sa_mcmember_rec *rec = &g->answer;
	struct rdma_netdev *rn = netdev_priv(priv->dev);
	bool model = g == priv->mcast.broadcast;
	u32 qkey = be32_to_cpu(rec->qkey);
	int err;

	if (g->req.kind != IPOIB_JOIN_FULL)
		return 0;
	if (g->attached && g->rec.mlid == rec->mlid &&
	    (!model || g->rec.qkey == rec->qkey))
		return 0;

	join_unplug(priv, g);
	err = rn->attach_mcast(priv->dev, priv->hca, &g->mgid,
			       be16_to_cpu(rec->mlid), model, qkey);
	if (err) {
		ipoib_count(&priv->reasons, IPOIB_R_ATTACH_FAILED);
		return err;
	}
	g->attached = true;
	if (model)
		WRITE_ONCE(priv->qkey, qkey);
	return 0;
}

static struct ipoib_ah *join_make_ah(struct ipoib_priv *priv,
				     const struct ipoib_mcast *g)
{
	struct rdma_ah_attr attr = {};
	struct ipoib_ah *ah;
	int err, mtu;

	err = priv->fabric->mc_to_ah(&priv->fport, &g->rec, &attr);
	if (err)
		return ERR_PTR(err);
	mtu = ib_mtu_enum_to_int(g->rec.mtu);
	ah = ipoib_ah_create(priv, &attr, mtu > 0 ? ipoib_ud_mtu(mtu) :
						    priv->mcast_mtu);
	rdma_destroy_ah_attr(&attr);
	return ah;
}

/* Puts an answer to use: attachment, then the handle. */
static int join_enter(struct ipoib_priv *priv, struct ipoib_mcast *g)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	struct ipoib_ah *ah, *old;
	int err;

	err = join_plug(priv, g);
	if (err)
		return err;
	g->rec = g->answer;
	ah = join_make_ah(priv, g);
	if (IS_ERR(ah))
		return PTR_ERR(ah);

	spin_lock_bh(&t->lock);
	old = g->handle;
	g->handle = ah;
	spin_unlock_bh(&t->lock);
	join_serve(priv, g);
	ipoib_ah_retire(old);
	return 0;
}

static void join_broadcast_up(struct ipoib_priv *priv)
{
	struct ipoib_mcast_table *t = &priv->mcast;

	t->bcast_rec = t->broadcast->rec;
	WRITE_ONCE(priv->mcast_mtu, t->broadcast->handle->mtu);
	WRITE_ONCE(t->bcast_joined, true);
	ipoib_state_kick(priv, IPOIB_ST_BCAST);
}

/* Takes an answer in. */
static void join_take(struct ipoib_priv *priv, struct ipoib_mcast *g)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	int err = g->status;

	if (!err)
		err = join_enter(priv, g);
	if (err) {
		join_fail(priv, g, err);
		return;
	}
	ipoib_dbg_mcast(priv, "%pI6 joined, mlid 0x%04x\n", g->mgid.raw,
			be16_to_cpu(g->rec.mlid));
	if (g == t->broadcast)
		join_broadcast_up(priv);

	spin_lock_bh(&t->lock);
	g->tries = 0;
	/* It may be lost again by now; then that is what is to be done. */
	if (g->state == IPOIB_MCAST_ANSWERED)
		g->state = IPOIB_MCAST_MEMBER;
	spin_unlock_bh(&t->lock);
}

static bool join_needs_join(const struct ipoib_mcast_table *t,
			    const struct ipoib_mcast *g)
{
	const struct ipoib_mcast *b = t->broadcast;

	lockdep_assert_held(&t->lock);
	if (g == b)
		return true;
	if (!b || b->state != IPOIB_MCAST_MEMBER || b->again)
		return false;
	return g->kind == IPOIB_JOIN_FULL || g->handle ||
	       !skb_queue_empty(&g->parked);
}

static bool join_needs_serving(const struct ipoib_mcast *g)
{
	return g->handle && !skb_queue_empty(&g->parked);
}

static bool join_needs_restart(const struct ipoib_mcast *g)
{
	return g->state == IPOIB_MCAST_MEMBER &&
	       (g->again || g->kind != g->req.kind);
}

/**
 * ipoib_join_due_in() - when is there something to do for a group?
 * @t: the table
 * @g: the group
 *
 * What an answer or a sender brings about kicks the worker by itself.
 *
 * Context: the table's lock held.
 * Return: jiffies from now; 0 is now.
 */
unsigned long ipoib_join_due_in(const struct ipoib_mcast_table *t,
				const struct ipoib_mcast *g)
{
	unsigned long now = jiffies;

	lockdep_assert_held(&t->lock);
	if (g->state == IPOIB_MCAST_ANSWERED || g->state == IPOIB_MCAST_LOST)
		return 0;
	if (join_needs_serving(g) || join_needs_restart(g))
		return 0;
	if (g->state != IPOIB_MCAST_IDLE || !join_needs_join(t, g))
		return MAX_JIFFY_OFFSET;
	return time_after_eq(now, g->when) ? 0 : g->when - now;
}

/**
 * ipoib_join_act() - do what is due for a group
 * @priv: the interface
 * @g: the group
 *
 * Context: the worker, state.lock held; sleeps.
 */
void ipoib_join_act(struct ipoib_priv *priv, struct ipoib_mcast *g)
{
	struct ipoib_mcast_table *t = &priv->mcast;
	enum ipoib_mcast_state state;
	bool restart, join, serve;

	spin_lock_bh(&t->lock);
	state = g->state;
	restart = join_needs_restart(g);
	join = state == IPOIB_MCAST_IDLE && join_needs_join(t, g) &&
	       time_after_eq(jiffies, g->when);
	serve = join_needs_serving(g);
	spin_unlock_bh(&t->lock);

	if (serve)
		join_serve(priv, g);
	if (state == IPOIB_MCAST_ANSWERED)
		join_take(priv, g);
	else if (state == IPOIB_MCAST_LOST)
		join_restart(priv, g, 0);
	else if (restart)
		join_restart(priv, g, g->again ? IPOIB_JOIN_AGAIN : 0);
	else if (join)
		join_ask(priv, g);
}

/**
 * ipoib_join_end() - second phase of a group's teardown
 * @priv: the interface
 * @g: the group, DEAD and unlinked
 *
 * Detaches and leaves, waits until no callback of the group runs, retires its
 * handle and drops its packets.
 *
 * Context: state.lock held; sleeps.
 */
void ipoib_join_end(struct ipoib_priv *priv, struct ipoib_mcast *g)
{
	lockdep_assert_held(&priv->state.lock);
	join_unplug(priv, g);
	join_leave(priv, g);
	ipoib_ah_retire(g->handle);
	join_purge(priv, &g->parked);
}

/**
 * ipoib_mcast_attach() - rdma_netdev::attach_mcast on our own verbs path
 * @dev: the interface, with one queue
 * @hca: RDMA device
 * @mgid: the group
 * @mlid: its LID
 * @set_qkey: this is the broadcast group, whose Q_Key the queue takes
 * @qkey: Q_Key
 *
 * Context: process context, state.lock held; sleeps.
 * Return: 0 or -errno.
 */
int ipoib_mcast_attach(struct net_device *dev, struct ib_device *hca,
		       union ib_gid *mgid, u16 mlid, int set_qkey, u32 qkey)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	struct ipoib_queue *q = ipoib_qset_locked(priv)->q[0];
	int err;

	if (set_qkey) {
		err = ipoib_ud_set_qkey(q, qkey);
		if (err)
			return err;
		WRITE_ONCE(priv->qkey, qkey);
	}
	return ib_attach_mcast(q->qp, mgid, mlid);
}

/**
 * ipoib_mcast_attach_rss() - the same with many queues
 * @dev: the interface
 * @hca: RDMA device
 * @mgid: the group
 * @mlid: its LID
 * @set_qkey: this is the broadcast group, whose Q_Key all queues take
 * @qkey: Q_Key
 *
 * Only the primary is attached: a group has one copy for each QP attached.
 *
 * Context: process context, state.lock held; sleeps.
 * Return: 0 or -errno.
 */
int ipoib_mcast_attach_rss(struct net_device *dev, struct ib_device *hca,
			   union ib_gid *mgid, u16 mlid, int set_qkey,
			   u32 qkey)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	int err;

	if (set_qkey) {
		err = ipoib_qset_set_qkey(priv, qkey);
		if (err)
			return err;
	}
	return ib_attach_mcast(ipoib_qset_locked(priv)->q[0]->qp, mgid, mlid);
}

/**
 * ipoib_mcast_detach() - rdma_netdev::detach_mcast on our own verbs path
 * @dev: the interface
 * @hca: RDMA device
 * @mgid: the group
 * @mlid: its LID
 *
 * Context: process context, state.lock held; sleeps.
 * Return: 0 or -errno.
 */
int ipoib_mcast_detach(struct net_device *dev, struct ib_device *hca,
		       union ib_gid *mgid, u16 mlid)
{
	struct ipoib_qset *set = ipoib_qset_locked(ipoib_priv(dev));

	return ib_detach_mcast(set->q[0]->qp, mgid, mlid);
}
