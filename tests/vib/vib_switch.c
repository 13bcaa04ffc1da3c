// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: the switch. Forwards by the tables that the subnet manager wrote, and
 * hands what is meant for port 0 to the management agents there.
 */

#include <linux/slab.h>
#include <rdma/ib_pma.h>

#include "vib_agent.h"

/* Packets that may wait for the agents of port 0, as VL15 buffers would. */
#define VIB_SMP_BACKLOG	4096

/* The switch matches base values only: a limited member may send as one. */
static bool vib_switch_pkey_ok(const struct vib_port *port, u16 pkey)
{
	unsigned int i;

	for (i = 0; i < VIB_SWITCH_PKEYS; i++) {
		u16 entry = READ_ONCE(port->pkey[i]) & 0x7fff;

		if (entry && entry == (pkey & 0x7fff))
			return true;
	}
	return false;
}

static bool vib_switch_admits(const struct vib_link *link,
			      const struct vib_pkt *pkt, u8 enforce)
{
	if (!(READ_ONCE(link->vls_enforce) & enforce) || vib_pkt_is_smp(pkt))
		return true;
	return vib_switch_pkey_ok(link->port, pkt->pkey);
}

static void vib_switch_output(struct vib_link *out, struct vib_pkt *pkt)
{
	if (vib_switch_admits(out, pkt, VIB_ENFORCE_OUT)) {
		vib_link_transmit(out, pkt);
		return;
	}
	vib_link_count(out, VIB_ERR_XMIT_CONSTRAINT);
	vib_pkt_put(pkt);
}

/* Queues a packet for the agents of port 0. */
static void vib_switch_to_agents(struct vib_switch *sw, struct vib_link *in,
				 struct vib_pkt *pkt)
{
	struct vib_pkt *own = pkt;
	unsigned long flags;
	bool room;

	if (pkt->dqpn > 1 || pkt->len < IB_MGMT_MAD_SIZE) {
		vib_link_count(in, VIB_ERR_RCV);
		vib_pkt_put(pkt);
		return;
	}
	/* The agents turn the packet into the answer. */
	if (refcount_read(&pkt->ref) > 1) {
		own = vib_pkt_clone(pkt, GFP_ATOMIC);
		vib_pkt_put(pkt);
		if (!own)
			return;
	}
	own->in_port = in->num;
	spin_lock_irqsave(&sw->smp_lock, flags);
	room = sw->nsmps < VIB_SMP_BACKLOG;
	if (room) {
		list_add_tail(&own->list, &sw->smps);
		sw->nsmps++;
	}
	spin_unlock_irqrestore(&sw->smp_lock, flags);
	if (room) {
		queue_work(vib_fabric.wq, &sw->smp_work);
	} else {
		atomic_inc(&in->port->vl15_dropped);
		vib_pkt_put(own);
	}
}

static void vib_switch_unicast(struct vib_switch *sw, struct vib_link *in,
			       struct vib_pkt *pkt)
{
	u8 out = VIB_NO_PORT;

	if (pkt->dlid && pkt->dlid <= READ_ONCE(sw->lft_top))
		out = READ_ONCE(sw->lft[pkt->dlid]);
	if (out == 0) {
		vib_switch_to_agents(sw, in, pkt);
	} else if (out > sw->nports || out == in->num) {
		vib_link_count(in, VIB_ERR_RELAY);
		vib_pkt_put(pkt);
	} else {
		vib_switch_output(&sw->links[out], pkt);
	}
}

static void vib_switch_multicast(struct vib_switch *sw, struct vib_link *in,
				 struct vib_pkt *pkt)
{
	u16 mlid = pkt->dlid - VIB_LFT_LEN;
	unsigned int position;
	unsigned long mask;
	unsigned int bit;
	unsigned int out;
	bool routed = false;

