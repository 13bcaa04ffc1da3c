// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: the fabric. Cables, link training, and the way of a packet from one
 * end of a cable to the other.
 *
 * Lifetime: the data path runs under rcu_read_lock() and reaches a link only
 * through vib_port.link or vib_link.peer. An HCA that leaves clears both,
 * waits for a grace period, and only then frees its link.
 */

#include <linux/module.h>
#include <linux/slab.h>

#include "vib_agent.h"
#include "vib_rule.h"

#define VIB_HDR_LRH	8
#define VIB_HDR_GRH	40
#define VIB_HDR_BTH	12
#define VIB_HDR_DETH	8
#define VIB_HDR_RETH	16
#define VIB_HDR_AETH	4
#define VIB_HDR_IMM	4
#define VIB_HDR_ICRC	4

/* How long a link stays down when the SM sends it to retrain. */
#define VIB_RETRAIN_DELAY	msecs_to_jiffies(10)

static unsigned int switch_ports = VIB_MAX_HCAS;
module_param(switch_ports, uint, 0444);
MODULE_PARM_DESC(switch_ports,
		 "external ports of the switch, 1..254 (default 64)");

struct vib_fabric vib_fabric;

/* Octets of a packet or burst as PortXmitData counts them. */
static u32 vib_pkt_octets(const struct vib_pkt *pkt)
{
	u32 each = VIB_HDR_LRH + VIB_HDR_BTH + VIB_HDR_ICRC;
	u32 once = 0;

	if (pkt->flags & VIB_PKT_GRH)
		each += VIB_HDR_GRH;
	switch (pkt->op) {
	case VIB_OP_UD_SEND:
		each += VIB_HDR_DETH;
		break;
	case VIB_OP_RC_WRITE:
		if (pkt->flags & VIB_PKT_FIRST)
			once += VIB_HDR_RETH;
		break;
	case VIB_OP_RC_READ:
		once += VIB_HDR_RETH;
		break;
	case VIB_OP_RC_READ_RESP:
	case VIB_OP_RC_ACK:
		once += VIB_HDR_AETH;
		break;
	}
	if (pkt->flags & VIB_PKT_IMM)
		once += VIB_HDR_IMM;
	return each * pkt->npkts + once + pkt->len;
}

static void vib_port_count_tx(struct vib_port *port, const struct vib_pkt *pkt)
{
	this_cpu_add(port->stats->xmit_data, vib_pkt_octets(pkt));
	this_cpu_add(port->stats->xmit_pkts, pkt->npkts);
	if (vib_lid_is_mcast(pkt->dlid))
		this_cpu_add(port->stats->mcast_xmit, pkt->npkts);
	else
		this_cpu_add(port->stats->ucast_xmit, pkt->npkts);
}

static void vib_port_count_rx(struct vib_port *port, const struct vib_pkt *pkt)
{
	this_cpu_add(port->stats->rcv_data, vib_pkt_octets(pkt));
	this_cpu_add(port->stats->rcv_pkts, pkt->npkts);
	if (vib_lid_is_mcast(pkt->dlid))
		this_cpu_add(port->stats->mcast_rcv, pkt->npkts);
	else
		this_cpu_add(port->stats->ucast_rcv, pkt->npkts);
}

/* VL15 works from INIT on, all other traffic on an active link only. */
static bool vib_port_carries(const struct vib_port *port,
			     const struct vib_pkt *pkt)
{
	u8 state = READ_ONCE(port->state);

	if (vib_pkt_is_smp(pkt))
		return state >= IB_PORT_INIT;
	return state == IB_PORT_ACTIVE;
}

static bool vib_port_fits(const struct vib_port *port,
			  const struct vib_pkt *pkt)
{
	u32 mtu = ib_mtu_enum_to_int(READ_ONCE(port->active_mtu));

	return vib_pkt_is_smp(pkt) || pkt->len <= mtu * pkt->npkts;
}

static void vib_link_deliver(struct vib_link *link, struct vib_pkt *pkt)
{
	pkt = vib_fault_pkt(link->port, pkt, VIB_DIR_RX);
	if (pkt)
		vib_hca_receive(link->port, pkt);
}

/**
 * vib_link_transmit() - put a packet on the wire
 * @link: end of the cable to send from
 * @pkt: the packet; the reference is consumed
 *
 * Context: any, under rcu_read_lock().
 */
