// SPDX-License-Identifier: GPL-2.0-only
/*
 * The path cache: how to reach a port, asked from the fabric and remembered.
 *
 * One worker per interface changes paths. It runs on the interface's ordered
 * workqueue with state.lock held, so it never runs beside start or stop, and
 * stop need not wait for it: a run that comes too late sees @stopped. Answers
 * come in any process context; they are stored under the table's lock, and the
 * worker takes them in. Senders only add neighbours to lists.
 *
 * The table's lock is the only lock taken here, and never while ipoib_neigh.c
 * or the backend is called; see ipoib_neigh.c for the argument.
 *
 * Queries. The first waits IPOIB_PATH_WAIT_MS, each next one twice as long up
 * to IPOIB_PATH_WAIT_MAX_MS. After IPOIB_PATH_TRIES the path has failed: its
 * neighbours die with what is parked on them, and nobody is asked about this
 * destination for IPOIB_PATH_HOLD. A refresh keeps the old handle until the
 * answer. At most IPOIB_PATH_QUERIES run at a time, so that after an SM
 * restart the hosts do not bury it in questions.
 *
 * Lifetime of a path. It is freed by the worker when it has no neighbour for
 * long, or by stop. No query runs then: the worker frees in state IDLE only,
 * stop cancels and waits. No neighbour points to it then: both lists are empty
 * and neighbours are added under the lock, with the path still in the table.
 */
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "ipoib.h"
#include "ipoib_trace.h"

#define IPOIB_PATH_WAIT_MS	1000u
#define IPOIB_PATH_WAIT_MAX_MS	4000u
#define IPOIB_PATH_TRIES	5
#define IPOIB_PATH_QUERIES	16
#define IPOIB_PATH_HOLD		HZ
/* A path without neighbours is kept that long. */
#define IPOIB_PATH_KEEP		(60 * HZ)

static const struct rhashtable_params ipoib_path_params = {
	.head_offset = offsetof(struct ipoib_path, node),
	.key_offset = offsetof(struct ipoib_path, dgid),
	.key_len = sizeof(union ib_gid),
	.hashfn = jhash,
	.automatic_shrinking = true,
};

static u32 ipoib_path_mtu(const struct ipoib_priv *priv,
			  const struct sa_path_rec *rec)
{
	int mtu = ib_mtu_enum_to_int(rec->mtu);

	return mtu > 0 ? ipoib_ud_mtu(mtu) : priv->mcast_mtu;
}

static void ipoib_path_kick(struct ipoib_priv *priv)
{
	lockdep_assert_held(&priv->path.lock);
	if (!priv->path.stopped)
		mod_delayed_work(priv->wq, &priv->path.work, 0);
}

static bool ipoib_path_unused(const struct ipoib_path *path)
{
	return list_empty(&path->waiting) && list_empty(&path->users);
}

static unsigned int ipoib_path_wait_ms(const struct ipoib_path *path)
{
	return min(IPOIB_PATH_WAIT_MS << path->tries, IPOIB_PATH_WAIT_MAX_MS);
}

/* An answer, or the failure to ask. After the unlock stop may free the path. */
static void ipoib_path_answered(struct ipoib_path_req *req, int status,
				const struct sa_path_rec *rec)
{
	struct ipoib_priv *priv = container_of(req->fport, struct ipoib_priv,
					       fport);
	struct ipoib_path *path = container_of(req, struct ipoib_path, req);
	struct ipoib_path_table *t = &priv->path;

	trace_ipoib_path_answer(priv->dev, &path->dgid, status);
	spin_lock_bh(&t->lock);
	path->status = status;
	if (!status)
		path->rec = *rec;
	path->state = IPOIB_PATH_ANSWERED;
	t->n_queries--;
	wake_up_all(&t->quiet);
	ipoib_path_kick(priv);
	spin_unlock_bh(&t->lock);
}

