// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers: to whom we have, want, or must not ask for a connection.
 *
 * A sender looks its peer up under RCU and sends on the connection if there is
 * one. If not, the packet goes on to the neighbour's address handle. Only once
 * that is there a connection is asked for: the path is known then, so no second
 * query is made, and a packet that fits need not wait. One that does not fit is
 * parked here.
 *
 * All states are changed by the worker under state.lock, but for one: a sender
 * makes IDLE, and FAILED after its time, RESOLVING. So 1000 flows to a peer
 * that was rebooted make one REQ, and after a failure none before @when.
 *
 * Order. While packets are parked the connection is not published, and later
 * long ones park behind them; whether one is parked or the connection is
 * published is decided in one critical section.
 *
 * Lifetime of a connection. The peer owns it. The worker clears @tx, closes the
 * ring, and ends it; a sender that still has the pointer finds it closed.
 */
#include <linux/jhash.h>
#include <net/arp.h>

#include "ipoib.h"
#include "ipoib_cm_conn.h"
#include "ipoib_pmtu.h"
#include "ipoib_trace.h"

/* A connection that breaks sooner than this counts as a failed attempt. */
#define IPOIB_CM_SOUND		(5 * HZ)
/* What is in flight gets this long to complete. */
#define IPOIB_CM_DRAIN		(2 * HZ)
/* From this failure in a row on, long packets wait no more. */
#define IPOIB_CM_PATIENCE	2
/* A peer without a connection is forgotten after this long. */
#define IPOIB_CM_PEER_KEEP	(180 * HZ)
/* Batches of parked packets, see IPOIB_NEIGH_BATCHES. */
#define IPOIB_CM_BATCHES	32

static const struct rhashtable_params ipoib_cm_peer_params = {
	.head_offset = offsetof(struct ipoib_cm_peer, node),
	.key_offset = offsetof(struct ipoib_cm_peer, hwaddr),
	.key_len = INFINIBAND_ALEN,
	.hashfn = jhash,
	.automatic_shrinking = true,
};

/* ---- senders ---- */

/* Connections are for interfaces in connected mode, to peers that say in their
 * address that they have them too.
 */
static bool cm_applies(const struct ipoib_priv *priv, const u8 *hw)
{
	return READ_ONCE(priv->mode) == IPOIB_MODE_CONNECTED && priv->cm &&
	       (hw[0] & IPOIB_HW_RC);
}

/* Address resolution must not depend on a connection that may be stale. */
static bool is_arp(const struct sk_buff *skb)
{
	const struct ipoib_hdr *hdr = (const struct ipoib_hdr *)skb->data;

	return hdr->proto == htons(ETH_P_ARP) ||
	       hdr->proto == htons(ETH_P_RARP);
}

/**
 * ipoib_cm_flush() - end of a burst: post what was left chained
 * @priv: the interface
 * @queue: tx queue
 *
 * Context: tx queue lock, BHs off, in one stretch with the sends of the burst.
 */
void ipoib_cm_flush(struct ipoib_priv *priv, u16 queue)
{
	struct ipoib_cm *cm = priv->cm;
	struct ipoib_cm_tx *tx;

	if (!cm)
		return;
	tx = cm->pending[queue];
	if (likely(!tx))
		return;
	cm->pending[queue] = NULL;
	ipoib_cm_tx_doorbell(tx);
}

/**
 * ipoib_cm_xmit() - send on a connection, if there is one
 * @priv: the interface
 * @hw: destination, 20 bytes
 * @skb: from the encapsulation header on
 *
 * Context: tx queue lock, BHs off, RCU read side.
 * Return: true if the packet was consumed.
 */
bool ipoib_cm_xmit(struct ipoib_priv *priv, const u8 *hw, struct sk_buff *skb)
{
	u16 queue = skb_get_queue_mapping(skb);
	bool more = netdev_xmit_more();
	unsigned long now = jiffies;
	struct ipoib_cm_peer *peer;
	struct ipoib_cm_tx **last;
	struct ipoib_cm_tx *tx;

	if (!cm_applies(priv, hw) || unlikely(is_arp(skb)))
		return false;
	peer = rhashtable_lookup(&priv->cm->peers, hw, ipoib_cm_peer_params);
	if (unlikely(!peer))
		return false;
	tx = rcu_dereference(peer->tx);
	if (unlikely(!tx))
		return false;
	if (READ_ONCE(peer->used) != now)
		WRITE_ONCE(peer->used, now);
	/* A chain of another peer does not wait for this one's. The pointer
	 * outlives the burst, which runs with BHs off, by RCU.
	 */
	last = &priv->cm->pending[queue];
	if (*last && *last != tx)
		ipoib_cm_flush(priv, queue);
	*last = more ? tx : NULL;
	return ipoib_cm_tx_send(tx, skb, more);
}

