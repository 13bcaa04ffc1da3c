/* SPDX-License-Identifier: GPL-2.0-only */
/* Path cache. */
#ifndef IPOIB_PATH_H
#define IPOIB_PATH_H

#include <linux/list.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

#include "ipoib_ah.h"
#include "ipoib_fabric.h"

struct ipoib_neigh;
struct ipoib_priv;
struct seq_file;

/**
 * enum ipoib_path_state - what a path waits for
 * @IPOIB_PATH_IDLE: nothing; with an address handle it is resolved, without
 *	one its last query failed
 * @IPOIB_PATH_DUE: a query, not before @when
 * @IPOIB_PATH_ASKING: the answer of a query
 * @IPOIB_PATH_ANSWERED: the worker, to take the answer in
 *
 *   IDLE -> DUE            a neighbour wants it, or a refresh
 *   DUE -> ASKING          worker; fewer than the allowed queries run
 *   ASKING -> ANSWERED     the backend's done callback
 *   ANSWERED -> IDLE       a path, or the last try failed
 *   ANSWERED -> DUE        next try; or a refresh came while asking
 *
 * The handle of a path that is asked for again stays in use until the answer.
 */
enum ipoib_path_state {
	IPOIB_PATH_IDLE,
	IPOIB_PATH_DUE,
	IPOIB_PATH_ASKING,
	IPOIB_PATH_ANSWERED,
};

/**
 * struct ipoib_path - how to reach one port
 * @node: in ipoib_path_table.paths
 * @list: in ipoib_path_table.list
 * @todo: in a list of the worker
 * @dgid: key: the GID that was asked for, whatever the SA answers
 * @state: under the table's lock
 * @tries: queries that failed in a row; worker
 * @again: a refresh came while asking; under the table's lock
 * @when: not before that time, jiffies; under the table's lock
 * @idle_since: when it lost its last neighbour, jiffies; table's lock
 * @ah: handle, or NULL; written by the worker under the table's lock
 * @req: the query
 * @status: of the answer
 * @rec: answer if @status is 0, later the record in use
 * @waiting: neighbours that wait for @ah; under the table's lock
 * @users: neighbours that use @ah; under the table's lock
 * @rcu: frees it
 */
struct ipoib_path {
	struct rhash_head node;
	struct list_head list;
	struct list_head todo;
	union ib_gid dgid;
	enum ipoib_path_state state;
	unsigned int tries;
	bool again;
	unsigned long when;
	unsigned long idle_since;
	struct ipoib_ah *ah;
	struct ipoib_path_req req;
	int status;
	struct sa_path_rec rec;
	struct list_head waiting;
	struct list_head users;
	struct rcu_head rcu;
};

/**
 * struct ipoib_path_table - path cache of one interface
 * @paths: struct ipoib_path by destination GID
 * @lock: guards what is said above; taken with BHs off
 * @list: all paths; written under @lock; only the worker and stop remove
 * @work: starts queries that are due, takes in answers; under state.lock
 * @n_queries: queries at the SA now; bounded, so that an SM restart does not
 *	turn every host into a storm; under @lock
 * @stopped: no new queries; set from stop to start; under @lock
 * @quiet: wakes a stop that waits for @n_queries to become 0
 * @n_ah: address handles alive, of paths and of groups
 * @ah_idle: wakes ipoib_ah_drain()
 */
struct ipoib_path_table {
	struct rhashtable paths;
	spinlock_t lock;	/* see above */
	struct list_head list;
	struct delayed_work work;
	unsigned int n_queries;
	bool stopped;
	wait_queue_head_t quiet;
	atomic_t n_ah;
	wait_queue_head_t ah_idle;
};

int ipoib_path_init(struct ipoib_priv *priv);
void ipoib_path_exit(struct ipoib_priv *priv);
void ipoib_path_start(struct ipoib_priv *priv);
void ipoib_path_stop(struct ipoib_priv *priv);
void ipoib_path_refresh(struct ipoib_priv *priv);
int ipoib_path_want(struct ipoib_priv *priv, struct ipoib_neigh *neigh);
void ipoib_path_unlink(struct ipoib_priv *priv, struct ipoib_neigh *neigh);
bool ipoib_path_record(struct ipoib_priv *priv, const u8 *dgid,
		       struct sa_path_rec *rec);
void ipoib_path_dump(struct ipoib_priv *priv, struct seq_file *m);

#endif /* IPOIB_PATH_H */
