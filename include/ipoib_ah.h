/* SPDX-License-Identifier: GPL-2.0-only */
/* Address handles, counted by the sends in flight on them. */
#ifndef IPOIB_AH_H
#define IPOIB_AH_H

#include <linux/percpu-refcount.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

struct ipoib_priv;

/**
 * struct ipoib_ah - an address handle, counted by the sends in flight on it
 * @ah: the handle
 * @ref: one reference of the owner (path or group), given up by
 *	ipoib_ah_retire(), and one for each posted send, given up at its
 *	completion. Per CPU, so that senders share no cache line.
 * @priv: the interface; outlives its handles, see ipoib_ah_drain()
 * @dlid: LID that it leads to
 * @mtu: largest IPoIB payload on this path, bytes
 * @free_work: destroys the handle: after a grace period, because readers may
 *	still look at @ref, and in process context, because it may sleep
 */
struct ipoib_ah {
	struct ib_ah *ah;
	struct percpu_ref ref;
	struct ipoib_priv *priv;
	u32 dlid;
	u32 mtu;
	struct rcu_work free_work;
};

struct ipoib_ah *ipoib_ah_create(struct ipoib_priv *priv,
				 struct rdma_ah_attr *attr, u32 mtu);
void ipoib_ah_retire(struct ipoib_ah *ah);
void ipoib_ah_drain(struct ipoib_priv *priv);

/**
 * ipoib_ah_tryget() - take a reference for one send
 * @ah: handle loaded with rcu_dereference(), or NULL
 *
 * Context: RCU read side.
 * Return: true if the caller now has a reference.
 */
static inline bool ipoib_ah_tryget(struct ipoib_ah *ah)
{
	return ah && percpu_ref_tryget_live(&ah->ref);
}

/**
 * ipoib_ah_put() - give the reference of one send back
 * @ah: the handle
 *
 * Context: any.
 */
static inline void ipoib_ah_put(struct ipoib_ah *ah)
{
	percpu_ref_put(&ah->ref);
}

#endif /* IPOIB_AH_H */