static void peer_state(struct ipoib_cm *cm, struct ipoib_cm_peer *peer,
		       enum ipoib_cm_state state)
{
	lockdep_assert_held(&cm->lock);
	trace_ipoib_cm_peer(cm->priv->dev, peer->hwaddr, peer->state, state);
	/* ipoib_cm_want() and dumps look without the lock. */
	WRITE_ONCE(peer->state, state);
}

static struct ipoib_cm_peer *peer_create(struct ipoib_cm *cm, const u8 *hw)
{
	struct ipoib_cm_peer *peer;

	lockdep_assert_held(&cm->lock);
	/* As for neighbours, of which these are a part. */
	if (cm->n_peers >= max(READ_ONCE(arp_tbl.gc_thresh3), 1))
		return NULL;
	peer = kzalloc(sizeof(*peer), GFP_ATOMIC);
	if (!peer)
		return NULL;
	memcpy(peer->hwaddr, hw, INFINIBAND_ALEN);
	peer->state = IPOIB_CM_IDLE;
	peer->used = jiffies;
	__skb_queue_head_init(&peer->parked);
	INIT_LIST_HEAD(&peer->todo);
	if (rhashtable_insert_fast(&cm->peers, &peer->node,
				   ipoib_cm_peer_params)) {
		kfree(peer);
		return NULL;
	}
	list_add_tail(&peer->list, &cm->peer_list);
	cm->n_peers++;
	return peer;
}

/* Finds or makes the peer, and asks for a connection if it is time to. */
static struct ipoib_cm_peer *peer_want(struct ipoib_cm *cm, const u8 *hw)
{
	struct ipoib_cm_peer *peer;

	lockdep_assert_held(&cm->lock);
	if (cm->stopped)
		return NULL;
	peer = rhashtable_lookup_fast(&cm->peers, hw, ipoib_cm_peer_params);
	if (!peer)
		peer = peer_create(cm, hw);
	if (!peer)
		return NULL;
	WRITE_ONCE(peer->used, jiffies);
	if (peer->state == IPOIB_CM_IDLE ||
	    (peer->state == IPOIB_CM_FAILED &&
	     time_after_eq(jiffies, peer->when))) {
		peer_state(cm, peer, IPOIB_CM_RESOLVING);
		ipoib_cm_kick(cm);
	}
	return peer;
}

/**
 * ipoib_cm_want() - a datagram is about to go to a peer: rather connect
 * @priv: the interface
 * @hw: destination, 20 bytes
 *
 * Context: BHs off, RCU read side.
 */
void ipoib_cm_want(struct ipoib_priv *priv, const u8 *hw)
{
	struct ipoib_cm *cm = priv->cm;
	struct ipoib_cm_peer *peer;

	if (likely(!cm_applies(priv, hw)))
		return;
	peer = rhashtable_lookup(&cm->peers, hw, ipoib_cm_peer_params);
	if (peer) {
		enum ipoib_cm_state state = READ_ONCE(peer->state);

		/* Nothing to do in most states; read without the lock. */
		if (state != IPOIB_CM_IDLE &&
		    (state != IPOIB_CM_FAILED ||
		     time_before(jiffies, READ_ONCE(peer->when))))
			return;
	}
	spin_lock_bh(&cm->lock);
	peer_want(cm, hw);
	spin_unlock_bh(&cm->lock);
}

/**
 * ipoib_cm_park() - a packet is too long for a datagram to its peer
 * @priv: the interface
 * @hw: destination, 20 bytes
 * @skb: from the encapsulation header on
 *
 * Context: BHs off, RCU read side.
 * Return: true if the packet was consumed; false if there is no hope of a
 * connection soon.
 */
