// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: how the switch relays directed route SMPs (IBA vol. 1, 14.2.2; rules
 * C14-9 for the way out and C14-13 for the way back).
 *
 * The paths in an SMP come from user space: every index is checked here.
 */

#include "vib_agent.h"

static void vib_dr_send(struct vib_switch *sw, struct vib_pkt *pkt, u8 port)
{
	if (!port || port > sw->nports) {
		vib_pkt_put(pkt);
		return;
	}
	pkt->slid = VIB_LID_DIRECT;
	pkt->dlid = VIB_LID_DIRECT;
	vib_link_transmit(&sw->links[port], pkt);
}

/* The directed part is over; go on by LID. */
static void vib_dr_send_lid(struct vib_switch *sw, struct vib_pkt *pkt,
			    __be16 lid)
{
	pkt->slid = READ_ONCE(sw->ports[0].lid);
	pkt->dlid = be16_to_cpu(lid);
	vib_switch_send(sw, pkt);
}

/**
 * vib_dr_request() - a directed route SMP on its way out is at the switch
 * @sw: the switch
 * @pkt: the packet; consumed unless the answer is true
 *
 * Context: under rcu_read_lock(), no other reference to @pkt.
 * Return: whether the SMP is for the switch's own agent.
 */
bool vib_dr_request(struct vib_switch *sw, struct vib_pkt *pkt)
{
	struct ib_smp *smp = (struct ib_smp *)pkt->data;
	u8 hops = smp->hop_cnt;
	u8 at = smp->hop_ptr;

	if (hops >= IB_SMP_MAX_PATH_HOPS || at > hops + 1 || (hops && !at)) {
		vib_pkt_put(pkt);
		return false;
	}
	if (at < hops) {
		smp->return_path[at] = pkt->in_port;
		smp->hop_ptr = at + 1;
		vib_dr_send(sw, pkt, smp->initial_path[at + 1]);
		return false;
	}
	/* Came by LID behind the directed part: this is its end. */
	if (at > hops)
		return true;
	if (hops)
		smp->return_path[at] = pkt->in_port;
	smp->hop_ptr = at + 1;
	if (smp->dr_dlid == IB_LID_PERMISSIVE)
		return true;
	vib_dr_send_lid(sw, pkt, smp->dr_dlid);
	return false;
}

/**
 * vib_dr_response() - a directed route SMP on its way back is at the switch
 * @sw: the switch
 * @pkt: the packet, consumed
 *
 * Context: under rcu_read_lock(), no other reference to @pkt.
 */
void vib_dr_response(struct vib_switch *sw, struct vib_pkt *pkt)
{
	struct ib_smp *smp = (struct ib_smp *)pkt->data;
	u8 at = smp->hop_ptr;

	if (smp->hop_cnt >= IB_SMP_MAX_PATH_HOPS || at > smp->hop_cnt + 1 ||
	    !at) {
		vib_pkt_put(pkt);
		return;
	}
	smp->hop_ptr = at - 1;
	if (at > 1)
		vib_dr_send(sw, pkt, smp->return_path[at - 1]);
	else if (smp->dr_slid != IB_LID_PERMISSIVE)
		vib_dr_send_lid(sw, pkt, smp->dr_slid);
	else
		vib_pkt_put(pkt);
}
