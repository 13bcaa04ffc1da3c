/* SPDX-License-Identifier: GPL-2.0-only */
/* Admin and oper state of an interface, and what RDMA events do to it. */
#ifndef IPOIB_STATE_H
#define IPOIB_STATE_H

#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

struct ipoib_priv;

/**
 * enum ipoib_oper - what the interface is waiting for
 * @IPOIB_OPER_DOWN: administratively down
 * @IPOIB_OPER_WAITING: up; the port does not have the P_Key or the GID, or its
 *	queues could not be started; no carrier
 * @IPOIB_OPER_JOINING: up; the broadcast group is not joined yet, no carrier
 * @IPOIB_OPER_RUNNING: up; carrier on
 *
 *   DOWN -> WAITING or JOINING        ndo_open
 *   WAITING -> JOINING                P_Key or GID appeared; a retry
 *   JOINING -> RUNNING                broadcast group joined and attached
 *   RUNNING -> JOINING                port down, LID change, group lost
 *   JOINING, RUNNING -> WAITING       P_Key or GID taken away
 *   any -> DOWN                       ndo_stop
 */
enum ipoib_oper {
	IPOIB_OPER_DOWN,
	IPOIB_OPER_WAITING,
	IPOIB_OPER_JOINING,
	IPOIB_OPER_RUNNING,
};

/**
 * enum ipoib_state_flag - bits of ipoib_state.flags, set from any context
 * @IPOIB_ST_FLUSH_LIGHT: a light flush is due
 * @IPOIB_ST_FLUSH_NORMAL: a normal flush is due
 * @IPOIB_ST_FLUSH_HEAVY: a heavy flush is due
 * @IPOIB_ST_FATAL: the device reported an error: a heavy flush resets queues
 *	even if no P_Key changed
 * @IPOIB_ST_BCAST: the broadcast group was joined or lost, or its MTU changed
 * @IPOIB_ST_RECOVER: some queue needs recovery, see ipoib_queue.flags
 * @IPOIB_ST_REMOVING: the interface is going away; no more work is accepted
 */
enum ipoib_state_flag {
	IPOIB_ST_FLUSH_LIGHT,
	IPOIB_ST_FLUSH_NORMAL,
	IPOIB_ST_FLUSH_HEAVY,
	IPOIB_ST_FATAL,
	IPOIB_ST_BCAST,
	IPOIB_ST_RECOVER,
	IPOIB_ST_REMOVING,
};

/**
 * struct ipoib_state - state machine of one interface
 * @lock: serialises every change of state; taken under rtnl by ndo_open and
 *	ndo_stop, without it by the worker; never the other way round
 * @oper: under @lock; READ_ONCE() elsewhere
 * @flags: bits of enum ipoib_state_flag
 * @work: acts on @flags, on priv->wq
 * @sync_work: brings MTU, hardware address and carrier of the netdev in line
 *	with the state and frees retired queues, under rtnl; on a workqueue of
 *	its own, which nobody flushes with rtnl held; holds a reference to the
 *	netdev while queued
 * @events: RDMA events of the device
 */
struct ipoib_state {
	struct mutex lock;	/* every change of state */
	enum ipoib_oper oper;
	unsigned long flags;
	struct delayed_work work;
	struct work_struct sync_work;
	struct ib_event_handler events;
};

int ipoib_state_module_init(void);
void ipoib_state_module_exit(void);
void ipoib_state_init(struct ipoib_priv *priv);
void ipoib_state_watch(struct ipoib_priv *priv);
void ipoib_state_unwatch(struct ipoib_priv *priv);
int ipoib_state_identify(struct ipoib_priv *priv);
int ipoib_state_up(struct ipoib_priv *priv);
void ipoib_state_down(struct ipoib_priv *priv);
void ipoib_state_kick(struct ipoib_priv *priv, enum ipoib_state_flag flag);
void ipoib_state_queue_sync(struct ipoib_priv *priv);
const char *ipoib_oper_name(enum ipoib_oper oper);

#endif /* IPOIB_STATE_H */