static void ipoib_path_ask(struct ipoib_priv *priv, struct ipoib_path *path)
{
	struct ipoib_path_table *t = &priv->path;
	bool ask = false;
	int err;

	spin_lock_bh(&t->lock);
	if (t->n_queries < IPOIB_PATH_QUERIES &&
	    time_after_eq(jiffies, path->when)) {
		path->state = IPOIB_PATH_ASKING;
		path->again = false;
		t->n_queries++;
		ask = true;
	}
	spin_unlock_bh(&t->lock);
	if (!ask)
		return;

	path->req.fport = &priv->fport;
	path->req.dgid = path->dgid;
	path->req.tclass = priv->mcast.bcast_rec.traffic_class;
	path->req.timeout_ms = ipoib_path_wait_ms(path);
	path->req.done = ipoib_path_answered;
	trace_ipoib_path_query(priv->dev, &path->dgid, path->tries);
	err = priv->fabric->path_get(&path->req);
	if (err)
		ipoib_path_answered(&path->req, err, NULL);
}

/* Takes a reference to the first neighbour of a list, and moves it to the list
 * @to if that is given.
 */
static struct ipoib_neigh *ipoib_path_first(struct ipoib_path_table *t,
					    struct list_head *from,
					    struct list_head *to)
{
	struct ipoib_neigh *neigh;

	spin_lock_bh(&t->lock);
	neigh = list_first_entry_or_null(from, struct ipoib_neigh, path_list);
	if (neigh) {
		refcount_inc(&neigh->ref);
		if (to)
			list_move_tail(&neigh->path_list, to);
	}
	spin_unlock_bh(&t->lock);
	return neigh;
}

/* Gives the handle to all neighbours that wait for it. */
static void ipoib_path_serve(struct ipoib_priv *priv, struct ipoib_path *path)
{
	struct ipoib_path_table *t = &priv->path;
	struct ipoib_neigh *neigh;

	while ((neigh = ipoib_path_first(t, &path->waiting, &path->users))) {
		ipoib_neigh_resolved(priv, neigh, path->ah);
		ipoib_neigh_put(neigh);
	}
}

/* Drops the handle and every neighbour that is there now. Those that come
 * meanwhile wait for the next query.
 */
static void ipoib_path_fail(struct ipoib_priv *priv, struct ipoib_path *path)
{
	struct ipoib_path_table *t = &priv->path;
	struct ipoib_neigh *neigh;
	struct ipoib_ah *ah;
	LIST_HEAD(doomed);

	spin_lock_bh(&t->lock);
	ah = path->ah;
	path->ah = NULL;
	path->tries = 0;
	list_splice_init(&path->users, &doomed);
	list_splice_tail_init(&path->waiting, &doomed);
	spin_unlock_bh(&t->lock);

	while ((neigh = ipoib_path_first(t, &doomed, NULL))) {
		ipoib_neigh_failed(priv, neigh);
		ipoib_neigh_put(neigh);
	}

	/* No neighbour has it any more, so no new reader can find it. */
	ipoib_ah_retire(ah);

	spin_lock_bh(&t->lock);
	path->when = jiffies + IPOIB_PATH_HOLD;
	path->state = ipoib_path_unused(path) ? IPOIB_PATH_IDLE :
						IPOIB_PATH_DUE;
	spin_unlock_bh(&t->lock);
}

static void ipoib_path_retry(struct ipoib_priv *priv, struct ipoib_path *path)
{
	struct ipoib_path_table *t = &priv->path;
	unsigned long wait = 0;
	bool give_up;

	ipoib_count(&priv->reasons, IPOIB_R_PATH_FAILED);

	spin_lock_bh(&t->lock);
	/* Silence has taken its time already; a refusal comes at once. After a
	 * refresh there is news, so the next try need not wait, but it counts:
	 * events without end must not keep packets parked without end.
	 */
	if (path->status != -ETIMEDOUT && !path->again)
		wait = msecs_to_jiffies(ipoib_path_wait_ms(path));
	path->tries++;
	give_up = path->tries >= IPOIB_PATH_TRIES;
	if (!give_up) {
		path->when = jiffies + wait;
		path->state = IPOIB_PATH_DUE;
	}
	spin_unlock_bh(&t->lock);

	if (give_up)
		ipoib_path_fail(priv, path);
}

