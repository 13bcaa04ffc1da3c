// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin and oper state, and what RDMA events do to them.
 *
 * All changes happen under state.lock: in ndo_open and ndo_stop, which hold
 * rtnl as well, and in the state worker on priv->wq, which must not take
 * rtnl. What needs rtnl (MTU, hardware address) is left to sync_work, which
 * runs on a workqueue of its own and holds a reference to the netdev while it
 * is queued; nobody waits for it with rtnl held. unregister_netdevice() waits
 * for that reference after it gave rtnl up, so that the work can finish and
 * the interface cannot go away under it.
 */
#include <linux/rtnetlink.h>
#include <rdma/ib_cache.h>

#include "ipoib.h"
#include "ipoib_rss.h"
#include "ipoib_trace.h"

/* How soon a start that failed in the worker is tried again. */
#define IPOIB_RETRY_START	HZ

static struct workqueue_struct *ipoib_rtnl_wq;

/**
 * ipoib_oper_name() - for dumps and messages
 * @oper: state
 *
 * Return: a word.
 */
const char *ipoib_oper_name(enum ipoib_oper oper)
{
	static const char * const names[] = {
		[IPOIB_OPER_DOWN] = "down",
		[IPOIB_OPER_WAITING] = "waiting",
		[IPOIB_OPER_JOINING] = "joining",
		[IPOIB_OPER_RUNNING] = "running",
	};

	return names[oper];
}

static void state_set(struct ipoib_priv *priv, enum ipoib_oper oper)
{
	lockdep_assert_held(&priv->state.lock);
	if (priv->state.oper == oper)
		return;
	ipoib_dbg(priv, "%s -> %s\n", ipoib_oper_name(priv->state.oper),
		  ipoib_oper_name(oper));
	trace_ipoib_oper(priv->dev, priv->state.oper, oper);
	WRITE_ONCE(priv->state.oper, oper);
	if (oper != IPOIB_OPER_RUNNING)
		netif_carrier_off(priv->dev);
}

/**
 * ipoib_state_queue_sync() - have done under rtnl what needs rtnl
 * @priv: the interface, registered or about to be
 *
 * Context: process context.
 */
void ipoib_state_queue_sync(struct ipoib_priv *priv)
{
	netdev_hold(priv->dev, NULL, GFP_KERNEL);
	if (!queue_work(ipoib_rtnl_wq, &priv->state.sync_work))
		netdev_put(priv->dev, NULL);
}

/* ---- under rtnl ---- */

static void sync_mtu(struct ipoib_priv *priv)
{
	struct net_device *dev = priv->dev;
	u32 admin = priv->admin_mtu;
	u32 mtu = min(READ_ONCE(priv->mcast_mtu), admin);
	int err;

	/* In connected mode the MTU is the administrator's. */
	if (dev->mtu == mtu || priv->mode == IPOIB_MODE_CONNECTED)
		return;
	err = dev_set_mtu(dev, mtu);
	if (err)
		netdev_warn(dev, "setting MTU %u: %d\n", mtu, err);
	/* The wish stays: a larger group may come back. */
	priv->admin_mtu = admin;
}

static void sync_address(struct ipoib_priv *priv, const union ib_gid *gid)
{
	struct net_device *dev = priv->dev;

	if (!memcmp(ipoib_hw_gid(dev->dev_addr), gid->raw, sizeof(*gid)))
		return;
	netdev_info(dev, "port GID is now %pI6c\n", gid->raw);
	netif_addr_lock_bh(dev);
	dev_addr_mod(dev, 4, gid->raw, sizeof(*gid));
	netif_addr_unlock_bh(dev);
	call_netdevice_notifiers(NETDEV_CHANGEADDR, dev);
}

static void state_sync_work(struct work_struct *work)
{
	struct ipoib_priv *priv = container_of(work, struct ipoib_priv,
					       state.sync_work);
	struct net_device *dev = priv->dev;
	union ib_gid gid;

	rtnl_lock();
	if (dev->reg_state == NETREG_REGISTERED)
		ipoib_channels_reap(priv);
	if (dev->reg_state == NETREG_REGISTERED && netif_running(dev)) {
		mutex_lock(&priv->state.lock);
		gid = priv->fport.gid;
		mutex_unlock(&priv->state.lock);
		sync_address(priv, &gid);
		sync_mtu(priv);
		/* Carrier comes last: the stack starts with the right MTU. */
		mutex_lock(&priv->state.lock);
		if (priv->state.oper == IPOIB_OPER_RUNNING)
			netif_carrier_on(dev);
		mutex_unlock(&priv->state.lock);
	}
	rtnl_unlock();
	netdev_put(dev, NULL);
}

