// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connected mode (RFC 4755): what it takes, its start and stop, its worker.
 *
 * A peer listens on a service ID with the QPN of its hardware address. Each
 * direction has a connection of its own: whoever has something to send asks.
 * Peers are asked only in connected mode; they are answered in datagram mode
 * too, as all implementations do: the modes of two hosts need not agree.
 *
 * There is one service ID: the queues that peers may learn of besides the
 * primary are for datagrams, and their QPNs are in no hardware address.
 *
 * The worker runs on the interface's ordered workqueue with state.lock held,
 * as those of neighbours, paths and groups do: it never runs beside start or
 * stop. Callbacks and completions only set a bit and kick it.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "ipoib.h"
#include "ipoib_cm_conn.h"

/* How often connections are looked after without a reason. */
#define IPOIB_CM_PERIOD		HZ
/* The same while some drain. */
#define IPOIB_CM_DRAIN_PERIOD	(HZ / 20 + 1)
/* Room is made at the cost of connections that were not used for so long. */
#define IPOIB_CM_EVICT_IDLE	HZ

int ipoib_cm_max_connections __read_mostly = 1024;
int ipoib_cm_max_nonsrq __read_mostly = 128;
int ipoib_cm_idle_seconds __read_mostly = 300;

static u32 cm_pages(const struct ipoib_priv *priv)
{
	const struct ib_device_attr *attrs = &priv->hca->attrs;
	u32 sge = attrs->max_srq ? attrs->max_srq_sge : attrs->max_recv_sge;

	return min_t(u32, IPOIB_CM_PAGES, sge);
}

/**
 * ipoib_cm_max_mtu() - MTU that receive buffers of connected mode allow
 * @priv: the interface
 *
 * Context: any.
 * Return: bytes.
 */
u32 ipoib_cm_max_mtu(const struct ipoib_priv *priv)
{
	return ipoib_cm_mtu(cm_pages(priv), PAGE_SIZE);
}

/**
 * ipoib_cm_possible() - can this interface have connected mode?
 * @priv: the interface
 *
 * Context: any, once it is known whether the netdev is accelerated.
 * Return: false on an accelerated netdev, and where the HCA takes so few
 * scatter entries that datagrams would be longer.
 */
bool ipoib_cm_possible(const struct ipoib_priv *priv)
{
	return !priv->accel &&
	       ipoib_cm_max_mtu(priv) > ipoib_ud_mtu(priv->max_ib_mtu);
}

/**
 * ipoib_cm_kick() - there is something for the worker
 * @cm: connected mode of the interface
 *
 * Context: any.
 */
void ipoib_cm_kick(struct ipoib_cm *cm)
{
	if (!READ_ONCE(cm->stopped))
		mod_delayed_work(cm->priv->wq, &cm->work, 0);
}

/**
 * ipoib_cm_event() - something happened to a connection
 * @c: the connection
 * @event: what
 *
 * Context: any.
 */
void ipoib_cm_event(struct ipoib_cm_conn *c, enum ipoib_cm_event event)
{
	if (!test_and_set_bit(event, &c->events))
		ipoib_cm_kick(c->cm);
}

/**
 * ipoib_cm_make_room() - may there be one connection more?
 * @cm: connected mode of the interface
 *
 * Ends the one that was not used for longest if there are too many.
 *
 * Context: worker, state.lock held; sleeps.
 * Return: false if all are in use.
 */
bool ipoib_cm_make_room(struct ipoib_cm *cm)
{
	u32 max = READ_ONCE(ipoib_cm_max_connections);
	unsigned long tx_idle, rx_idle;
	struct ipoib_cm_peer *peer;
	struct ipoib_cm_rx *rx;

	if (cm->n_tx + ipoib_cm_rx_count(cm) < max)
		return true;
	tx_idle = ipoib_cm_peer_idle(cm, &peer);
	rx_idle = ipoib_cm_rx_idle(cm, &rx);
	if (peer && tx_idle >= rx_idle && tx_idle >= IPOIB_CM_EVICT_IDLE)
		ipoib_cm_peer_evict(cm, peer);
	else if (rx && rx_idle >= IPOIB_CM_EVICT_IDLE)
		ipoib_cm_rx_evict(cm, rx);
	else
		return false;
	ipoib_count(&cm->priv->reasons, IPOIB_R_CM_EVICTED);
	return true;
}