static struct ipoib_ah *ipoib_path_make_ah(struct ipoib_priv *priv,
					   const struct ipoib_path *path)
{
	struct rdma_ah_attr attr = {};
	struct ipoib_ah *ah;
	int err;

	err = priv->fabric->path_to_ah(&priv->fport, &path->rec, &attr);
	if (err)
		return ERR_PTR(err);
	ah = ipoib_ah_create(priv, &attr, ipoib_path_mtu(priv, &path->rec));
	rdma_destroy_ah_attr(&attr);
	return ah;
}

/* Takes an answer in. */
static void ipoib_path_take(struct ipoib_priv *priv, struct ipoib_path *path)
{
	struct ipoib_path_table *t = &priv->path;
	struct ipoib_ah *ah, *old;

	if (path->status) {
		ipoib_path_retry(priv, path);
		return;
	}
	ah = ipoib_path_make_ah(priv, path);
	if (IS_ERR(ah)) {
		path->status = PTR_ERR(ah);
		ipoib_path_retry(priv, path);
		return;
	}

	spin_lock_bh(&t->lock);
	old = path->ah;
	path->ah = ah;
	path->tries = 0;
	path->when = jiffies;
	path->state = path->again ? IPOIB_PATH_DUE : IPOIB_PATH_IDLE;
	list_splice_tail_init(&path->users, &path->waiting);
	spin_unlock_bh(&t->lock);

	/* Every neighbour gets the new handle before the old one goes. */
	ipoib_path_serve(priv, path);
	ipoib_ah_retire(old);
}

static unsigned long ipoib_path_drop_time(const struct ipoib_path *path)
{
	return path->ah ? path->idle_since + IPOIB_PATH_KEEP : path->when;
}

/* Frees a path that nobody uses. Returns false if somebody does now. */
static bool ipoib_path_drop(struct ipoib_priv *priv, struct ipoib_path *path)
{
	struct ipoib_path_table *t = &priv->path;
	bool drop;

	spin_lock_bh(&t->lock);
	drop = path->state == IPOIB_PATH_IDLE && ipoib_path_unused(path) &&
	       time_after_eq(jiffies, ipoib_path_drop_time(path));
	if (drop) {
		rhashtable_remove_fast(&t->paths, &path->node,
				       ipoib_path_params);
		list_del(&path->list);
	}
	spin_unlock_bh(&t->lock);
	if (!drop)
		return false;

	ipoib_ah_retire(path->ah);
	kfree_rcu(path, rcu);
	return true;
}

static void ipoib_path_act(struct ipoib_priv *priv, struct ipoib_path *path)
{
	switch (READ_ONCE(path->state)) {
	case IPOIB_PATH_ANSWERED:
		ipoib_path_take(priv, path);
		break;
	case IPOIB_PATH_DUE:
		ipoib_path_ask(priv, path);
		break;
	case IPOIB_PATH_IDLE:
		if (ipoib_path_drop(priv, path))
			return;
		break;
	case IPOIB_PATH_ASKING:
		break;
	}
	if (path->ah)
		ipoib_path_serve(priv, path);
}

/* In how many jiffies there is something to do; 0 is now. What an answer or a
 * sender brings about kicks the worker by itself.
 */
static unsigned long ipoib_path_due_in(const struct ipoib_path_table *t,
				       const struct ipoib_path *path)
{
	unsigned long now = jiffies, when;

	lockdep_assert_held(&t->lock);
	if (path->state == IPOIB_PATH_ANSWERED)
		return 0;
	if (path->ah && !list_empty(&path->waiting))
		return 0;

	if (path->state == IPOIB_PATH_DUE &&
	    t->n_queries < IPOIB_PATH_QUERIES)
		when = path->when;
	else if (path->state == IPOIB_PATH_IDLE && ipoib_path_unused(path))
		when = ipoib_path_drop_time(path);
	else
		return IPOIB_PATH_KEEP;
	return time_after_eq(now, when) ? 0 : when - now;
}