bool ipoib_cm_park(struct ipoib_priv *priv, const u8 *hw, struct sk_buff *skb)
{
	struct ipoib_cm *cm = priv->cm;
	struct ipoib_cm_tx *tx = NULL;
	struct ipoib_cm_peer *peer;
	bool full = false;

	if (!cm_applies(priv, hw) || skb_is_gso(skb))
		return false;
	spin_lock_bh(&cm->lock);
	peer = peer_want(cm, hw);
	/* Published since the sender looked? */
	if (peer)
		tx = rcu_dereference_protected(peer->tx,
					       lockdep_is_held(&cm->lock));
	/* Nor does it wait for the attempt that may be under way: those before
	 * it failed, and it can last a minute.
	 */
	if (!peer || (!tx && peer->tries >= IPOIB_CM_PATIENCE)) {
		spin_unlock_bh(&cm->lock);
		return false;
	}
	if (!tx) {
		full = skb_queue_len(&peer->parked) >=
		       priv->params.park_limit;
		if (!full)
			__skb_queue_tail(&peer->parked, skb);
	}
	spin_unlock_bh(&cm->lock);

	if (tx && ipoib_cm_tx_send(tx, skb, false))
		return true;
	if (tx || full) {
		ipoib_count(&priv->reasons, full ? IPOIB_R_PARK_FULL :
						   IPOIB_R_CM_DROPPED);
		dev_kfree_skb_any(skb);
	} else {
		ipoib_count(&priv->reasons, IPOIB_R_CM_PARKED);
	}
	return true;
}

/* ---- worker ---- */

static void peer_set(struct ipoib_cm *cm, struct ipoib_cm_peer *peer,
		     enum ipoib_cm_state state)
{
	spin_lock_bh(&cm->lock);
	peer_state(cm, peer, state);
	spin_unlock_bh(&cm->lock);
}

/* Without a connection, by choice or after one that had worked: the next packet
 * may ask for another at once.
 */
static void peer_rest(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	spin_lock_bh(&cm->lock);
	peer->tries = 0;
	peer_state(cm, peer, IPOIB_CM_IDLE);
	spin_unlock_bh(&cm->lock);
}

/* Takes the connection away from senders. */
static void peer_unpublish(struct ipoib_cm *cm, struct ipoib_cm_peer *peer,
			   enum ipoib_cm_state state)
{
	spin_lock_bh(&cm->lock);
	RCU_INIT_POINTER(peer->tx, NULL);
	peer_state(cm, peer, state);
	spin_unlock_bh(&cm->lock);
}

/* Closes the connection and leaves it to the caller, by c.todo. */
static struct ipoib_cm_conn *peer_detach(struct ipoib_cm_peer *peer)
{
	struct ipoib_cm_tx *tx = peer->conn;

	peer->conn = NULL;
	ipoib_cm_tx_close(tx);
	return &tx->c;
}

/* Packets that waited in vain: their senders shall make them shorter. */
static void peer_give_up(struct ipoib_cm *cm, struct sk_buff_head *list)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(list)))
		ipoib_pmtu_report(cm->priv, skb,
				  READ_ONCE(cm->priv->mcast_mtu));
}

/* An attempt failed, or a connection broke soon. */
static void peer_fail(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	struct sk_buff_head gone;
	u32 wait;

	__skb_queue_head_init(&gone);
	spin_lock_bh(&cm->lock);
	RCU_INIT_POINTER(peer->tx, NULL);
	peer->tries++;
	wait = ipoib_cm_backoff_ms(peer->tries);
	WRITE_ONCE(peer->when, jiffies + msecs_to_jiffies(wait));
	peer_state(cm, peer, IPOIB_CM_FAILED);
	if (peer->tries >= IPOIB_CM_PATIENCE)
		skb_queue_splice_tail_init(&peer->parked, &gone);
	spin_unlock_bh(&cm->lock);
	ipoib_dbg(cm->priv, "no connection to %pI6 qpn 0x%06x for %u ms\n",
		  ipoib_hw_gid(peer->hwaddr), ipoib_hw_qpn(peer->hwaddr),
		  wait);
	if (peer->conn)
		ipoib_cm_conn_end(peer_detach(peer));
	peer_give_up(cm, &gone);
}