	for (position = 0; position <= sw->nports / 16; position++) {
		if (mlid >= VIB_MFT_LEN)
			break;
		mask = READ_ONCE(sw->mft[mlid][position]);
		for_each_set_bit(bit, &mask, 16) {
			out = position * 16 + bit;
			routed = true;
			if (!out || out > sw->nports || out == in->num)
				continue;
			refcount_inc(&pkt->ref);
			vib_switch_output(&sw->links[out], pkt);
		}
	}
	if (!routed)
		vib_link_count(in, VIB_ERR_RELAY);
	vib_pkt_put(pkt);
}

/**
 * vib_switch_receive() - a packet has reached the switch
 * @sw: the switch
 * @in: the port it came in by
 * @pkt: the packet; the reference is consumed
 *
 * Context: any, under rcu_read_lock().
 */
void vib_switch_receive(struct vib_switch *sw, struct vib_link *in,
			struct vib_pkt *pkt)
{
	if (!vib_switch_admits(in, pkt, VIB_ENFORCE_IN)) {
		vib_link_count(in, VIB_ERR_RCV_CONSTRAINT);
		vib_pkt_put(pkt);
	} else if (vib_pkt_is_smp(pkt) && pkt->dlid == VIB_LID_DIRECT) {
		vib_switch_to_agents(sw, in, pkt);
	} else if (vib_lid_is_mcast(pkt->dlid)) {
		vib_switch_multicast(sw, in, pkt);
	} else {
		vib_switch_unicast(sw, in, pkt);
	}
}

/**
 * vib_switch_send() - send a packet from port 0, by its DLID
 * @sw: the switch
 * @pkt: the packet; the reference is consumed
 *
 * Context: any, under rcu_read_lock().
 */
void vib_switch_send(struct vib_switch *sw, struct vib_pkt *pkt)
{
	vib_switch_unicast(sw, &sw->links[0], pkt);
}

/* Turns a request's headers round, for the answer. */
static void vib_switch_turn(struct vib_switch *sw, struct vib_pkt *pkt)
{
	pkt->dlid = pkt->slid;
	pkt->slid = READ_ONCE(sw->ports[0].lid);
	pkt->dqpn = pkt->sqpn;
	pkt->sqpn = 1;
	pkt->qkey = IB_QP1_QKEY;
	pkt->flags &= ~VIB_PKT_GRH;
}

static void vib_switch_smp(struct vib_switch *sw, struct vib_pkt *pkt)
{
	struct ib_smp *smp = (struct ib_smp *)pkt->data;
	bool directed = smp->mgmt_class == IB_MGMT_CLASS_SUBN_DIRECTED_ROUTE;
	u32 events = 0;

	if (directed && (smp->status & IB_SMP_DIRECTION)) {
		vib_dr_response(sw, pkt);
		return;
	}
	if (directed && !vib_dr_request(sw, pkt))
		return;
	if (smp->mgmt_class != IB_MGMT_CLASS_SUBN_LID_ROUTED && !directed) {
		vib_pkt_put(pkt);
		return;
	}
	if (vib_sma_answer(&sw->links[0], pkt->in_port, false, smp, &events) !=
	    VIB_SMA_ANSWER) {
		vib_pkt_put(pkt);
		return;
	}
	if (directed) {
		vib_dr_response(sw, pkt);
		return;
	}
	vib_switch_turn(sw, pkt);
	pkt->dqpn = 0;
	pkt->sqpn = 0;
	vib_switch_send(sw, pkt);
}

static void vib_switch_gsi(struct vib_switch *sw, struct vib_pkt *pkt)
{
	struct ib_mad *mad = (struct ib_mad *)pkt->data;

	if (mad->mad_hdr.mgmt_class != IB_MGMT_CLASS_PERF_MGMT ||
	    !vib_pma_answer(sw, NULL, mad)) {
		vib_pkt_put(pkt);
		return;
	}
	vib_switch_turn(sw, pkt);
	vib_switch_send(sw, pkt);
}

static struct vib_pkt *vib_switch_next_smp(struct vib_switch *sw)
{
	struct vib_pkt *pkt;

	spin_lock_irq(&sw->smp_lock);
	pkt = list_first_entry_or_null(&sw->smps, struct vib_pkt, list);
	if (pkt) {
		list_del_init(&pkt->list);
		sw->nsmps--;
	}
	spin_unlock_irq(&sw->smp_lock);
	return pkt;
}