void vib_link_transmit(struct vib_link *link, struct vib_pkt *pkt)
{
	struct vib_link *peer = rcu_dereference(link->peer);

	if (!peer || !vib_port_carries(link->port, pkt) ||
	    !vib_port_fits(link->port, pkt)) {
		vib_link_count(link, VIB_ERR_XMIT_DISCARD);
		vib_pkt_put(pkt);
		return;
	}
	vib_port_count_tx(link->port, pkt);
	if (!vib_port_carries(peer->port, pkt)) {
		vib_pkt_put(pkt);
		return;
	}
	vib_port_count_rx(peer->port, pkt);
	if (peer->port->hca)
		vib_link_deliver(peer, pkt);
	else
		vib_switch_receive(vib_fabric.sw, peer, pkt);
}

static bool vib_port_owns_lid(const struct vib_port *port, u16 lid)
{
	u16 base = READ_ONCE(port->lid);

	return base && base == (lid & ~(BIT(READ_ONCE(port->lmc)) - 1));
}

/**
 * vib_link_send() - send a packet of an HCA that the fault rules let pass
 * @link: link of the HCA
 * @pkt: the packet; the reference is consumed
 *
 * Context: any, under rcu_read_lock().
 */
void vib_link_send(struct vib_link *link, struct vib_pkt *pkt)
{
	if (!vib_port_owns_lid(link->port, pkt->dlid)) {
		vib_link_transmit(link, pkt);
	} else if (vib_port_carries(link->port, pkt)) {
		vib_link_deliver(link, pkt);
	} else {
		vib_link_count(link, VIB_ERR_XMIT_DISCARD);
		vib_pkt_put(pkt);
	}
}

/**
 * vib_fabric_xmit() - send a packet from an HCA
 * @src: its port
 * @pkt: the packet; the reference is consumed
 *
 * Context: any, does not sleep. The receiver runs before it returns.
 */
void vib_fabric_xmit(struct vib_port *src, struct vib_pkt *pkt)
{
	struct vib_link *link;

	rcu_read_lock();
	link = READ_ONCE(src->link);
	if (link) {
		pkt = vib_fault_pkt(src, pkt, VIB_DIR_TX);
		if (pkt)
			vib_link_send(link, pkt);
	} else {
		vib_pkt_put(pkt);
	}
	rcu_read_unlock();
}

/* Moves one end of a cable between down and INIT. */
static void vib_link_set_up(struct vib_link *link, bool up)
{
	struct vib_port *port = link->port;
	u8 old = port->state;

	lockdep_assert_held(&vib_fabric.lock);
	spin_lock(&port->lock);
	WRITE_ONCE(port->state, up ? IB_PORT_INIT : IB_PORT_DOWN);
	if (up)
		port->phys_state = IB_PORT_PHYS_STATE_LINK_UP;
	else if (link->disabled)
		port->phys_state = IB_PORT_PHYS_STATE_DISABLED;
	else
		port->phys_state = IB_PORT_PHYS_STATE_POLLING;
	spin_unlock(&port->lock);

	if (!up && old != IB_PORT_DOWN)
		vib_link_count(link, VIB_ERR_LINK_DOWNED);
	if (!port->hca)
		vib_trap_link_state(vib_fabric.sw);
	else if (!up && old == IB_PORT_ACTIVE)
		vib_port_event(port, IB_EVENT_PORT_ERR);
}

/**
 * vib_link_train() - bring both ends of a cable to the state they should have
 * @link: either end
 *
 * A link is up when the cable is in at both ends and no end was disabled or
 * sent to retrain. Training takes no time.
 *
 * Context: vib_fabric.lock held.
 */
void vib_link_train(struct vib_link *link)
{
	struct vib_link *peer;
	bool was_up;
	bool up;

	lockdep_assert_held(&vib_fabric.lock);
	peer = rcu_dereference_protected(link->peer,
					 lockdep_is_held(&vib_fabric.lock));
	up = peer && link->plugged && peer->plugged &&
	     !link->disabled && !peer->disabled &&
	     !link->retrain && !peer->retrain;
	was_up = link->port->state != IB_PORT_DOWN;
	if (up == was_up)
		return;
	vib_link_set_up(link, up);
	if (peer)
		vib_link_set_up(peer, up);
}