static void ipoib_path_work(struct work_struct *work)
{
	struct ipoib_path_table *t = container_of(to_delayed_work(work),
						  struct ipoib_path_table,
						  work);
	struct ipoib_priv *priv = container_of(t, struct ipoib_priv, path);
	unsigned long delay = IPOIB_PATH_KEEP, due;
	struct ipoib_path *path, *next;
	LIST_HEAD(todo);

	mutex_lock(&priv->state.lock);
	spin_lock_bh(&t->lock);
	list_for_each_entry(path, &t->list, list) {
		due = ipoib_path_due_in(t, path);
		if (due)
			delay = min(delay, due);
		else
			list_add_tail(&path->todo, &todo);
	}
	spin_unlock_bh(&t->lock);

	list_for_each_entry_safe(path, next, &todo, todo)
		ipoib_path_act(priv, path);

	/* What was done may be due again at another time. A kick that came
	 * meanwhile has queued the work already, and that stays.
	 */
	spin_lock_bh(&t->lock);
	list_for_each_entry(path, &t->list, list)
		delay = min(delay, ipoib_path_due_in(t, path));
	if (!t->stopped && !list_empty(&t->list))
		queue_delayed_work(priv->wq, &t->work, delay);
	spin_unlock_bh(&t->lock);
	mutex_unlock(&priv->state.lock);
}

/**
 * ipoib_path_init() - make the cache ready
 * @priv: the interface
 *
 * Context: ndo_init, process context; sleeps.
 * Return: 0 or -errno.
 */
int ipoib_path_init(struct ipoib_priv *priv)
{
	struct ipoib_path_table *t = &priv->path;

	spin_lock_init(&t->lock);
	INIT_LIST_HEAD(&t->list);
	INIT_DELAYED_WORK(&t->work, ipoib_path_work);
	t->n_queries = 0;
	t->stopped = true;
	init_waitqueue_head(&t->quiet);
	atomic_set(&t->n_ah, 0);
	init_waitqueue_head(&t->ah_idle);
	return rhashtable_init(&t->paths, &ipoib_path_params);
}

/**
 * ipoib_path_exit() - undo ipoib_path_init()
 * @priv: the interface, stopped
 *
 * Context: ndo_uninit, process context; sleeps; state.lock not held.
 */
void ipoib_path_exit(struct ipoib_priv *priv)
{
	struct ipoib_path_table *t = &priv->path;

	cancel_delayed_work_sync(&t->work);
	WARN_ON(!list_empty(&t->list));
	rhashtable_destroy(&t->paths);
}

/**
 * ipoib_path_start() - let neighbours ask for paths
 * @priv: the interface
 *
 * Context: process context, state.lock held.
 */
void ipoib_path_start(struct ipoib_priv *priv)
{
	struct ipoib_path_table *t = &priv->path;

	lockdep_assert_held(&priv->state.lock);
	spin_lock_bh(&t->lock);
	t->stopped = false;
	spin_unlock_bh(&t->lock);
}

static bool ipoib_path_is_quiet(struct ipoib_path_table *t)
{
	bool quiet;

	/* With the lock: an answer must have left it before paths go. */
	spin_lock_bh(&t->lock);
	quiet = !t->n_queries;
	spin_unlock_bh(&t->lock);
	return quiet;
}

/**
 * ipoib_path_stop() - forget all paths and accept no wishes
 * @priv: the interface
 *
 * Neighbours that use a path die with it.
 *
 * Context: process context, state.lock held; sleeps until queries are over.
 */
