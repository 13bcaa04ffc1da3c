// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transmit: hard header, classification, and the packets that had to wait.
 *
 * The stack hands over: 20 bytes of destination hardware address, which never
 * go on the wire, then the 4-byte encapsulation header, then the payload.
 * A destination with an address handle is served at once; any other parks the
 * packet with its neighbour or group, which owns it from then on.
 */
#include "ipoib.h"
#include "ipoib_ib.h"
#include "ipoib_steer.h"

/**
 * ipoib_hard_header() - header_ops::create
 * @skb: packet
 * @dev: the interface
 * @type: ethertype
 * @daddr: destination hardware address, 20 bytes
 * @saddr: not used: receivers learn it from ARP and ND
 * @len: not used
 *
 * Context: any.
 * Return: length of what was pushed.
 */
int ipoib_hard_header(struct sk_buff *skb, struct net_device *dev,
		      unsigned short type, const void *daddr,
		      const void *saddr, unsigned int len)
{
	struct ipoib_hdr *hdr = skb_push(skb, IPOIB_ENCAP_LEN);
	u8 *pseudo = skb_push(skb, IPOIB_PSEUDO_LEN);

	hdr->proto = htons(type);
	hdr->reserved = 0;
	/* ARP and packet sockets may not know the destination yet. */
	if (daddr)
		memcpy(pseudo, daddr, IPOIB_PSEUDO_LEN);
	else
		memset(pseudo, 0, IPOIB_PSEUDO_LEN);
	return IPOIB_HARD_LEN;
}

static void xmit_drop(struct ipoib_priv *priv, struct sk_buff *skb,
		      enum ipoib_reason why)
{
	ipoib_count(&priv->reasons, why);
	dev_kfree_skb_any(skb);
}

/* Sends on a handle whose reference the caller took. */
static void xmit_ready(struct ipoib_priv *priv, struct sk_buff *skb,
		       struct ipoib_ah *ah, u32 qpn)
{
	struct rdma_netdev *rn = netdev_priv(priv->dev);

	if (!priv->accel) {
		ipoib_tx_cb(skb)->ah = ah;
		rn->send(priv->dev, skb, ah->ah, qpn);
		return;
	}
	/* A provider copies the address vector when it builds its request, so
	 * that the handle is not needed after the call.
	 */
	rn->send(priv->dev, skb, ah->ah, qpn);
	ipoib_ah_put(ah);
}

/* Sends a datagram to a peer if it fits; the reference is consumed. One that
 * does not fit waits for a connection if there may be one.
 */
static void xmit_datagram(struct ipoib_priv *priv, struct sk_buff *skb,
			  struct ipoib_ah *ah, const u8 *hw, u32 qpn)
{
	u32 mtu = ah->mtu;

	if (unlikely(!priv->accel && ipoib_pmtu_exceeds(skb, mtu))) {
		ipoib_ah_put(ah);
		if (!ipoib_cm_park(priv, hw, skb))
			ipoib_pmtu_report(priv, skb, mtu);
		return;
	}
	xmit_ready(priv, skb, ah, qpn);
	ipoib_cm_want(priv, hw);
}

static void xmit_group(struct ipoib_priv *priv, struct sk_buff *skb,
		       struct ipoib_ah *ah)
{
	u32 mtu = ah->mtu;

	if (unlikely(!priv->accel && ipoib_pmtu_exceeds(skb, mtu))) {
		ipoib_ah_put(ah);
		ipoib_pmtu_report(priv, skb, mtu);
		return;
	}
	xmit_ready(priv, skb, ah, IB_MULTICAST_QPN);
}

static void xmit_multicast(struct ipoib_priv *priv, struct sk_buff *skb,
			   u8 *hw)
{
	struct ipoib_ah *ah;
	union ib_gid mgid;

	/* The stack's mapping knows the group, the interface its P_Key. */
	ipoib_mgid_set_pkey(hw + 4, priv->fport.pkey);
	if (unlikely(!ipoib_mgid_is_ours(hw + 4, priv->dev->broadcast + 4))) {
		xmit_drop(priv, skb, IPOIB_R_BAD_ADDR);
		return;
	}
	memcpy(mgid.raw, hw + 4, sizeof(mgid));
	ah = ipoib_mcast_get_ah(priv, &mgid);
	if (likely(ah))
		xmit_group(priv, skb, ah);
	else
		ipoib_mcast_park(priv, &mgid, skb);
}

static void xmit_unicast(struct ipoib_priv *priv, struct sk_buff *skb,
			 const u8 *hw)
{
	unsigned long now = jiffies;
	struct ipoib_neigh *neigh;
	struct ipoib_ah *ah;
	u32 qpn;

	if (ipoib_cm_xmit(priv, hw, skb))
		return;
	neigh = ipoib_neigh_lookup(priv, hw);
	if (likely(neigh)) {
		/* Many packets in one tick shall not fight for the line. */
		if (READ_ONCE(neigh->used) != now)
			WRITE_ONCE(neigh->used, now);
		ah = rcu_dereference(neigh->ah);
		if (likely(ipoib_ah_tryget(ah))) {
			qpn = ipoib_steer_qpn(rcu_dereference(neigh->steer),
					      skb, ipoib_hw_qpn(hw));
			xmit_datagram(priv, skb, ah, hw, qpn);
			return;
		}
	}
	ipoib_neigh_park(priv, hw, skb);
}