/**
 * vib_link_plug() - plug in or pull out the cable of an HCA
 * @link: link of the HCA
 * @plugged: which of the two
 *
 * Context: any, takes vib_fabric.lock.
 */
void vib_link_plug(struct vib_link *link, bool plugged)
{
	unsigned long flags;

	spin_lock_irqsave(&vib_fabric.lock, flags);
	link->plugged = plugged;
	vib_link_train(link);
	spin_unlock_irqrestore(&vib_fabric.lock, flags);
}

/**
 * vib_link_retrain() - take a link down and let it come back
 * @link: either end
 *
 * The link goes down a little later, so that the answer to the SMP that asked
 * for it still gets out, and comes back by itself.
 *
 * Context: vib_fabric.lock held.
 */
void vib_link_retrain(struct vib_link *link)
{
	lockdep_assert_held(&vib_fabric.lock);
	link->retrain = true;
	queue_delayed_work(vib_fabric.wq, &vib_fabric.train_work,
			   VIB_RETRAIN_DELAY);
}

static void vib_train_all(struct work_struct *work)
{
	struct vib_switch *sw = vib_fabric.sw;
	struct vib_link *link;
	struct vib_link *peer;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&vib_fabric.lock, flags);
	for (i = 1; i <= sw->nports; i++) {
		link = &sw->links[i];
		vib_link_train(link);
		link->retrain = false;
		peer =
		rcu_dereference_protected(link->peer,
					  lockdep_is_held(&vib_fabric.lock));
		if (peer)
			peer->retrain = false;
		vib_link_train(link);
	}
	spin_unlock_irqrestore(&vib_fabric.lock, flags);
}

/**
 * vib_port_power_on() - give a port the state it has when powered on
 * @port: port; max_mtu and, of an end port, guid[0] are set
 *
 * Context: any, nobody else knows the port yet.
 */
void vib_port_power_on(struct vib_port *port)
{
	port->gid_prefix = cpu_to_be64(0xfe80000000000000ULL);
	memset(&port->guid[1], 0, sizeof(port->guid) - sizeof(port->guid[0]));
	memset(port->pkey, 0, sizeof(port->pkey));
	port->pkey[0] = IB_DEFAULT_PKEY_FULL;
	port->cap_mask = IB_PORT_TRAP_SUP | IB_PORT_SYS_IMAGE_GUID_SUP |
			 IB_PORT_CLIENT_REG_SUP | IB_PORT_SL_MAP_SUP |
			 IB_PORT_CAP_MASK_NOTICE_SUP;
	port->lid = 0;
	port->sm_lid = 0;
	port->lmc = 0;
	port->sm_sl = 0;
	port->state = IB_PORT_DOWN;
	port->phys_state = IB_PORT_PHYS_STATE_POLLING;
	port->active_mtu = port->max_mtu;
	port->subnet_timeout = 18;
	port->init_type_reply = 0;
}

/**
 * vib_link_init() - make the link half of a port
 * @link: zeroed memory
 * @port: the port
 * @num: its number
 * @nports: external ports of its node, when it is a switch
 *
 * Context: process, sleeps.
 * Return: 0 or -ENOMEM.
 */
int vib_link_init(struct vib_link *link, struct vib_port *port, u8 num,
		  u8 nports)
{
	unsigned int in;
	unsigned int i;

	link->sl2vl = kvcalloc(nports + 1, sizeof(*link->sl2vl), GFP_KERNEL);
	if (!link->sl2vl)
		return -ENOMEM;
	/* SL n goes to VL n modulo the number of data VLs, eight. */
	for (in = 0; in <= nports; in++)
		for (i = 0; i < sizeof(link->sl2vl[0]); i++)
			link->sl2vl[in][i] = (2 * i % 8) << 4 | (2 * i + 1) % 8;
	link->port = port;
	link->num = num;
	link->width_enabled = 3;
	link->speed_enabled = 7;
	link->down_default = 2;
	link->vls_enforce = VIB_VLCAP << 4;
	link->phy_errs = 0x88;
	vib_traps_init(link);
	return 0;
}

/**
 * vib_link_free() - undo vib_link_init()
 * @link: link that nobody reaches any more
 *
 * Context: process, sleeps.
 */