void ipoib_path_stop(struct ipoib_priv *priv)
{
	struct ipoib_path_table *t = &priv->path;
	struct ipoib_path *path, *next;

	lockdep_assert_held(&priv->state.lock);
	spin_lock_bh(&t->lock);
	t->stopped = true;
	spin_unlock_bh(&t->lock);
	cancel_delayed_work(&t->work);

	/* From here on the list is ours: the worker is kept out by state.lock
	 * and senders by @stopped. Answers change states only.
	 */
	list_for_each_entry(path, &t->list, list) {
		if (READ_ONCE(path->state) == IPOIB_PATH_ASKING)
			priv->fabric->path_cancel(&path->req);
	}
	wait_event(t->quiet, ipoib_path_is_quiet(t));

	list_for_each_entry_safe(path, next, &t->list, list) {
		ipoib_path_fail(priv, path);
		spin_lock_bh(&t->lock);
		rhashtable_remove_fast(&t->paths, &path->node,
				       ipoib_path_params);
		list_del(&path->list);
		spin_unlock_bh(&t->lock);
		kfree_rcu(path, rcu);
	}
}

/**
 * ipoib_path_refresh() - ask for every path again
 * @priv: the interface
 *
 * Handles stay in use until the answers are there. Paths that nobody uses are
 * forgotten instead.
 *
 * Context: any but hard interrupt.
 */
void ipoib_path_refresh(struct ipoib_priv *priv)
{
	struct ipoib_path_table *t = &priv->path;
	struct ipoib_path *path;

	spin_lock_bh(&t->lock);
	list_for_each_entry(path, &t->list, list) {
		path->when = jiffies;
		if (path->state != IPOIB_PATH_IDLE)
			path->again = true;
		else if (ipoib_path_unused(path))
			path->idle_since = jiffies - IPOIB_PATH_KEEP;
		else
			path->state = IPOIB_PATH_DUE;
	}
	ipoib_path_kick(priv);
	spin_unlock_bh(&t->lock);
}

static struct ipoib_path *ipoib_path_find(struct ipoib_path_table *t,
					  const union ib_gid *dgid)
{
	struct ipoib_path *path;

	lockdep_assert_held(&t->lock);
	path = rhashtable_lookup_fast(&t->paths, dgid, ipoib_path_params);
	if (path)
		return path;
	path = kzalloc(sizeof(*path), GFP_ATOMIC);
	if (!path)
		return NULL;

	path->dgid = *dgid;
	path->state = IPOIB_PATH_DUE;
	path->when = jiffies;
	INIT_LIST_HEAD(&path->waiting);
	INIT_LIST_HEAD(&path->users);
	if (rhashtable_insert_fast(&t->paths, &path->node,
				   ipoib_path_params)) {
		kfree(path);
		return NULL;
	}
	list_add_tail(&path->list, &t->list);
	return path;
}

/**
 * ipoib_path_want() - a neighbour needs an address handle
 * @priv: the interface
 * @neigh: the neighbour; the caller has a reference
 *
 * ipoib_neigh_resolved() or ipoib_neigh_failed() will be called, by the path
 * worker.
 *
 * Context: any but hard interrupt; the neighbour table's lock not held.
 * Return: 0, -ENETDOWN if stopped or the neighbour is dead, or -ENOMEM.
 */
int ipoib_path_want(struct ipoib_priv *priv, struct ipoib_neigh *neigh)
{
	struct ipoib_path_table *t = &priv->path;
	struct ipoib_path *path;
	union ib_gid dgid;
	int err = 0;

	memcpy(dgid.raw, ipoib_hw_gid(neigh->hwaddr), sizeof(dgid.raw));
	spin_lock_bh(&t->lock);
	if (t->stopped || neigh->path_gone) {
		err = -ENETDOWN;
		goto out;
	}

	/* A neighbour that had a handle of a path without one is about to die
	 * in ipoib_path_fail(), which must find it in its list.
	 */
	path = neigh->path;
	if (path && !path->ah) {
		err = -ENETDOWN;
		goto out;
	}
	if (!path) {
		path = ipoib_path_find(t, &dgid);
		if (!path) {
			err = -ENOMEM;
			goto out;
		}
		neigh->path = path;
		refcount_inc(&neigh->ref);
	}
	list_move_tail(&neigh->path_list, &path->waiting);
	if (path->state == IPOIB_PATH_IDLE && !path->ah)
		path->state = IPOIB_PATH_DUE;
	ipoib_path_kick(priv);
out:
	spin_unlock_bh(&t->lock);
	return err;
}

