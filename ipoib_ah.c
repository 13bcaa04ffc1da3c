// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address handles, counted by the sends in flight on them.
 *
 * Lifetime. The owner of a handle (a path or a group) has one
 * reference, each send in flight has one, dropped at its completion. The owner
 * first replaces or clears every RCU pointer to the handle, then retires it:
 * from that on no reader can start a send with it, even one that still has the
 * pointer (tryget fails on a dying reference). When the last send is done, a
 * grace period passes, because such readers look at the counter itself, and a
 * work item destroys the handle in process context, after which nothing refers
 * to it. ipoib_ah_drain() waits until that has happened to all; rings are
 * drained before, so each reference of a send has been given back.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "ipoib.h"

static void ipoib_ah_free(struct work_struct *work)
{
	struct ipoib_ah *ah = container_of(to_rcu_work(work), struct ipoib_ah,
					   free_work);
	struct ipoib_path_table *t = &ah->priv->path;

	rdma_destroy_ah(ah->ah, RDMA_DESTROY_AH_SLEEPABLE);
	percpu_ref_exit(&ah->ref);
	kfree(ah);
	if (atomic_dec_and_test(&t->n_ah))
		wake_up_all(&t->ah_idle);
}

/* The last reference is gone. May be called from a completion. */
static void ipoib_ah_release(struct percpu_ref *ref)
{
	struct ipoib_ah *ah = container_of(ref, struct ipoib_ah, ref);

	queue_rcu_work(ah->priv->wq, &ah->free_work);
}

/**
 * ipoib_ah_create() - make an address handle
 * @priv: the interface
 * @attr: address vector; stays the caller's
 * @mtu: largest IPoIB payload on the way, bytes
 *
 * Context: process context; sleeps.
 * Return: the handle, owned by the caller until ipoib_ah_retire(), or an
 * ERR_PTR().
 */
struct ipoib_ah *ipoib_ah_create(struct ipoib_priv *priv,
				 struct rdma_ah_attr *attr, u32 mtu)
{
	struct ipoib_ah *ah;
	int err;

	ah = kzalloc(sizeof(*ah), GFP_KERNEL);
	if (!ah)
		return ERR_PTR(-ENOMEM);
	ah->priv = priv;
	ah->dlid = rdma_ah_get_dlid(attr);
	ah->mtu = mtu;
	INIT_RCU_WORK(&ah->free_work, ipoib_ah_free);

	err = percpu_ref_init(&ah->ref, ipoib_ah_release, 0, GFP_KERNEL);
	if (err)
		goto err_free;
	ah->ah = rdma_create_ah(priv->pd, attr, RDMA_CREATE_AH_SLEEPABLE);
	if (IS_ERR(ah->ah)) {
		err = PTR_ERR(ah->ah);
		goto err_ref;
	}
	atomic_inc(&priv->path.n_ah);
	return ah;

err_ref:
	percpu_ref_exit(&ah->ref);
err_free:
	kfree(ah);
	return ERR_PTR(err);
}

/**
 * ipoib_ah_retire() - the owner gives its handle up
 * @ah: the handle, or NULL; no RCU pointer leads to it any more
 *
 * Sends in flight keep it alive until they complete.
 *
 * Context: any but hard interrupt.
 */
void ipoib_ah_retire(struct ipoib_ah *ah)
{
	if (ah)
		percpu_ref_kill(&ah->ref);
}

/**
 * ipoib_ah_drain() - wait until every handle has been destroyed
 * @priv: the interface; paths and groups stopped, rings drained
 *
 * Context: process context; sleeps; not on priv->wq, state.lock not held.
 */
void ipoib_ah_drain(struct ipoib_priv *priv)
{
	struct ipoib_path_table *t = &priv->path;

	while (!wait_event_timeout(t->ah_idle, !atomic_read(&t->n_ah),
				   10 * HZ))
		netdev_warn(priv->dev, "%d address handles still in use\n",
			    atomic_read(&t->n_ah));
}