static void vib_switch_work(struct work_struct *work)
{
	struct vib_switch *sw = container_of(work, struct vib_switch, smp_work);
	struct vib_pkt *pkt;

	while ((pkt = vib_switch_next_smp(sw))) {
		local_bh_disable();
		rcu_read_lock();
		if (vib_pkt_is_smp(pkt))
			vib_switch_smp(sw, pkt);
		else
			vib_switch_gsi(sw, pkt);
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
	}
}

static int vib_switch_init_port(struct vib_switch *sw, u8 num)
{
	struct vib_port *port = &sw->ports[num];

	spin_lock_init(&port->lock);
	port->max_mtu = IB_MTU_4096;
	port->guid[0] = sw->guid;
	port->stats = alloc_percpu(struct vib_port_stats);
	if (!port->stats)
		return -ENOMEM;
	vib_port_power_on(port);
	port->link = &sw->links[num];
	if (num == 0) {
		port->state = IB_PORT_ACTIVE;
		port->phys_state = IB_PORT_PHYS_STATE_LINK_UP;
	}
	return vib_link_init(&sw->links[num], port, num, sw->nports);
}

/**
 * vib_switch_create() - make the switch
 * @nports: external ports
 *
 * Context: process, sleeps.
 * Return: the switch, or NULL when there is no memory.
 */
struct vib_switch *vib_switch_create(u8 nports)
{
	struct vib_switch *sw;
	unsigned int i;

	sw = kzalloc(sizeof(*sw), GFP_KERNEL);
	if (!sw)
		return NULL;
	sw->nports = nports;
	/* Beyond what an HCA can have: indices end at 253. */
	sw->guid = cpu_to_be64(VIB_GUID_BASE + 0x10000);
	sw->life = 18 << 3;
	spin_lock_init(&sw->smp_lock);
	INIT_LIST_HEAD(&sw->smps);
	INIT_WORK(&sw->smp_work, vib_switch_work);
	sw->ports = kvcalloc(nports + 1, sizeof(*sw->ports), GFP_KERNEL);
	sw->links = kvcalloc(nports + 1, sizeof(*sw->links), GFP_KERNEL);
	sw->lft = kvmalloc(VIB_LFT_LEN, GFP_KERNEL);
	sw->mft = kvcalloc(VIB_MFT_LEN, sizeof(*sw->mft), GFP_KERNEL);
	if (!sw->ports || !sw->links || !sw->lft || !sw->mft)
		goto err;
	memset(sw->lft, VIB_NO_PORT, VIB_LFT_LEN);
	memset(sw->def_port, VIB_NO_PORT, sizeof(sw->def_port));
	for (i = 0; i <= nports; i++)
		if (vib_switch_init_port(sw, i))
			goto err;
	return sw;

err:
	vib_switch_destroy(sw);
	return NULL;
}

/**
 * vib_switch_stop() - answer no more SMPs
 * @sw: the switch, no cable in it
 *
 * Afterwards only the switch's own traps can come to its agents, and those
 * change nothing.
 *
 * Context: process, sleeps.
 */
void vib_switch_stop(struct vib_switch *sw)
{
	struct vib_pkt *pkt;

	cancel_work_sync(&sw->smp_work);
	while ((pkt = vib_switch_next_smp(sw)))
		vib_pkt_put(pkt);
}

/**
 * vib_switch_destroy() - undo vib_switch_create()
 * @sw: the switch, stopped, or half made
 *
 * Context: process, sleeps.
 */
void vib_switch_destroy(struct vib_switch *sw)
{
	unsigned int i;

	for (i = 0; sw->ports && sw->links && i <= sw->nports; i++) {
		if (sw->links[i].port)
			vib_link_free(&sw->links[i]);
		free_percpu(sw->ports[i].stats);
	}
	/* No trap is sent any more: nothing comes after this. */
	vib_switch_stop(sw);
	kvfree(sw->mft);
	kvfree(sw->lft);
	kvfree(sw->links);
	kvfree(sw->ports);
	kfree(sw);
}
