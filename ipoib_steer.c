// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steering: which queue of a peer a flow is sent to.
 *
 * A hash alone spreads few flows badly: of eight connections over four queues
 * one queue often gets four and another none. So flows are dealt out. A flow
 * that is new gets the queue that is owed most by the peer's weights, and keeps
 * it as long as it does not fall silent for IPOIB_STEER_IDLE seconds; its
 * packets therefore stay in order. Flows are told apart by the hash that the
 * stack has computed for them.
 *
 * Sending on a flow that is known reads one word and writes nothing, but for
 * once a second. Only a new flow takes the lock.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "ipoib_steer.h"

static_assert(sizeof(struct ipoib_steer) <= 4096);
static_assert(IPOIB_DISC_QUEUES <= IPOIB_STEER_USED);

/**
 * ipoib_steer_create() - from what a peer has advertised
 * @m: an ADVERTISE
 *
 * Context: process context; sleeps.
 * Return: for the caller to set the expiry and publish; or NULL.
 */
struct ipoib_steer *ipoib_steer_create(const struct ipoib_disc_msg *m)
{
	struct ipoib_steer *s;
	u32 skip;

	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return NULL;
	s->generation = m->generation;
	s->n = m->n;
	memcpy(s->qpn, m->qpn, sizeof(s->qpn));
	spin_lock_init(&s->lock);
	ipoib_deal_init(&s->deal, m->n, m->table, m->buckets);
	/* Many senders with one flow each shall not all begin with the same
	 * queue.
	 */
	skip = get_random_u32() % m->buckets;
	while (skip--)
		ipoib_deal_next(&s->deal);
	return s;
}

/**
 * ipoib_steer_same() - does an advertisement say nothing new?
 * @s: what is in use, or NULL
 * @m: an ADVERTISE
 *
 * A peer that came back may count its generations from anywhere.
 *
 * Return: true if @s may stay in use.
 */
bool ipoib_steer_same(const struct ipoib_steer *s,
		      const struct ipoib_disc_msg *m)
{
	return s && s->generation == m->generation && s->n == m->n &&
	       !memcmp(s->qpn, m->qpn, sizeof(s->qpn));
}

/**
 * ipoib_steer_deal() - give a flow that is new a queue
 * @s: queues of the peer
 * @slot: the flow's
 * @now: seconds
 *
 * Context: BHs off.
 * Return: what is in the slot now.
 */
u32 ipoib_steer_deal(struct ipoib_steer *s, u32 slot, u32 now)
{
	u32 v;

	spin_lock(&s->lock);
	v = READ_ONCE(s->slot[slot]);
	/* Another CPU may have been faster. */
	if (!(v & IPOIB_STEER_USED) || v >> IPOIB_STEER_WHEN != now) {
		v = now << IPOIB_STEER_WHEN | IPOIB_STEER_USED |
		    ipoib_deal_next(&s->deal);
		WRITE_ONCE(s->slot[slot], v);
	}
	spin_unlock(&s->lock);
	return v;
}