void vib_link_free(struct vib_link *link)
{
	vib_traps_stop(link);
	kvfree(link->sl2vl);
}

/**
 * vib_fabric_add_hca() - connect an HCA to its switch port, cable not yet in
 * @hca: HCA that is about to be registered
 *
 * HCA n always gets port n + 1.
 *
 * Context: process, sleeps.
 * Return: 0, -ENOMEM, or -ENOSPC when the switch has no such port.
 */
int vib_fabric_add_hca(struct vib_hca *hca)
{
	struct vib_switch *sw = vib_fabric.sw;
	struct vib_link *link;
	struct vib_link *up;
	int err;

	if (hca->idx >= sw->nports)
		return -ENOSPC;
	link = kzalloc(sizeof(*link), GFP_KERNEL);
	if (!link)
		return -ENOMEM;
	err = vib_link_init(link, &hca->port, 1, 0);
	if (err) {
		kfree(link);
		return err;
	}
	vib_port_power_on(&hca->port);

	up = &sw->links[hca->idx + 1];
	spin_lock_irq(&vib_fabric.lock);
	rcu_assign_pointer(link->peer, up);
	rcu_assign_pointer(up->peer, link);
	up->plugged = true;
	spin_unlock_irq(&vib_fabric.lock);
	WRITE_ONCE(hca->port.link, link);
	return 0;
}

/**
 * vib_fabric_start_hca() - let the link of an HCA train
 * @hca: registered HCA
 *
 * Context: process, sleeps.
 */
void vib_fabric_start_hca(struct vib_hca *hca)
{
	vib_debugfs_add_hca(hca);
	vib_link_plug(hca->port.link, true);
}

/**
 * vib_fabric_del_hca() - take an HCA off the fabric
 * @hca: unregistered HCA
 *
 * When it returns, no packet to or from the HCA is on its way.
 *
 * Context: process, sleeps.
 */
void vib_fabric_del_hca(struct vib_hca *hca)
{
	struct vib_link *link = hca->port.link;
	struct vib_link *up = &vib_fabric.sw->links[hca->idx + 1];

	vib_debugfs_del_hca(hca);
	vib_link_plug(link, false);
	spin_lock_irq(&vib_fabric.lock);
	RCU_INIT_POINTER(up->peer, NULL);
	RCU_INIT_POINTER(link->peer, NULL);
	up->disabled = false;
	up->retrain = false;
	spin_unlock_irq(&vib_fabric.lock);
	WRITE_ONCE(hca->port.link, NULL);
	/*
	 * After this no sender reaches the port, nothing delays a packet for
	 * it and nobody raises a trap.
	 */
	synchronize_rcu();
	vib_delay_forget_port(&hca->port);
	vib_link_free(link);
	kfree(link);
}

/**
 * vib_fabric_init() - make the fabric, with no HCA
 *
 * Context: process, sleeps.
 * Return: 0 or -errno.
 */
int vib_fabric_init(void)
{
	if (!switch_ports || switch_ports > VIB_SWITCH_MAX_PORTS) {
		pr_err("vib: switch_ports must be 1..254\n");
		return -EINVAL;
	}
	spin_lock_init(&vib_fabric.lock);
	INIT_DELAYED_WORK(&vib_fabric.train_work, vib_train_all);
	vib_fabric.wq = alloc_ordered_workqueue("vib_fabric", 0);
	if (!vib_fabric.wq)
		return -ENOMEM;
	vib_fabric.sw = vib_switch_create(switch_ports);
	if (!vib_fabric.sw) {
		destroy_workqueue(vib_fabric.wq);
		return -ENOMEM;
	}
	vib_delay_init();
	vib_debugfs_init();
	return 0;
}

/**
 * vib_fabric_exit() - undo vib_fabric_init()
 *
 * Context: process, sleeps. All HCAs are gone.
 */
void vib_fabric_exit(void)
{
	vib_debugfs_exit();
	vib_fault_clear();
	vib_delay_exit();
	/* SMPs that still wait could ask for training. */
	vib_switch_stop(vib_fabric.sw);
	cancel_delayed_work_sync(&vib_fabric.train_work);
	vib_switch_destroy(vib_fabric.sw);
	destroy_workqueue(vib_fabric.wq);
}