/* ---- up and down ---- */

/* An interface of a port takes the P_Key that the SM put first in the port's
 * table. The broadcast address shows it.
 */
static int follow_pkey(struct ipoib_priv *priv)
{
	struct net_device *dev = priv->dev;
	u8 bcast[INFINIBAND_ALEN];
	u16 pkey;
	int err;

	err = ib_query_pkey(priv->hca, priv->port, 0, &pkey);
	if (err)
		return err;
	if (!ipoib_pkey_valid(pkey))
		return -ENOENT;
	priv->fport.pkey = ipoib_pkey_full(pkey);
	memcpy(bcast, dev->broadcast, sizeof(bcast));
	ipoib_mgid_set_pkey(bcast + 4, priv->fport.pkey);
	netif_addr_lock_bh(dev);
	memcpy(dev->broadcast, bcast, sizeof(bcast));
	netif_addr_unlock_bh(dev);
	return 0;
}

/**
 * ipoib_state_identify() - read GID, P_Key and P_Key index of the port
 * @priv: the interface
 *
 * Context: state mutex; may sleep.
 * Return: 0; -ENOENT if the port has not got the P_Key or the GID, now;
 * -errno if it cannot be asked.
 */
int ipoib_state_identify(struct ipoib_priv *priv)
{
	struct ipoib_fabric_port *fport = &priv->fport;
	struct rdma_netdev *rn = netdev_priv(priv->dev);
	const struct ib_gid_attr *attr;
	int err;

	lockdep_assert_held(&priv->state.lock);
	err = fport->ops->identity(fport);
	if (err)
		return err;
	if (priv->admin_guid) {
		fport->gid.global.interface_id = priv->admin_guid;
		attr = rdma_find_gid_by_port(priv->hca, &fport->gid,
					     IB_GID_TYPE_IB, priv->port, NULL);
		if (IS_ERR(attr))
			return -ENOENT;
		rdma_put_gid_attr(attr);
	}
	err = follow_pkey(priv);
	if (err) {
		fport->pkey_found = false;
		return err;
	}
	err = fport->ops->pkey_index(fport);
	/* A provider has a QP of its own to set up. */
	if (!err && rn->set_id)
		rn->set_id(priv->dev, fport->pkey_index);
	return err;
}

static int transport_open(struct ipoib_priv *priv)
{
	return priv->rn_ops->ndo_open(priv->dev);
}

static void transport_stop(struct ipoib_priv *priv)
{
	priv->rn_ops->ndo_stop(priv->dev);
}

static void services_start(struct ipoib_priv *priv)
{
	ipoib_path_start(priv);
	ipoib_neigh_start(priv);
	ipoib_mcast_start(priv);
	ipoib_disc_start(priv);
	ipoib_cm_start(priv);
}

/* The order matters: neighbours hand their parked packets back before the
 * paths they wait for go, and nothing sends to a group any more when it is
 * left.
 */
static void services_stop(struct ipoib_priv *priv)
{
	ipoib_cm_stop(priv);
	ipoib_disc_stop(priv);
	ipoib_neigh_stop(priv);
	ipoib_mcast_stop(priv);
	ipoib_path_stop(priv);
}

static bool is_started(const struct ipoib_priv *priv)
{
	return priv->state.oper == IPOIB_OPER_JOINING ||
	       priv->state.oper == IPOIB_OPER_RUNNING;
}

/* From DOWN or WAITING. Leaves WAITING behind if the port is not ready. */
static int bring_up(struct ipoib_priv *priv)
{
	int err;

	lockdep_assert_held(&priv->state.lock);
	err = ipoib_state_identify(priv);
	if (err) {
		netdev_info(priv->dev, "waiting for P_Key 0x%04x (%d)\n",
			    priv->fport.pkey, err);
		state_set(priv, IPOIB_OPER_WAITING);
		return err == -ENOENT ? 0 : err;
	}
	err = transport_open(priv);
	if (err) {
		netdev_err(priv->dev, "starting the queues: %d\n", err);
		state_set(priv, IPOIB_OPER_WAITING);
		return err;
	}
	state_set(priv, IPOIB_OPER_JOINING);
	services_start(priv);
	/* The address may have changed while the interface was down. */
	ipoib_state_queue_sync(priv);
	return 0;
}

