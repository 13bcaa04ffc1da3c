// SPDX-License-Identifier: GPL-2.0-only
/* vib: SMA attributes that only the switch has, or has for each port. */

#include "vib_agent.h"

/**
 * struct vib_switch_info - attribute SwitchInfo (IBA vol. 1, 14.2.5.4)
 * @lft_cap: LinearFDBCap
 * @rft_cap: RandomFDBCap
 * @mft_cap: MulticastFDBCap
 * @lft_top: LinearFDBTop
 * @def_port: DefaultPort, DefaultMulticast{Primary,NotPrimary}Port
 * @life_psc: LifeTimeValue (5 bits), PortStateChange (1), OptimizedSLtoVL (2)
 * @lids_per_port: LIDsPerPort
 * @enforce_cap: PartitionEnforcementCap
 * @flags: in- and outbound enforcement, raw filters, enhanced port 0
 * @reserved: reserved
 * @mft_top: MulticastFDBTop
 */
struct vib_switch_info {
	__be16 lft_cap;
	__be16 rft_cap;
	__be16 mft_cap;
	__be16 lft_top;
	u8 def_port[3];
	u8 life_psc;
	__be16 lids_per_port;
	__be16 enforce_cap;
	u8 flags;
	u8 reserved;
	__be16 mft_top;
} __packed;

#define VIB_SI_PSC		0x04
#define VIB_SI_ENFORCE_IN	0x80
#define VIB_SI_ENFORCE_OUT	0x40

static u16 vib_sma_switch_info(struct vib_switch *sw, struct vib_sma_req *req)
{
	struct vib_switch_info *si = (struct vib_switch_info *)req->data;
	u16 top;

	if (req->mod)
		return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	if (req->set) {
		top = be16_to_cpu(si->lft_top);
		if (top >= VIB_LFT_LEN)
			return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
		WRITE_ONCE(sw->lft_top, top);
		sw->mft_top = be16_to_cpu(si->mft_top);
		memcpy(sw->def_port, si->def_port, sizeof(sw->def_port));
		sw->life = si->life_psc & 0xf8;
		/* The change bit is cleared by writing a one. */
		if (si->life_psc & VIB_SI_PSC)
			sw->psc = false;
	}
	memset(req->data, 0, IB_SMP_DATA_SIZE);
	si->lft_cap = cpu_to_be16(VIB_LFT_LEN);
	si->mft_cap = cpu_to_be16(VIB_MFT_LEN);
	si->lft_top = cpu_to_be16(sw->lft_top);
	si->mft_top = cpu_to_be16(sw->mft_top);
	memcpy(si->def_port, sw->def_port, sizeof(sw->def_port));
	si->life_psc = sw->life | (sw->psc ? VIB_SI_PSC : 0);
	si->enforce_cap = cpu_to_be16(VIB_SWITCH_PKEYS);
	si->flags = VIB_SI_ENFORCE_IN | VIB_SI_ENFORCE_OUT;
	return 0;
}

static u16 vib_sma_lft(struct vib_switch *sw, struct vib_sma_req *req)
{
	unsigned int i;
	u8 *block;

	if (req->mod >= VIB_LFT_LEN / 64)
		return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	block = &sw->lft[req->mod * 64];
	for (i = 0; i < 64; i++) {
		if (req->set)
			WRITE_ONCE(block[i], req->data[i]);
		req->data[i] = block[i];
	}
	return 0;
}

/* A block is 32 multicast LIDs, a position 16 ports. */
static u16 vib_sma_mft(struct vib_switch *sw, struct vib_sma_req *req)
{
	__be16 *masks = (__be16 *)req->data;
	u32 first = (req->mod & 0x1ff) * 32;
	u32 position = req->mod >> 28;
	unsigned int i;

	if (first >= VIB_MFT_LEN)
		return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	for (i = 0; i < 32; i++) {
		if (req->set)
			WRITE_ONCE(sw->mft[first + i][position],
				   be16_to_cpu(masks[i]));
		masks[i] = cpu_to_be16(sw->mft[first + i][position]);
	}
	return 0;
}

static u16 vib_sma_switch_sl2vl(struct vib_switch *sw, struct vib_sma_req *req)
{
	u8 out = req->mod & 0xff;
	u8 in = req->mod >> 8 & 0xff;

	if (out > sw->nports || in > sw->nports)
		return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	return vib_sma_sl2vl(req, &sw->links[out], in);
}

/**
 * vib_sma_switch_attr() - an attribute of the switch
 * @sw: the switch
 * @req: request
 * @attr: attribute ID
 *
 * Context: vib_fabric.lock held.
 * Return: MAD status.
 */
u16 vib_sma_switch_attr(struct vib_switch *sw, struct vib_sma_req *req,
			__be16 attr)
{
	u8 num = req->mod & 0xff;
	u16 high = req->mod >> 16;

	lockdep_assert_held(&vib_fabric.lock);
	switch (attr) {
	case IB_SMP_ATTR_SWITCH_INFO:
		return vib_sma_switch_info(sw, req);
	case IB_SMP_ATTR_PORT_INFO:
		if (num > sw->nports)
			break;
		return vib_sma_portinfo(req, &sw->links[num]);
	case IB_SMP_ATTR_PKEY_TABLE:
		if (high > sw->nports)
			break;
		return vib_sma_pkeys(req, &sw->ports[high], req->mod,
				     VIB_SWITCH_PKEYS);
	case IB_SMP_ATTR_SL_TO_VL_TABLE:
		return vib_sma_switch_sl2vl(sw, req);
	case IB_SMP_ATTR_VL_ARB_TABLE:
		if (num > sw->nports)
			break;
		return vib_sma_vlarb(req, &sw->links[num]);
	case IB_SMP_ATTR_LINEAR_FORWARD_TABLE:
		return vib_sma_lft(sw, req);
	case IB_SMP_ATTR_MCAST_FORWARD_TABLE:
		return vib_sma_mft(sw, req);
	default:
		return IB_MGMT_MAD_STATUS_UNSUPPORTED_METHOD_ATTRIB;
	}
	return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
}
