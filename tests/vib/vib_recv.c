// SPDX-License-Identifier: GPL-2.0-only
/* vib: where packets leave the QPs of an HCA and where they come in. */

#include "vib_verbs.h"

/**
 * vib_pkey_match() - may two P_Keys talk?
 * @a: one
 * @b: the other
 *
 * Return: true when they are of one partition and not both limited members.
 */
bool vib_pkey_match(u16 a, u16 b)
{
	return (a & 0x7fff) && !((a ^ b) & 0x7fff) && ((a | b) & 0x8000);
}

/* Is the destination GID of a unicast packet one of the port's? */
static bool vib_gid_is_ours(const struct vib_port *port,
			    const union ib_gid *gid)
{
	const __be64 local = cpu_to_be64(0xfe80000000000000ULL);
	__be64 prefix = gid->global.subnet_prefix;
	int i;

	if (prefix != local && prefix != READ_ONCE(port->gid_prefix))
		return false;
	for (i = 0; i < VIB_NUM_GUIDS; i++) {
		__be64 guid = READ_ONCE(port->guid[i]);

		if (guid && guid == gid->global.interface_id)
			return true;
	}
	return false;
}

/**
 * vib_port_send() - send a packet of a QP
 * @port: the port
 * @pkt: the packet, complete; consumed
 * @qp: the QP, for multicast; may be NULL
 *
 * Multicast is looped back to members on the HCA. What is addressed to this
 * very port comes back from the fabric.
 *
 * Context: any that may not sleep, under rcu_read_lock().
 */
void vib_port_send(struct vib_port *port, struct vib_pkt *pkt,
		   const struct vib_qp *qp)
{
	if (vib_lid_is_mcast(pkt->dlid) &&
	    READ_ONCE(port->state) == IB_PORT_ACTIVE)
		vib_mcast_deliver(port, pkt,
				  qp && qp->no_self_mcast ? qp : NULL);
	vib_fabric_xmit(port, pkt);
}

/**
 * vib_hca_receive() - a packet has arrived at the port of an HCA
 * @port: the port
 * @pkt: the packet; one reference is consumed
 *
 * Context: any that may not sleep; many CPUs at once. May send.
 */
void vib_hca_receive(struct vib_port *port, struct vib_pkt *pkt)
{
	struct vib_qp *qp;

	rcu_read_lock();
	if (vib_lid_is_mcast(pkt->dlid)) {
		vib_mcast_deliver(port, pkt, NULL);
		goto out;
	}
	if ((pkt->flags & VIB_PKT_GRH) &&
	    !vib_gid_is_ours(port, &pkt->grh.dgid))
		goto out;
	qp = xa_load(&port->hca->qps, pkt->dqpn);
	if (!qp)
		goto out;
	if (qp->ibqp.qp_type == IB_QPT_RC) {
		vib_rc_receive(port, qp, pkt);
		pkt = NULL;
	} else if (pkt->op == VIB_OP_UD_SEND) {
		vib_ud_receive(port, qp, pkt);
	}
out:
	rcu_read_unlock();
	if (pkt)
		vib_pkt_put(pkt);
}

/**
 * vib_port_event() - tell the consumers about an event of a port
 * @port: the port
 * @event: the event; dropped while the HCA is not registered
 *
 * Context: any.
 */
void vib_port_event(struct vib_port *port, enum ib_event_type event)
{
	struct ib_event ev = {
		.device = &port->hca->ibdev,
		.element.port_num = 1,
		.event = event,
	};

	/* Read-side of vib_hca_stop(): no event once the device goes. */
	rcu_read_lock();
	if (READ_ONCE(port->hca->registered))
		ib_dispatch_event(&ev);
	rcu_read_unlock();
}