static void peer_request(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	struct ipoib_priv *priv = cm->priv;
	struct sa_path_rec rec;
	struct ipoib_cm_tx *tx;

	if (!ipoib_path_record(priv, ipoib_hw_gid(peer->hwaddr), &rec)) {
		/* A flush; the next packet asks for the path, then for this. */
		peer_set(cm, peer, IPOIB_CM_IDLE);
		return;
	}
	if (!ipoib_cm_make_room(cm)) {
		ipoib_count(&priv->reasons, IPOIB_R_CM_LIMIT);
		peer_fail(cm, peer);
		return;
	}
	tx = ipoib_cm_tx_request(cm, peer->hwaddr, &rec);
	if (IS_ERR(tx)) {
		ipoib_dbg(priv, "making a connection: %ld\n", PTR_ERR(tx));
		ipoib_count(&priv->reasons, IPOIB_R_CM_NO_RESOURCES);
		peer_fail(cm, peer);
		return;
	}
	peer->conn = tx;
	peer_set(cm, peer, IPOIB_CM_REQUESTING);
}

/* Takes the parked packets, or opens the connection to senders if there are
 * none, or both if this is the @last batch.
 */
static bool peer_batch(struct ipoib_cm *cm, struct ipoib_cm_peer *peer,
		       struct sk_buff_head *batch, bool last)
{
	spin_lock_bh(&cm->lock);
	skb_queue_splice_tail_init(&peer->parked, batch);
	if (last || skb_queue_empty(batch)) {
		rcu_assign_pointer(peer->tx, peer->conn);
		peer_state(cm, peer, IPOIB_CM_CONNECTED);
	}
	spin_unlock_bh(&cm->lock);
	return !skb_queue_empty(batch);
}

static void peer_connected(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	struct ipoib_priv *priv = cm->priv;
	struct sk_buff_head batch;
	struct sk_buff *skb;
	u32 n = 0;
	int err;

	err = ipoib_cm_tx_connect(peer->conn);
	if (err) {
		ipoib_dbg(priv, "completing a connection: %d\n", err);
		ipoib_count(&priv->reasons, IPOIB_R_CM_NO_RESOURCES);
		peer_fail(cm, peer);
		return;
	}
	ipoib_count(&priv->reasons, IPOIB_R_CM_CONNECTED);
	__skb_queue_head_init(&batch);
	while (peer_batch(cm, peer, &batch, ++n > IPOIB_CM_BATCHES)) {
		while ((skb = __skb_dequeue(&batch))) {
			bool sent;

			local_bh_disable();
			sent = ipoib_cm_tx_send(peer->conn, skb,
						!skb_queue_empty(&batch));
			local_bh_enable();
			if (sent)
				continue;
			ipoib_count(&priv->reasons, IPOIB_R_CM_DROPPED);
			kfree_skb(skb);
		}
	}
}

/* What ended a connection that stood. Returns false if nothing did. */
static bool peer_broken(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	unsigned long ev = READ_ONCE(peer->conn->c.events);
	enum ipoib_reason why;

	if (ev & BIT(IPOIB_CM_EV_ERROR))
		why = IPOIB_R_CM_ERROR;
	else if (ev & BIT(IPOIB_CM_EV_FLUSHED))
		why = IPOIB_R_CM_FLUSHED;
	else if (ev & (BIT(IPOIB_CM_EV_DREQ) | BIT(IPOIB_CM_EV_REJ) |
		       BIT(IPOIB_CM_EV_TIMEOUT)))
		why = IPOIB_R_CM_DISCONNECTED;
	else if (ipoib_cm_tx_stuck(peer->conn))
		why = IPOIB_R_CM_STUCK;
	else
		return false;
	ipoib_count(&cm->priv->reasons, why);
	return true;
}

/* Ends a connection without waiting for what is in flight. */
static void peer_end(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	peer_unpublish(cm, peer, IPOIB_CM_DRAINING);
	ipoib_cm_conn_end(peer_detach(peer));
	peer_rest(cm, peer);
}

static void peer_lost(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	if (time_before(jiffies, peer->conn->c.since + IPOIB_CM_SOUND) &&
	    !test_bit(IPOIB_CM_EV_DREQ, &peer->conn->c.events)) {
		peer_fail(cm, peer);
		return;
	}
	peer_end(cm, peer);
}

