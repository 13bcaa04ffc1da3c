/* SPDX-License-Identifier: GPL-2.0-only */
/* Queue discovery: peers of this driver tell each other their queues. */
#ifndef IPOIB_DISC_H
#define IPOIB_DISC_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

struct ipoib_neigh;
struct ipoib_priv;
struct ipoib_queue;

/**
 * struct ipoib_disc_peer - discovery as seen by who asks, part of a neighbour
 * @cookie: of the last query; 0: none was sent
 * @generation: of the last answer
 * @next: when to ask, jiffies; valid if @due
 * @tries: queries since the last answer
 * @due: there is something to ask
 * @asked: the last query has not been answered
 * @speaks: it has answered or asked, so it knows the protocol
 *
 * All under the state mutex.
 */
struct ipoib_disc_peer {
	u64 cookie;
	u32 generation;
	unsigned long next;
	u32 tries;
	bool due;
	bool asked;
	bool speaks;
};

/**
 * struct ipoib_disc - discovery of one interface
 * @on: take part; written under rtnl and the state mutex
 * @started: from start to stop; under @lock
 * @work: handles what came in, asks, and tells of changes; on priv->wq, under
 *	the state mutex
 * @lock: guards @inbox, @n_inbox and @started; taken with BHs off
 * @inbox: messages from the receive NAPI
 * @n_inbox: how many
 * @generation: of what we advertise; under the state mutex
 * @askers: who asked lately, oldest first; under the state mutex
 * @n_askers: how many
 * @window: start of the second that @n_sent counts for, jiffies
 * @n_sent: answers sent in it
 */
struct ipoib_disc {
	bool on;
	bool started;
	struct delayed_work work;
	spinlock_t lock;	/* see above */
	struct list_head inbox;
	u32 n_inbox;
	u32 generation;
	struct list_head askers;
	u32 n_askers;
	unsigned long window;
	u32 n_sent;
};

void ipoib_disc_init(struct ipoib_priv *priv, bool on);
void ipoib_disc_exit(struct ipoib_priv *priv);
void ipoib_disc_start(struct ipoib_priv *priv);
void ipoib_disc_stop(struct ipoib_priv *priv);
void ipoib_disc_switch(struct ipoib_priv *priv, bool on);
void ipoib_disc_running(struct ipoib_priv *priv);
void ipoib_disc_changed(struct ipoib_priv *priv);
void ipoib_disc_resolved(struct ipoib_priv *priv, struct ipoib_neigh *neigh);
bool ipoib_disc_rx(struct ipoib_queue *q, const struct ib_wc *wc,
		   const u8 *frame, u32 len);

#endif /* IPOIB_DISC_H */