/**
 * ipoib_path_unlink() - a neighbour is dead
 * @priv: the interface
 * @neigh: the neighbour; the caller has a reference
 *
 * Its path forgets it, and no path will take it again. May be called twice.
 *
 * Context: any but hard interrupt; the neighbour table's lock not held.
 */
void ipoib_path_unlink(struct ipoib_priv *priv, struct ipoib_neigh *neigh)
{
	struct ipoib_path_table *t = &priv->path;
	struct ipoib_path *path;

	spin_lock_bh(&t->lock);
	neigh->path_gone = true;
	path = neigh->path;
	if (path) {
		neigh->path = NULL;
		list_del_init(&neigh->path_list);
		if (ipoib_path_unused(path))
			path->idle_since = jiffies;
	}
	spin_unlock_bh(&t->lock);
	if (path)
		ipoib_neigh_put(neigh);
}

/**
 * ipoib_path_record() - the record behind the handle in use
 * @priv: the interface
 * @dgid: destination port, 16 bytes
 * @rec: filled in
 *
 * Context: the path worker does not run: state.lock held.
 * Return: false if there is no handle.
 */
bool ipoib_path_record(struct ipoib_priv *priv, const u8 *dgid,
		       struct sa_path_rec *rec)
{
	struct ipoib_path_table *t = &priv->path;
	struct ipoib_path *path;
	bool found;

	lockdep_assert_held(&priv->state.lock);
	spin_lock_bh(&t->lock);
	path = rhashtable_lookup_fast(&t->paths, dgid, ipoib_path_params);
	found = path && path->ah;
	if (found)
		*rec = path->rec;
	spin_unlock_bh(&t->lock);
	return found;
}

static const char *ipoib_path_state_name(enum ipoib_path_state state)
{
	switch (state) {
	case IPOIB_PATH_DUE:
		return "due";
	case IPOIB_PATH_ASKING:
		return "asking";
	case IPOIB_PATH_ANSWERED:
		return "answered";
	default:
		return "idle";
	}
}

static void ipoib_path_dump_one(struct ipoib_path *path, struct seq_file *m)
{
	seq_printf(m, "%pI6 %s tries %u neighbours %zu waiting %zu",
		   path->dgid.raw, ipoib_path_state_name(path->state),
		   path->tries, list_count_nodes(&path->users),
		   list_count_nodes(&path->waiting));
	if (path->ah)
		seq_printf(m, " dlid 0x%x sl %u mtu %u rate %d Mb/s",
			   be32_to_cpu(sa_path_get_dlid(&path->rec)),
			   path->rec.sl, path->ah->mtu,
			   ib_rate_to_mbps(path->rec.rate));
	else
		seq_puts(m, " unresolved");
	seq_putc(m, '\n');
}

/**
 * ipoib_path_dump() - one line per path, for people
 * @priv: the interface
 * @m: where to
 *
 * Context: process context.
 */
void ipoib_path_dump(struct ipoib_priv *priv, struct seq_file *m)
{
	struct ipoib_path_table *t = &priv->path;
	struct ipoib_path *path;

	spin_lock_bh(&t->lock);
	seq_printf(m, "queries %u handles %d\n", t->n_queries,
		   atomic_read(&t->n_ah));
	list_for_each_entry(path, &t->list, list)
		ipoib_path_dump_one(path, m);
	spin_unlock_bh(&t->lock);
}
