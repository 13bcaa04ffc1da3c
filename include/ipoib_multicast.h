/* SPDX-License-Identifier: GPL-2.0-only */
/* Multicast groups: membership, attachment, packets that wait for a join. */
#ifndef IPOIB_MULTICAST_H
#define IPOIB_MULTICAST_H

#include <linux/list.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <rdma/ib_sa.h>
#include <rdma/ib_verbs.h>

#include "ipoib_fabric.h"

struct ipoib_ah;
struct ipoib_priv;
struct net_device;
struct seq_file;

/**
 * enum ipoib_mcast_state - membership in one group
 * @IPOIB_MCAST_IDLE: none; a join is due at @when if somebody needs it
 * @IPOIB_MCAST_JOINING: asked for
 * @IPOIB_MCAST_ANSWERED: the worker must take the answer in
 * @IPOIB_MCAST_MEMBER: joined; attached too if it is a full membership
 * @IPOIB_MCAST_LOST: the fabric took it away; the worker joins again
 * @IPOIB_MCAST_DEAD: unlinked; freed after an RCU grace period
 *
 *   IDLE -> JOINING        worker; wanted, not before @when, broadcast joined
 *   JOINING -> ANSWERED    the backend's done callback
 *   ANSWERED -> MEMBER     success
 *   ANSWERED -> IDLE       failure; @when moves on, each time further
 *   MEMBER -> LOST         the backend's done callback
 *   MEMBER, LOST -> IDLE   worker; left, to be joined again: lost, flush, or
 *                          send-only that became wanted in full
 *   any -> DEAD            not wanted, not used for long, or stop
 *
 * The address handle, the attachment and the carrier survive a membership that
 * is joined again, until it has failed IPOIB_JOIN_LOST_TRIES times.
 */
enum ipoib_mcast_state {
	IPOIB_MCAST_IDLE,
	IPOIB_MCAST_JOINING,
	IPOIB_MCAST_ANSWERED,
	IPOIB_MCAST_MEMBER,
	IPOIB_MCAST_LOST,
	IPOIB_MCAST_DEAD,
};

/**
 * struct ipoib_mcast - one group
 * @node: in ipoib_mcast_table.table
 * @list: in ipoib_mcast_table.list, or in a list of those to bury
 * @todo: in a list of the worker
 * @mgid: key
 * @state: under the table's lock
 * @kind: membership wanted, an enum ipoib_join; under the table's lock
 * @listed: found in the netdev's list; while that is compared
 * @again: leave and join once more; under the table's lock
 * @held: there is a membership or a join to be left; worker and stop
 * @tries: joins that failed in a row; written under the table's lock
 * @when: no join before that time, jiffies; under the table's lock
 * @used: when a packet last went to it, jiffies; unlocked
 * @req: the membership
 * @status: of the join; under the table's lock
 * @answer: record that came with it
 * @rec: record in use
 * @handle: address handle, or NULL; written by the worker and stop, under the
 *	table's lock
 * @ah: @handle when senders may use it, that is when nothing is parked; RCU
 * @attached: @rec's MLID is attached; worker and stop
 * @parked: packets that wait; under the table's lock
 * @rcu: frees it
 */
struct ipoib_mcast {
	struct rhash_head node;
	struct list_head list;
	struct list_head todo;
	union ib_gid mgid;
	enum ipoib_mcast_state state;
	enum ipoib_join kind;
	bool listed;
	bool again;
	bool held;
	unsigned int tries;
	unsigned long when;
	unsigned long used;
	struct ipoib_mc_req req;
	int status;
	struct ib_sa_mcmember_rec answer;
	struct ib_sa_mcmember_rec rec;
	struct ipoib_ah *handle;
	struct ipoib_ah __rcu *ah;
	bool attached;
	struct sk_buff_head parked;
	struct rcu_head rcu;
};

/**
 * struct ipoib_mcast_table - groups of one interface
 * @table: struct ipoib_mcast by MGID
 * @lock: guards what is said above and the list; taken with BHs off, inside
 *	the netdev's address lock
 * @list: all groups; only the worker and stop remove
 * @n: how many
 * @broadcast: the broadcast group, or NULL; under @lock
 * @bcast_rec: its record, the model for all other groups; under state.lock
 * @bcast_joined: joined and attached; read by the data path without a lock
 * @work: starts joins and leaves that are due, takes in answers, follows the
 *	netdev's list; under state.lock
 * @started: between start and stop; under @lock
 * @sync: the netdev's multicast list changed; under @lock
 */
struct ipoib_mcast_table {
	struct rhashtable table;
	spinlock_t lock;	/* see above */
	struct list_head list;
	unsigned int n;
	struct ipoib_mcast *broadcast;
	struct ib_sa_mcmember_rec bcast_rec;
	bool bcast_joined;
	struct delayed_work work;
	bool started;
	bool sync;
};

int ipoib_mcast_init(struct ipoib_priv *priv);
void ipoib_mcast_exit(struct ipoib_priv *priv);
void ipoib_mcast_start(struct ipoib_priv *priv);
void ipoib_mcast_stop(struct ipoib_priv *priv);
void ipoib_mcast_rejoin(struct ipoib_priv *priv);
void ipoib_mcast_sync(struct ipoib_priv *priv);
struct ipoib_ah *ipoib_mcast_get_ah(struct ipoib_priv *priv,
				    const union ib_gid *mgid);
void ipoib_mcast_park(struct ipoib_priv *priv, const union ib_gid *mgid,
		      struct sk_buff *skb);
void ipoib_mcast_dump(struct ipoib_priv *priv, struct seq_file *m);
void ipoib_mcast_kick(struct ipoib_priv *priv);

/* ipoib_join.c */
unsigned long ipoib_join_due_in(const struct ipoib_mcast_table *t,
				const struct ipoib_mcast *g);
void ipoib_join_act(struct ipoib_priv *priv, struct ipoib_mcast *g);
void ipoib_join_end(struct ipoib_priv *priv, struct ipoib_mcast *g);

/* Callbacks of struct rdma_netdev on our own verbs path. */
int ipoib_mcast_attach(struct net_device *dev, struct ib_device *hca,
		       union ib_gid *mgid, u16 mlid, int set_qkey, u32 qkey);
int ipoib_mcast_attach_rss(struct net_device *dev, struct ib_device *hca,
			   union ib_gid *mgid, u16 mlid, int set_qkey,
			   u32 qkey);
int ipoib_mcast_detach(struct net_device *dev, struct ib_device *hca,
		       union ib_gid *mgid, u16 mlid);

#endif /* IPOIB_MULTICAST_H */