static void cm_work(struct work_struct *work)
{
	struct ipoib_cm *cm = container_of(to_delayed_work(work),
					   struct ipoib_cm, work);
	struct ipoib_priv *priv = cm->priv;
	unsigned long delay = IPOIB_CM_PERIOD;

	mutex_lock(&priv->state.lock);
	if (!cm->stopped) {
		ipoib_cm_rx_work(cm);
		if (ipoib_cm_peers_work(cm))
			delay = IPOIB_CM_DRAIN_PERIOD;
		spin_lock_bh(&cm->lock);
		if (!list_empty(&cm->peer_list) || !list_empty(&cm->rx_list))
			queue_delayed_work(priv->wq, &cm->work, delay);
		spin_unlock_bh(&cm->lock);
	}
	mutex_unlock(&priv->state.lock);
}

static void cm_srq_event(struct ib_event *event, void *ctx)
{
	struct ipoib_cm *cm = ctx;

	if (event->event != IB_EVENT_SRQ_LIMIT_REACHED) {
		netdev_err(cm->priv->dev, "connected mode: %s\n",
			   ib_event_msg(event->event));
		set_bit(IPOIB_ST_FATAL, &cm->priv->state.flags);
		ipoib_state_kick(cm->priv, IPOIB_ST_FLUSH_HEAVY);
		return;
	}
	ipoib_count(&cm->priv->reasons, IPOIB_R_CM_SRQ_LOW);
	set_bit(0, &cm->srq_limit);
	ipoib_cm_kick(cm);
}

/**
 * ipoib_cm_srq_depth() - how many buffers the SRQ has
 * @cm: connected mode of the interface
 *
 * Context: any.
 * Return: number of buffers of a full MTU each.
 */
u32 ipoib_cm_srq_depth(const struct ipoib_cm *cm)
{
	const struct ib_device_attr *attrs = &cm->priv->hca->attrs;

	/* A CQ must hold them all, and the sends besides. */
	return min3((u32)cm->priv->params.rx_ring, (u32)attrs->max_srq_wr,
		    (u32)attrs->max_cqe / 4);
}

static int cm_create_srq(struct ipoib_cm *cm)
{
	struct ib_srq_init_attr attr = {
		.event_handler = cm_srq_event,
		.srq_context = cm,
		.srq_type = IB_SRQT_BASIC,
		.attr = {
			.max_wr = ipoib_cm_srq_depth(cm),
			.max_sge = cm->pages,
		},
	};
	struct ib_srq *srq;

	if (!cm->has_srq)
		return 0;
	srq = ib_create_srq(cm->priv->pd, &attr);
	if (IS_ERR(srq))
		return PTR_ERR(srq);
	cm->rq.srq = srq;
	cm->rq.depth = attr.attr.max_wr;
	cm->srq_limit = 0;
	return 0;
}

static int cm_listen(struct ipoib_cm *cm)
{
	struct ipoib_priv *priv = cm->priv;
	struct ib_cm_id *id;
	int err;

	id = ib_create_cm_id(priv->hca, ipoib_cm_rx_handler, cm);
	if (IS_ERR(id))
		return PTR_ERR(id);
	err = ib_cm_listen(id, cpu_to_be64(ipoib_cm_service(priv->qpn)));
	if (err) {
		ib_destroy_cm_id(id);
		return err;
	}
	cm->listen = id;
	return 0;
}

/**
 * ipoib_cm_start() - answer peers, and let senders ask
 * @priv: the interface; datagram queues run
 *
 * A failure leaves the interface without connections; datagrams go on.
 *
 * Context: state.lock; sleeps.
 */
void ipoib_cm_start(struct ipoib_priv *priv)
{
	struct ipoib_cm *cm = priv->cm;
	int err;

	lockdep_assert_held(&priv->state.lock);
	if (!cm || !cm->stopped)
		return;
	err = cm_create_srq(cm);
	if (!err) {
		WRITE_ONCE(cm->stopped, false);
		err = cm_listen(cm);
	}
	if (err)
		netdev_warn(priv->dev, "no connections to this host: %d\n",
			    err);
}