static void bring_down(struct ipoib_priv *priv, enum ipoib_oper oper)
{
	bool started = is_started(priv);

	lockdep_assert_held(&priv->state.lock);
	state_set(priv, oper);
	if (!started)
		return;
	services_stop(priv);
	transport_stop(priv);
}

/**
 * ipoib_state_up() - ndo_open
 * @priv: the interface
 *
 * Context: rtnl; may sleep.
 * Return: 0, also while the port lacks the P_Key; -errno if the queues cannot
 * be started.
 */
int ipoib_state_up(struct ipoib_priv *priv)
{
	int err;

	mutex_lock(&priv->state.lock);
	err = bring_up(priv);
	if (err)
		state_set(priv, IPOIB_OPER_DOWN);
	mutex_unlock(&priv->state.lock);
	return err;
}

/**
 * ipoib_state_down() - ndo_stop
 * @priv: the interface
 *
 * Context: rtnl; may sleep.
 */
void ipoib_state_down(struct ipoib_priv *priv)
{
	mutex_lock(&priv->state.lock);
	bring_down(priv, IPOIB_OPER_DOWN);
	mutex_unlock(&priv->state.lock);
}

/* ---- the worker ---- */

static void state_retry(struct ipoib_priv *priv)
{
	ipoib_count(&priv->reasons, IPOIB_R_NOMEM);
	queue_delayed_work(priv->wq, &priv->state.work, IPOIB_RETRY_START);
}

static void flush_heavy(struct ipoib_priv *priv, bool fatal)
{
	struct ipoib_fabric_port old = priv->fport;
	struct ipoib_fabric_port *now = &priv->fport;
	int err;

	err = ipoib_state_identify(priv);
	if (!fatal && !err && is_started(priv) &&
	    old.pkey == now->pkey && old.pkey_index == now->pkey_index &&
	    !memcmp(&old.gid, &now->gid, sizeof(now->gid)))
		return;
	bring_down(priv, IPOIB_OPER_WAITING);
	if (bring_up(priv))
		state_retry(priv);
}

static void flush_normal(struct ipoib_priv *priv)
{
	if (!is_started(priv)) {
		if (bring_up(priv))
			state_retry(priv);
		return;
	}
	state_set(priv, IPOIB_OPER_JOINING);
	services_stop(priv);
	/* A port that comes up may have another LID, prefix or P_Key index. */
	flush_heavy(priv, false);
	if (is_started(priv) && !priv->mcast.started)
		services_start(priv);
}

/* A new SM may bring a new subnet prefix, for which there is no event. */
static void flush_light(struct ipoib_priv *priv)
{
	flush_heavy(priv, false);
	if (!is_started(priv))
		return;
	ipoib_path_refresh(priv);
	ipoib_mcast_rejoin(priv);
}

static void broadcast_changed(struct ipoib_priv *priv)
{
	if (!is_started(priv))
		return;
	state_set(priv, READ_ONCE(priv->mcast.bcast_joined) ?
			IPOIB_OPER_RUNNING : IPOIB_OPER_JOINING);
	ipoib_disc_running(priv);
	ipoib_state_queue_sync(priv);
}

static void state_work(struct work_struct *work)
{
	struct ipoib_priv *priv = container_of(to_delayed_work(work),
					       struct ipoib_priv, state.work);
	struct ipoib_state *st = &priv->state;
	bool light = test_and_clear_bit(IPOIB_ST_FLUSH_LIGHT, &st->flags);
	bool normal = test_and_clear_bit(IPOIB_ST_FLUSH_NORMAL, &st->flags);
	bool heavy = test_and_clear_bit(IPOIB_ST_FLUSH_HEAVY, &st->flags);
	bool fatal = test_and_clear_bit(IPOIB_ST_FATAL, &st->flags);
	bool bcast = test_and_clear_bit(IPOIB_ST_BCAST, &st->flags);
	bool recover = test_and_clear_bit(IPOIB_ST_RECOVER, &st->flags);

	mutex_lock(&st->lock);
	if (st->oper == IPOIB_OPER_DOWN)
		goto unlock;
	if (heavy || st->oper == IPOIB_OPER_WAITING)
		flush_heavy(priv, fatal);
	if (normal)
		flush_normal(priv);
	else if (light)
		flush_light(priv);
	if (bcast)
		broadcast_changed(priv);
	if (recover && is_started(priv) && ipoib_qset_locked(priv) &&
	    ipoib_qset_recover(priv)) {
		set_bit(IPOIB_ST_RECOVER, &st->flags);
		state_retry(priv);
	}
unlock:
	mutex_unlock(&st->lock);
}