/* A packet with hard header. */
static void xmit_packet(struct ipoib_priv *priv, struct sk_buff *skb)
{
	u8 hw[IPOIB_PSEUDO_LEN] __aligned(8);
	const struct ipoib_hdr *hdr;

	if (unlikely(!pskb_may_pull(skb, IPOIB_HARD_LEN))) {
		xmit_drop(priv, skb, IPOIB_R_BAD_PROTO);
		return;
	}
	memcpy(hw, skb->data, sizeof(hw));
	skb_pull(skb, IPOIB_PSEUDO_LEN);
	hdr = (const struct ipoib_hdr *)skb->data;
	if (unlikely(!ipoib_proto_carried(hdr->proto)))
		xmit_drop(priv, skb, IPOIB_R_BAD_PROTO);
	else if (ipoib_hw_is_mcast(hw))
		xmit_multicast(priv, skb, hw);
	else
		xmit_unicast(priv, skb, hw);
}

/* Ends a burst. */
static void xmit_flush(struct ipoib_priv *priv, u16 queue)
{
	ipoib_ud_flush(priv, queue);
	ipoib_cm_flush(priv, queue);
}

/**
 * ipoib_start_xmit() - ndo_start_xmit
 * @skb: packet with hard header
 * @dev: the interface
 *
 * Context: tx queue lock, BHs off.
 * Return: NETDEV_TX_OK, always: the packet is sent, parked, or counted and
 * dropped.
 */
netdev_tx_t ipoib_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	u16 queue = skb_get_queue_mapping(skb);

	rcu_read_lock();
	xmit_packet(priv, skb);
	/* Whatever became of the packet: those before it must go. */
	if (!netdev_xmit_more() ||
	    netif_xmit_stopped(netdev_get_tx_queue(dev, queue)))
		xmit_flush(priv, queue);
	rcu_read_unlock();
	return NETDEV_TX_OK;
}

/* Returns false, with the packet untouched, if the ring is full. That BQL has
 * had enough for now does not count: a packet that were handed to the qdisc for
 * that came back behind those that were parked after it. A message of our own
 * has no hardware address, and always goes as a datagram.
 */
static bool xmit_one_parked(struct ipoib_priv *priv, struct sk_buff *skb,
			    struct ipoib_ah *ah, const u8 *hw, u32 qpn)
{
	u16 i = skb_get_queue_mapping(skb);
	struct netdev_queue *txq;
	bool sent = false;

	/* Its queue may have gone while it waited. */
	if (unlikely(i >= priv->dev->real_num_tx_queues)) {
		i %= priv->dev->real_num_tx_queues;
		skb_set_queue_mapping(skb, i);
	}
	txq = netdev_get_tx_queue(priv->dev, i);
	__netif_tx_lock_bh(txq);
	if (!netif_xmit_frozen_or_drv_stopped(txq)) {
		sent = true;
		txq_trans_cond_update(txq);
		rcu_read_lock();
		if (unlikely(!ipoib_ah_tryget(ah)))
			xmit_drop(priv, skb, IPOIB_R_NO_AH);
		else if (!hw)
			xmit_ready(priv, skb, ah, qpn);
		else if (ipoib_hw_is_mcast(hw))
			xmit_group(priv, skb, ah);
		else
			xmit_datagram(priv, skb, ah, hw, qpn);
		/* netdev_xmit_more() is what the last burst of this CPU left
		 * behind, so it may be wrong.
		 */
		xmit_flush(priv, i);
		rcu_read_unlock();
	}
	__netif_tx_unlock_bh(txq);
	return sent;
}

/**
 * ipoib_xmit_control() - send a message of the driver's own
 * @priv: the interface
 * @skb: message from the encapsulation header on; always consumed
 * @ah: handle that the caller keeps alive during the call
 * @qpn: destination QPN
 *
 * It leaves from the primary queue, whose QPN is our name. It is not worth
 * waiting for room.
 *
 * Context: process context, BHs on, no lock held but state.lock.
 * Return: true if it was sent.
 */
bool ipoib_xmit_control(struct ipoib_priv *priv, struct sk_buff *skb,
			struct ipoib_ah *ah, u32 qpn)
{
	skb_set_queue_mapping(skb, 0);
	if (xmit_one_parked(priv, skb, ah, NULL, qpn))
		return true;
	dev_kfree_skb_any(skb);
	return false;
}

/**
 * ipoib_xmit_parked() - send packets that waited for an address handle
 * @priv: the interface
 * @list: packets from the encapsulation header on, in order; emptied
 * @hw: their destination hardware address, 20 bytes
 * @ah: handle that the caller keeps alive during the call
 *
 * They go straight to the ring: taps have seen them when they came first.
 * When it is full the rest goes through the qdisc, which waits; only then later
 * packets may come before them.
 *
 * Context: process context, BHs on, no lock held.
 */
void ipoib_xmit_parked(struct ipoib_priv *priv, struct sk_buff_head *list,
		       const u8 *hw, struct ipoib_ah *ah)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(list))) {
		if (xmit_one_parked(priv, skb, ah, hw, ipoib_hw_qpn(hw)))
			continue;
		if (skb_cow_head(skb, IPOIB_PSEUDO_LEN)) {
			xmit_drop(priv, skb, IPOIB_R_PARK_PURGED);
			continue;
		}
		memcpy(skb_push(skb, IPOIB_PSEUDO_LEN), hw, IPOIB_PSEUDO_LEN);
		dev_queue_xmit(skb);
	}
}