/**
 * ipoib_cm_stop() - end all connections
 * @priv: the interface
 *
 * First nothing new begins: senders find @stopped, peers find nobody who
 * listens, and the worker, if it comes late, does nothing. Then all there is
 * ends, see ipoib_cm_conns_end(); nothing uses SRQ and CQs after that.
 *
 * Context: state.lock; sleeps.
 */
void ipoib_cm_stop(struct ipoib_priv *priv)
{
	struct ipoib_cm *cm = priv->cm;

	lockdep_assert_held(&priv->state.lock);
	if (!cm || cm->stopped)
		return;
	spin_lock_bh(&cm->lock);
	WRITE_ONCE(cm->stopped, true);
	spin_unlock_bh(&cm->lock);
	/* Not synchronous: a run that has begun waits for state.lock. */
	cancel_delayed_work(&cm->work);
	if (cm->listen)
		ib_destroy_cm_id(cm->listen);
	cm->listen = NULL;
	ipoib_cm_peers_stop(cm);
	ipoib_cm_rx_stop(cm);
	ipoib_cm_lanes_stop(cm);
	if (cm->rq.srq)
		ib_destroy_srq(cm->rq.srq);
	cm->rq.srq = NULL;
	ipoib_cm_rq_free(&cm->rq);
}

/**
 * ipoib_cm_mode_changed() - the interface's mode is another one
 * @priv: the interface
 *
 * Senders follow at once. Connections that we send on are drained when the mode
 * is datagram; peers' connections to us stay.
 *
 * Context: rtnl.
 */
void ipoib_cm_mode_changed(struct ipoib_priv *priv)
{
	if (priv->cm)
		ipoib_cm_kick(priv->cm);
}

/**
 * ipoib_cm_init() - prepare connected mode where it is possible
 * @priv: the interface
 *
 * Context: ndo_init; rtnl; sleeps.
 * Return: 0, also where it is not possible: priv->cm is NULL then; -ENOMEM.
 */
int ipoib_cm_init(struct ipoib_priv *priv)
{
	struct net_device *dev = priv->dev;
	struct ipoib_cm *cm;
	u32 lanes;
	int err;

	if (!ipoib_cm_possible(priv))
		return 0;
	lanes = min3((u32)priv->hca->num_comp_vectors, num_online_cpus(),
		     (u32)IPOIB_CM_LANES);
	cm = kvzalloc(struct_size(cm, lanes, lanes), GFP_KERNEL);
	if (!cm)
		return -ENOMEM;
	cm->priv = priv;
	cm->n_lanes = lanes;
	cm->has_srq = priv->hca->attrs.max_srq > 0;
	cm->pages = cm_pages(priv);
	cm->stopped = true;
	spin_lock_init(&cm->lock);
	spin_lock_init(&cm->rq.lock);
	INIT_LIST_HEAD(&cm->rx_list);
	INIT_DELAYED_WORK(&cm->work, cm_work);
	err = -ENOMEM;
	cm->pending = kcalloc(dev->num_tx_queues, sizeof(*cm->pending),
			      GFP_KERNEL);
	if (!cm->pending)
		goto free_cm;
	err = ipoib_cm_peers_init(cm);
	if (err)
		goto free_pending;
	ipoib_cm_lanes_init(cm);
	priv->cm = cm;
	return 0;

free_pending:
	kfree(cm->pending);
free_cm:
	kvfree(cm);
	return err;
}

/**
 * ipoib_cm_exit() - undo ipoib_cm_init()
 * @priv: the interface, stopped; no sender and no reader is left
 *
 * Context: ndo_uninit; sleeps; state.lock not held.
 */
void ipoib_cm_exit(struct ipoib_priv *priv)
{
	struct ipoib_cm *cm = priv->cm;

	if (!cm)
		return;
	cancel_delayed_work_sync(&cm->work);
	priv->cm = NULL;
	ipoib_cm_lanes_exit(cm);
	ipoib_cm_peers_exit(cm);
	kfree(cm->pending);
	kvfree(cm);
}
