// SPDX-License-Identifier: GPL-2.0-only
/* vib: the attribute PortInfo (IBA vol. 1, 14.2.5.6). */

#include "vib_agent.h"

#define VIB_WIDTH_1X_4X		3
#define VIB_WIDTH_4X		2
#define VIB_SPEED_ALL		7	/* SDR, DDR, QDR */
#define VIB_SPEED_QDR		4
#define VIB_RESP_TIME		16	/* 4.096 us * 2^16 = 268 ms */

/* Values that PortInfo takes for "no change" or "all that is supported". */
#define VIB_NO_CHANGE		0
#define VIB_ALL_WIDTHS		0xff
#define VIB_ALL_SPEEDS		0xf

/* What an SM may write to PortPhysicalState. */
#define VIB_PHYS_SLEEP		1
#define VIB_PHYS_POLLING	2
#define VIB_PHYS_DISABLED	3

/* Port 0 of the switch and the ports of HCAs have LIDs, the others do not. */
static bool vib_link_is_end_port(const struct vib_link *link)
{
	return link->port->hca || link->num == 0;
}

static u16 vib_counter16(const atomic_t *counter)
{
	return min(atomic_read(counter), U16_MAX);
}

static void vib_portinfo_get_end(const struct vib_sma_req *req,
				 const struct vib_link *link,
				 struct ib_port_info *pi)
{
	const struct vib_port *port = link->port;

	pi->mkey = req->see_mkey ? link->mkey : 0;
	pi->gid_prefix = port->gid_prefix;
	pi->lid = cpu_to_be16(port->lid);
	pi->sm_lid = cpu_to_be16(port->sm_lid);
	pi->cap_mask = cpu_to_be32(port->cap_mask);
	pi->mkey_lease_period = cpu_to_be16(link->mkey_lease);
	pi->mkeyprot_resv_lmc = link->mkey_prot << 6 | port->lmc;
	pi->mkey_violations =
		cpu_to_be16(vib_counter16(&link->mkey_violations));
	pi->pkey_violations = cpu_to_be16(vib_counter16(&port->bad_pkey));
	pi->qkey_violations = cpu_to_be16(vib_counter16(&port->bad_qkey));
	pi->guid_cap = port->hca ? VIB_NUM_GUIDS : 1;
	pi->clientrereg_resv_subnetto = port->subnet_timeout;
	pi->resv_resptimevalue = VIB_RESP_TIME;
}

static void vib_portinfo_get(const struct vib_sma_req *req,
			     const struct vib_link *link,
			     struct ib_port_info *pi)
{
	const struct vib_port *port = link->port;

	memset(req->data, 0, IB_SMP_DATA_SIZE);
	if (vib_link_is_end_port(link))
		vib_portinfo_get_end(req, link, pi);
	pi->local_port_num = req->in_port;
	pi->link_width_enabled = link->width_enabled;
	pi->link_width_supported = VIB_WIDTH_1X_4X;
	pi->link_width_active = VIB_WIDTH_4X;
	pi->linkspeed_portstate = VIB_SPEED_ALL << 4 | port->state;
	pi->portphysstate_linkdown = port->phys_state << 4 | link->down_default;
	pi->linkspeedactive_enabled = VIB_SPEED_QDR << 4 | link->speed_enabled;
	pi->neighbormtu_mastersmsl = port->active_mtu << 4 | port->sm_sl;
	pi->vlcap_inittype = VIB_VLCAP << 4;
	pi->vl_high_limit = link->vl_high_limit;
	pi->vl_arb_high_cap = 64;
	pi->vl_arb_low_cap = 64;
	pi->inittypereply_mtucap = port->init_type_reply << 4 | port->max_mtu;
	pi->vlstallcnt_hoqlife = link->stall_hoq;
	pi->operationalvl_pei_peo_fpi_fpo = link->vls_enforce;
	pi->localphyerrors_overrunerrors = link->phy_errs;
}

static bool vib_portinfo_state_ok(const struct vib_port *port, u8 state)
{
	switch (state) {
	case IB_PORT_NOP:
	case IB_PORT_DOWN:
		return true;
	case IB_PORT_ARMED:
		return port->state == IB_PORT_INIT ||
		       port->state == IB_PORT_ARMED;
	case IB_PORT_ACTIVE:
		return port->state == IB_PORT_ARMED ||
		       port->state == IB_PORT_ACTIVE;
	default:
		return false;
	}
}

static bool vib_portinfo_ok(const struct vib_link *link,
			    const struct ib_port_info *pi)
{
	const struct vib_port *port = link->port;
	u16 lid = be16_to_cpu(pi->lid);
	u16 sm_lid = be16_to_cpu(pi->sm_lid);
	u8 mtu = pi->neighbormtu_mastersmsl >> 4;

	if (vib_link_is_end_port(link)) {
		if (!lid || lid >= VIB_LFT_LEN || sm_lid >= VIB_LFT_LEN)
			return false;
	}
	if (link->num == 0)
		return true;
	if (mtu > port->max_mtu)
		return false;
	if (pi->portphysstate_linkdown >> 4 > VIB_PHYS_DISABLED)
		return false;
	return vib_portinfo_state_ok(port, pi->linkspeed_portstate & 0xf);
}

