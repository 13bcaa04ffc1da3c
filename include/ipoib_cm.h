/* SPDX-License-Identifier: GPL-2.0-only */
/* Connected mode: peers, and what the rest of the driver needs of it. */
#ifndef IPOIB_CM_H
#define IPOIB_CM_H

#include <linux/if_infiniband.h>
#include <linux/list.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct ipoib_cm;
struct ipoib_cm_tx;
struct ipoib_priv;
struct rtnl_link_stats64;
struct seq_file;

/**
 * enum ipoib_cm_state - the connection that we send to a peer on
 * @IPOIB_CM_IDLE: none, and none asked for
 * @IPOIB_CM_RESOLVING: the worker is to take the path and to send a REQ
 * @IPOIB_CM_REQUESTING: REQ sent; waits for REP, REJ or silence
 * @IPOIB_CM_CONNECTED: packets go by the connection
 * @IPOIB_CM_DRAINING: no new packets; what is in flight may complete
 * @IPOIB_CM_FAILED: not before @when again, see ipoib_cm_backoff_ms()
 * @IPOIB_CM_DEAD: unlinked; freed after an RCU grace period
 *
 *        +------------ DRAINING <--- not used for long, evicted,
 *        |                 ^         datagram mode
 *        v                 |
 *      IDLE --> RESOLVING --> REQUESTING --> CONNECTED
 *        ^        ^   |            |            |
 *        |        |   v            v            |
 *        |        +-- FAILED <-----+<-----------+  broke soon
 *        +--------------------------------------+  broke after it had worked
 *
 *   IDLE, FAILED -> RESOLVING   a sender; FAILED not before @when
 *   RESOLVING -> REQUESTING     worker
 *   RESOLVING -> IDLE           the path is gone
 *   RESOLVING -> FAILED         no memory, or too many connections
 *   REQUESTING -> CONNECTED     REP; what is parked has been sent
 *   REQUESTING -> FAILED        REJ, or no answer
 *   any -> DEAD                 not used for long and no connection; stop
 *
 * In all states but CONNECTED packets that fit go as datagrams. Longer ones
 * are parked, up to park_limit, until the second failure in a row; from then on
 * their senders are told the datagram MTU.
 */
enum ipoib_cm_state {
	IPOIB_CM_IDLE,
	IPOIB_CM_RESOLVING,
	IPOIB_CM_REQUESTING,
	IPOIB_CM_CONNECTED,
	IPOIB_CM_DRAINING,
	IPOIB_CM_FAILED,
	IPOIB_CM_DEAD,
};

/**
 * struct ipoib_cm_peer - one destination hardware address with the RC flag
 * @node: in ipoib_cm.peers
 * @hwaddr: key: all 20 bytes
 * @tx: the connection while CONNECTED; RCU
 * @used: when a packet last asked for it, jiffies; unlocked
 * @list: in ipoib_cm.peer_list; under its lock
 * @todo: in a list of the worker
 * @state: under the lock; left IDLE and FAILED by senders, all others by the
 *	worker only
 * @tries: attempts that failed in a row; written under the lock
 * @when: no attempt before that time, jiffies; under the lock
 * @conn: connection in any state; worker
 * @parked: packets too long for a datagram; under the lock
 * @rcu: frees it
 */
struct ipoib_cm_peer {
	struct rhash_head node;
	u8 hwaddr[INFINIBAND_ALEN];
	struct ipoib_cm_tx __rcu *tx;
	unsigned long used;
	struct list_head list;
	struct list_head todo;
	enum ipoib_cm_state state;
	u32 tries;
	unsigned long when;
	struct ipoib_cm_tx *conn;
	struct sk_buff_head parked;
	struct rcu_head rcu;
};

/* Module parameters, see README. */
extern int ipoib_cm_max_connections;
extern int ipoib_cm_max_nonsrq;
extern int ipoib_cm_idle_seconds;

/* ipoib_cm.c */
bool ipoib_cm_possible(const struct ipoib_priv *priv);
u32 ipoib_cm_max_mtu(const struct ipoib_priv *priv);
int ipoib_cm_init(struct ipoib_priv *priv);
void ipoib_cm_exit(struct ipoib_priv *priv);
void ipoib_cm_start(struct ipoib_priv *priv);
void ipoib_cm_stop(struct ipoib_priv *priv);
void ipoib_cm_mode_changed(struct ipoib_priv *priv);

/* ipoib_cm_peer.c */
bool ipoib_cm_xmit(struct ipoib_priv *priv, const u8 *hw, struct sk_buff *skb);
void ipoib_cm_flush(struct ipoib_priv *priv, u16 queue);
void ipoib_cm_want(struct ipoib_priv *priv, const u8 *hw);
bool ipoib_cm_park(struct ipoib_priv *priv, const u8 *hw, struct sk_buff *skb);

/* ipoib_cm_dump.c */
void ipoib_cm_dump(struct ipoib_priv *priv, struct seq_file *m);
void ipoib_cm_stats64(struct ipoib_priv *priv, struct rtnl_link_stats64 *s);
int ipoib_cm_stat_count(const struct ipoib_priv *priv);
void ipoib_cm_stat_names(const struct ipoib_priv *priv, u8 **data);
u64 *ipoib_cm_stat_values(struct ipoib_priv *priv, u64 *data);

#endif /* IPOIB_CM_H */