static void peer_drained(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	struct ipoib_cm_tx *tx = peer->conn;

	if (!READ_ONCE(tx->c.events) && !ipoib_cm_tx_empty(tx) &&
	    time_before(jiffies, tx->deadline))
		return;
	ipoib_cm_conn_end(peer_detach(peer));
	peer_rest(cm, peer);
}

static void peer_drain(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	peer->conn->deadline = jiffies + IPOIB_CM_DRAIN;
	peer_unpublish(cm, peer, IPOIB_CM_DRAINING);
	/* A sender that is under way finds it closed, or is in time. */
	peer_drained(cm, peer);
}

static void peer_act_requesting(struct ipoib_cm *cm,
				struct ipoib_cm_peer *peer)
{
	unsigned long ev = READ_ONCE(peer->conn->c.events);

	if (ev & BIT(IPOIB_CM_EV_REJ)) {
		ipoib_count(&cm->priv->reasons, IPOIB_R_CM_REJECTED);
		peer_fail(cm, peer);
	} else if (ev & ~BIT(IPOIB_CM_EV_REP)) {
		ipoib_count(&cm->priv->reasons, IPOIB_R_CM_TIMEOUT);
		peer_fail(cm, peer);
	} else if (ev) {
		peer_connected(cm, peer);
	}
}

static bool is_datagram(const struct ipoib_cm *cm)
{
	return READ_ONCE(cm->priv->mode) != IPOIB_MODE_CONNECTED;
}

static void peer_act_connected(struct ipoib_cm *cm,
			       struct ipoib_cm_peer *peer)
{
	unsigned long idle = READ_ONCE(ipoib_cm_idle_seconds) * HZ;

	if (peer_broken(cm, peer)) {
		peer_lost(cm, peer);
		return;
	}
	if (peer->tries &&
	    time_after(jiffies, peer->conn->c.since + IPOIB_CM_SOUND)) {
		spin_lock_bh(&cm->lock);
		peer->tries = 0;
		spin_unlock_bh(&cm->lock);
	}
	if (time_after(jiffies, READ_ONCE(peer->conn->c.used) + idle))
		ipoib_count(&cm->priv->reasons, IPOIB_R_CM_IDLE);
	else if (!is_datagram(cm))
		return;
	peer_drain(cm, peer);
}

/* Without a connection. Forgets peers that nobody asks for, and all of them in
 * datagram mode.
 */
static void peer_act_idle(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	struct sk_buff_head gone;
	bool dead = false;

	__skb_queue_head_init(&gone);
	spin_lock_bh(&cm->lock);
	if (is_datagram(cm) ||
	    time_after(jiffies, READ_ONCE(peer->used) + IPOIB_CM_PEER_KEEP)) {
		peer_state(cm, peer, IPOIB_CM_DEAD);
		rhashtable_remove_fast(&cm->peers, &peer->node,
				       ipoib_cm_peer_params);
		list_del(&peer->list);
		cm->n_peers--;
		skb_queue_splice_tail_init(&peer->parked, &gone);
		dead = true;
	} else if (!skb_queue_empty(&peer->parked) &&
		   (peer->state == IPOIB_CM_IDLE ||
		    time_after_eq(jiffies, peer->when))) {
		peer_state(cm, peer, IPOIB_CM_RESOLVING);
		ipoib_cm_kick(cm);
	}
	spin_unlock_bh(&cm->lock);
	peer_give_up(cm, &gone);
	if (dead)
		kfree_rcu(peer, rcu);
}

static void peer_act(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	switch (READ_ONCE(peer->state)) {
	case IPOIB_CM_RESOLVING:
		if (is_datagram(cm))
			peer_set(cm, peer, IPOIB_CM_IDLE);
		else
			peer_request(cm, peer);
		break;
	case IPOIB_CM_REQUESTING:
		peer_act_requesting(cm, peer);
		break;
	case IPOIB_CM_CONNECTED:
		peer_act_connected(cm, peer);
		break;
	case IPOIB_CM_DRAINING:
		peer_drained(cm, peer);
		break;
	default:
		peer_act_idle(cm, peer);
		break;
	}
}

/**
 * ipoib_cm_peers_work() - look after all peers
 * @cm: connected mode of the interface
 *
 * Context: worker, state.lock held; sleeps.
 * Return: true if some drain, and must be looked after again soon.
 */