static void vib_portinfo_set_sm(struct vib_sma_req *req, struct vib_port *port,
				const struct ib_port_info *pi)
{
	u16 sm_lid = be16_to_cpu(pi->sm_lid);
	u8 sm_sl = pi->neighbormtu_mastersmsl & 0xf;

	if (port->sm_lid != sm_lid || port->sm_sl != sm_sl)
		req->events |= BIT(IB_EVENT_SM_CHANGE);
	WRITE_ONCE(port->sm_lid, sm_lid);
	port->sm_sl = sm_sl;
}

static void vib_portinfo_set_end(struct vib_sma_req *req,
				 struct vib_link *link,
				 const struct ib_port_info *pi)
{
	struct vib_port *port = link->port;
	u16 lid = be16_to_cpu(pi->lid);
	u8 lmc = pi->mkeyprot_resv_lmc & 7;

	link->mkey = pi->mkey;
	link->mkey_prot = pi->mkeyprot_resv_lmc >> 6;
	link->mkey_lease = be16_to_cpu(pi->mkey_lease_period);
	link->lease_end = 0;
	/* Violation counters can only be cleared. */
	if (!pi->mkey_violations)
		atomic_set(&link->mkey_violations, 0);
	if (!pi->pkey_violations)
		atomic_set(&port->bad_pkey, 0);
	if (!pi->qkey_violations)
		atomic_set(&port->bad_qkey, 0);

	spin_lock(&port->lock);
	if (port->gid_prefix != pi->gid_prefix)
		req->events |= BIT(IB_EVENT_GID_CHANGE);
	port->gid_prefix = pi->gid_prefix;
	if (port->lid != lid || port->lmc != lmc)
		req->events |= BIT(IB_EVENT_LID_CHANGE);
	WRITE_ONCE(port->lid, lid);
	WRITE_ONCE(port->lmc, lmc);
	vib_portinfo_set_sm(req, port, pi);
	port->subnet_timeout = pi->clientrereg_resv_subnetto & 0x1f;
	port->init_type_reply = pi->inittypereply_mtucap >> 4;
	spin_unlock(&port->lock);
	/* The reregister bit is a command, it is not stored. */
	if (pi->clientrereg_resv_subnetto & 0x80)
		req->events |= BIT(IB_EVENT_CLIENT_REREGISTER);
}

static void vib_portinfo_set_link(struct vib_link *link,
				  const struct ib_port_info *pi)
{
	u8 width = pi->link_width_enabled;
	u8 speed = pi->linkspeedactive_enabled & 0xf;
	u8 mtu = pi->neighbormtu_mastersmsl >> 4;
	u8 down = pi->portphysstate_linkdown & 0xf;
	u8 vls = pi->operationalvl_pei_peo_fpi_fpo;

	if (width == VIB_ALL_WIDTHS)
		link->width_enabled = VIB_WIDTH_1X_4X;
	else if (width != VIB_NO_CHANGE)
		link->width_enabled = width & VIB_WIDTH_1X_4X;
	if (speed == VIB_ALL_SPEEDS)
		link->speed_enabled = VIB_SPEED_ALL;
	else if (speed != VIB_NO_CHANGE)
		link->speed_enabled = speed & VIB_SPEED_ALL;
	if (mtu != VIB_NO_CHANGE)
		WRITE_ONCE(link->port->active_mtu, mtu);
	if (down != VIB_NO_CHANGE)
		link->down_default = down;
	if (vls >> 4 == VIB_NO_CHANGE)
		vls |= link->vls_enforce & 0xf0;
	WRITE_ONCE(link->vls_enforce, vls);
	link->vl_high_limit = pi->vl_high_limit;
	link->stall_hoq = pi->vlstallcnt_hoqlife;
	link->phy_errs = pi->localphyerrors_overrunerrors;
}

static void vib_portinfo_set_state(struct vib_sma_req *req,
				   struct vib_link *link,
				   const struct ib_port_info *pi)
{
	u8 phys = pi->portphysstate_linkdown >> 4;
	u8 state = pi->linkspeed_portstate & 0xf;
	struct vib_port *port = link->port;

	if (state == IB_PORT_ARMED || state == IB_PORT_ACTIVE) {
		if (state == IB_PORT_ACTIVE && port->state != IB_PORT_ACTIVE)
			req->events |= BIT(IB_EVENT_PORT_ACTIVE);
		spin_lock(&port->lock);
		WRITE_ONCE(port->state, state);
		spin_unlock(&port->lock);
		return;
	}
	if (phys == VIB_PHYS_DISABLED)
		link->disabled = true;
	else if (phys == VIB_PHYS_POLLING || phys == VIB_PHYS_SLEEP)
		link->disabled = false;
	if (state == IB_PORT_DOWN || phys != VIB_NO_CHANGE)
		vib_link_retrain(link);
}

/**
 * vib_sma_portinfo() - PortInfo of a port
 * @req: request
 * @link: link of the port; port 0 of the switch has no cable
 *
 * Context: vib_fabric.lock held.
 * Return: MAD status. An invalid Set changes nothing.
 */
u16 vib_sma_portinfo(struct vib_sma_req *req, struct vib_link *link)
{
	struct ib_port_info *pi = (struct ib_port_info *)req->data;
	u16 status = 0;

	lockdep_assert_held(&vib_fabric.lock);
	if (req->set && !vib_portinfo_ok(link, pi)) {
		status = IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	} else if (req->set) {
		if (vib_link_is_end_port(link))
			vib_portinfo_set_end(req, link, pi);
		if (link->num) {
			vib_portinfo_set_link(link, pi);
			vib_portinfo_set_state(req, link, pi);
		}
	}
	vib_portinfo_get(req, link, pi);
	return status;
}