/**
 * ipoib_state_kick() - something happened that the worker must look at
 * @priv: the interface
 * @flag: what
 *
 * Context: any.
 */
void ipoib_state_kick(struct ipoib_priv *priv, enum ipoib_state_flag flag)
{
	set_bit(flag, &priv->state.flags);
	if (!test_bit(IPOIB_ST_REMOVING, &priv->state.flags))
		mod_delayed_work(priv->wq, &priv->state.work, 0);
}

static void state_event(struct ib_event_handler *handler,
			struct ib_event *event)
{
	struct ipoib_priv *priv = container_of(handler, struct ipoib_priv,
					       state.events);
	enum ipoib_flush flush;

	if (event->event == IB_EVENT_DEVICE_FATAL) {
		netdev_err(priv->dev, "%s\n", ib_event_msg(event->event));
		set_bit(IPOIB_ST_FATAL, &priv->state.flags);
	} else if (event->element.port_num != priv->port) {
		return;
	}
	ipoib_dbg(priv, "event: %s\n", ib_event_msg(event->event));
	flush = priv->fabric->event_map(event->event);
	trace_ipoib_event(priv->dev, event->event, flush);
	switch (flush) {
	case IPOIB_FLUSH_LIGHT:
		ipoib_state_kick(priv, IPOIB_ST_FLUSH_LIGHT);
		break;
	case IPOIB_FLUSH_NORMAL:
		ipoib_state_kick(priv, IPOIB_ST_FLUSH_NORMAL);
		break;
	case IPOIB_FLUSH_HEAVY:
		ipoib_state_kick(priv, IPOIB_ST_FLUSH_HEAVY);
		break;
	case IPOIB_FLUSH_NONE:
		break;
	}
}

/* ---- life ---- */

/**
 * ipoib_state_init() - before anything else of the interface
 * @priv: the interface
 *
 * Context: any.
 */
void ipoib_state_init(struct ipoib_priv *priv)
{
	mutex_init(&priv->state.lock);
	INIT_DELAYED_WORK(&priv->state.work, state_work);
	INIT_WORK(&priv->state.sync_work, state_sync_work);
	priv->state.oper = IPOIB_OPER_DOWN;
}

/**
 * ipoib_state_watch() - listen to RDMA events
 * @priv: the interface, complete
 *
 * Context: rtnl; may sleep.
 */
void ipoib_state_watch(struct ipoib_priv *priv)
{
	clear_bit(IPOIB_ST_REMOVING, &priv->state.flags);
	INIT_IB_EVENT_HANDLER(&priv->state.events, priv->hca, state_event);
	ib_register_event_handler(&priv->state.events);
}

/**
 * ipoib_state_unwatch() - no events and no worker after this
 * @priv: the interface, down
 *
 * A kick that runs at the same time has either seen REMOVING or queued the
 * work before it is cancelled: unregistering waits for running handlers, and
 * the queues and services that kick are stopped.
 *
 * Context: rtnl; may sleep; state mutex not held.
 */
void ipoib_state_unwatch(struct ipoib_priv *priv)
{
	set_bit(IPOIB_ST_REMOVING, &priv->state.flags);
	ib_unregister_event_handler(&priv->state.events);
	cancel_delayed_work_sync(&priv->state.work);
}

/**
 * ipoib_state_module_init() - at module load
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int ipoib_state_module_init(void)
{
	ipoib_rtnl_wq = alloc_workqueue("ipoib_rtnl", WQ_UNBOUND, 0);
	return ipoib_rtnl_wq ? 0 : -ENOMEM;
}

/**
 * ipoib_state_module_exit() - at module unload, all interfaces gone
 *
 * Context: may sleep; rtnl not held.
 */
void ipoib_state_module_exit(void)
{
	destroy_workqueue(ipoib_rtnl_wq);
}
