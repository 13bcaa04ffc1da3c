/* SPDX-License-Identifier: GPL-2.0-only */
/* Neighbour table: hardware address to handle, and packets that wait. */
#ifndef IPOIB_NEIGH_H
#define IPOIB_NEIGH_H

#include <linux/if_infiniband.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "ipoib_disc.h"

struct ipoib_ah;
struct ipoib_path;
struct ipoib_priv;
struct ipoib_steer;
struct seq_file;

/**
 * enum ipoib_neigh_state - life of a neighbour
 * @IPOIB_NEIGH_WAITING: no path yet; packets are parked
 * @IPOIB_NEIGH_READY: @ah is set; packets go out
 * @IPOIB_NEIGH_DEAD: unlinked; freed after an RCU grace period
 *
 *   WAITING -> READY   path found, all parked packets sent
 *   READY -> WAITING   a sender found the handle retired under its feet; the
 *                      path answers again with the one in use
 *   any -> DEAD        not used for long, flush, or no path after all retries
 */
enum ipoib_neigh_state {
	IPOIB_NEIGH_WAITING,
	IPOIB_NEIGH_READY,
	IPOIB_NEIGH_DEAD,
};

/**
 * struct ipoib_neigh - one destination hardware address
 * @node: in ipoib_neigh_table.table
 * @hwaddr: key: all 20 bytes (flags, QPN, GID)
 * @ah: set while READY; RCU
 * @steer: its queues if it told us of several; RCU; under the state mutex
 * @disc: what discovery knows of it
 * @used: when a packet last asked for it, jiffies; unlocked
 * @list: in ipoib_neigh_table.list; under its lock
 * @state: under the table's lock
 * @parked: packets that wait; under the table's lock
 * @path: the path it waits on or uses; under the path table's lock
 * @path_gone: may not have a path any more; under the path table's lock
 * @path_list: in that path's list; under the path table's lock
 * @ref: one of the table while linked, one of the path while in its list,
 *	one of a worker that uses it without a lock
 * @rcu: frees it
 */
struct ipoib_neigh {
	struct rhash_head node;
	u8 hwaddr[INFINIBAND_ALEN];
	struct ipoib_ah __rcu *ah;
	struct ipoib_steer __rcu *steer;
	struct ipoib_disc_peer disc;
	unsigned long used;
	struct list_head list;
	enum ipoib_neigh_state state;
	struct sk_buff_head parked;
	struct ipoib_path *path;
	bool path_gone;
	struct list_head path_list;
	refcount_t ref;
	struct rcu_head rcu;
};

/**
 * struct ipoib_neigh_table - neighbours of one interface
 * @table: struct ipoib_neigh by hwaddr
 * @lock: guards list, states and parked packets; taken with BHs off
 * @list: all neighbours
 * @n: how many
 * @gc_work: drops those that were not used for long
 * @stopped: no new neighbours; set from stop to start
 */
struct ipoib_neigh_table {
	struct rhashtable table;
	spinlock_t lock;	/* see above */
	struct list_head list;
	unsigned int n;
	struct delayed_work gc_work;
	bool stopped;
};

int ipoib_neigh_init(struct ipoib_priv *priv);
void ipoib_neigh_exit(struct ipoib_priv *priv);
void ipoib_neigh_start(struct ipoib_priv *priv);
void ipoib_neigh_stop(struct ipoib_priv *priv);
void ipoib_neigh_flush(struct ipoib_priv *priv);
struct ipoib_neigh *ipoib_neigh_lookup(struct ipoib_priv *priv,
				       const u8 *hwaddr);
void ipoib_neigh_park(struct ipoib_priv *priv, const u8 *hwaddr,
		      struct sk_buff *skb);
void ipoib_neigh_resolved(struct ipoib_priv *priv, struct ipoib_neigh *neigh,
			  struct ipoib_ah *ah);
void ipoib_neigh_failed(struct ipoib_priv *priv, struct ipoib_neigh *neigh);
struct ipoib_neigh *ipoib_neigh_get(struct ipoib_priv *priv,
				    const u8 *hwaddr);
void ipoib_neigh_put(struct ipoib_neigh *neigh);
void ipoib_neigh_dump(struct ipoib_priv *priv, struct seq_file *m);

#endif /* IPOIB_NEIGH_H */