bool ipoib_cm_peers_work(struct ipoib_cm *cm)
{
	struct ipoib_cm_peer *peer, *next;
	bool draining = false;
	LIST_HEAD(todo);

	lockdep_assert_held(&cm->priv->state.lock);
	spin_lock_bh(&cm->lock);
	list_for_each_entry(peer, &cm->peer_list, list)
		list_add_tail(&peer->todo, &todo);
	spin_unlock_bh(&cm->lock);
	/* Only here and in stop peers are freed. */
	list_for_each_entry_safe(peer, next, &todo, todo)
		peer_act(cm, peer);
	spin_lock_bh(&cm->lock);
	list_for_each_entry(peer, &cm->peer_list, list)
		draining |= peer->state == IPOIB_CM_DRAINING;
	spin_unlock_bh(&cm->lock);
	return draining;
}

/**
 * ipoib_cm_peers_stop() - end all connections that we send on
 * @cm: connected mode of an interface, marked as stopped
 *
 * Context: state.lock; sleeps.
 */
void ipoib_cm_peers_stop(struct ipoib_cm *cm)
{
	struct ipoib_cm_peer *peer, *next;
	struct sk_buff_head gone;
	LIST_HEAD(peers);
	LIST_HEAD(dead);

	lockdep_assert_held(&cm->priv->state.lock);
	__skb_queue_head_init(&gone);
	spin_lock_bh(&cm->lock);
	list_for_each_entry(peer, &cm->peer_list, list) {
		RCU_INIT_POINTER(peer->tx, NULL);
		peer_state(cm, peer, IPOIB_CM_DEAD);
		rhashtable_remove_fast(&cm->peers, &peer->node,
				       ipoib_cm_peer_params);
		skb_queue_splice_tail_init(&peer->parked, &gone);
	}
	list_splice_init(&cm->peer_list, &peers);
	cm->n_peers = 0;
	spin_unlock_bh(&cm->lock);

	ipoib_count_n(&cm->priv->reasons, IPOIB_R_PARK_PURGED,
		      skb_queue_len(&gone));
	__skb_queue_purge(&gone);
	list_for_each_entry_safe(peer, next, &peers, list) {
		if (peer->conn)
			list_add_tail(&peer_detach(peer)->todo, &dead);
		kfree_rcu(peer, rcu);
	}
	ipoib_cm_conns_end(cm, &dead);
}

/**
 * ipoib_cm_peer_idle() - which connection was not used for longest?
 * @cm: connected mode of the interface
 * @oldest: set to its peer, or to NULL
 *
 * Context: state.lock.
 * Return: since when, in jiffies before now.
 */
unsigned long ipoib_cm_peer_idle(struct ipoib_cm *cm,
				 struct ipoib_cm_peer **oldest)
{
	unsigned long now = jiffies, most = 0;
	struct ipoib_cm_peer *peer;

	*oldest = NULL;
	spin_lock_bh(&cm->lock);
	list_for_each_entry(peer, &cm->peer_list, list) {
		unsigned long idle;

		if (peer->state != IPOIB_CM_CONNECTED)
			continue;
		idle = now - READ_ONCE(peer->conn->c.used);
		if ((long)idle < (long)most)
			continue;
		most = idle;
		*oldest = peer;
	}
	spin_unlock_bh(&cm->lock);
	return most;
}

/**
 * ipoib_cm_peer_evict() - end a connection to make room
 * @cm: connected mode of the interface
 * @peer: peer that is connected
 *
 * Context: state.lock; sleeps.
 */
void ipoib_cm_peer_evict(struct ipoib_cm *cm, struct ipoib_cm_peer *peer)
{
	peer_end(cm, peer);
}

/**
 * ipoib_cm_peers_init() - make the table
 * @cm: connected mode of the interface
 *
 * Context: ndo_init; sleeps.
 * Return: 0 or -errno.
 */
int ipoib_cm_peers_init(struct ipoib_cm *cm)
{
	INIT_LIST_HEAD(&cm->peer_list);
	return rhashtable_init(&cm->peers, &ipoib_cm_peer_params);
}

/**
 * ipoib_cm_peers_exit() - undo ipoib_cm_peers_init()
 * @cm: connected mode of the interface, stopped
 *
 * Context: ndo_uninit; sleeps.
 */
void ipoib_cm_peers_exit(struct ipoib_cm *cm)
{
	rhashtable_destroy(&cm->peers);
}
