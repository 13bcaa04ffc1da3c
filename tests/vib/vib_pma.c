// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: the performance management agent. Counters are true: they count what
 * crosses the port. Those of PortCounters stick at their largest value, as
 * the standard asks; clearing one set does not clear the other.
 */

#include <rdma/ib_pma.h>

#include "vib_agent.h"

#define VIB_ALL_PORTS		0xff
#define VIB_PMA_RESP_TIME	18	/* 4.096 us * 2^18 = 1.07 s */

/**
 * struct vib_pma_counts - counters of a port, or of all ports of a switch
 * @traffic: since they were cleared
 * @err: enum vib_link_err
 * @vl15_dropped: SMPs dropped
 */
struct vib_pma_counts {
	struct vib_port_stats traffic;
	u64 err[VIB_ERR_NUM];
	u64 vl15_dropped;
};

static_assert(sizeof(struct vib_port_stats) % sizeof(u64) == 0);

/* All members of struct vib_port_stats are u64. */
static void vib_stats_add(struct vib_port_stats *sum,
			  const struct vib_port_stats *add, bool negative)
{
	const u64 *from = (const u64 *)add;
	u64 *to = (u64 *)sum;
	unsigned int i;

	for (i = 0; i < sizeof(*sum) / sizeof(u64); i++)
		to[i] += negative ? -from[i] : from[i];
}

/**
 * vib_pma_read() - traffic of a port since it was made
 * @port: the port
 * @sum: filled in
 *
 * Context: any.
 */
void vib_pma_read(const struct vib_port *port, struct vib_port_stats *sum)
{
	unsigned int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu)
		vib_stats_add(sum, per_cpu_ptr(port->stats, cpu), false);
}

static void vib_pma_sum(struct vib_pma_counts *c, const struct vib_link *link,
			const struct vib_port_stats *base)
{
	struct vib_port_stats now;
	unsigned int i;

	vib_pma_read(link->port, &now);
	vib_stats_add(&now, base, true);
	vib_stats_add(&c->traffic, &now, false);
	for (i = 0; i < VIB_ERR_NUM; i++)
		c->err[i] += (u32)atomic_read(&link->err[i]);
	c->vl15_dropped += (u32)atomic_read(&link->port->vl15_dropped);
}

/* Sets a selected traffic counter back to zero. */
static void vib_pma_clear_one(__be16 sel, __be16 bit, u64 *base, u64 now)
{
	if (sel & bit)
		*base = now;
}

static void vib_pma_clear_err(struct vib_link *link, __be16 sel, __be16 bit,
			      enum vib_link_err err)
{
	if (sel & bit)
		atomic_set(&link->err[err], 0);
}

/* Bits of CounterSelect that <rdma/ib_pma.h> has no name for. */
#define VIB_SEL_RELAY_ERRORS	cpu_to_be16(0x0020)
#define VIB_SEL_XMIT_CONSTRAINT	cpu_to_be16(0x0080)
#define VIB_SEL_RCV_CONSTRAINT	cpu_to_be16(0x0100)

static void vib_pma_clear(struct vib_link *link, __be16 sel)
{
	struct vib_port_stats *base = &link->base;
	struct vib_port_stats now;

	vib_pma_read(link->port, &now);
	vib_pma_clear_one(sel, IB_PMA_SEL_PORT_XMIT_DATA,
			  &base->xmit_data, now.xmit_data);
	vib_pma_clear_one(sel, IB_PMA_SEL_PORT_RCV_DATA,
			  &base->rcv_data, now.rcv_data);
	vib_pma_clear_one(sel, IB_PMA_SEL_PORT_XMIT_PACKETS,
			  &base->xmit_pkts, now.xmit_pkts);
	vib_pma_clear_one(sel, IB_PMA_SEL_PORT_RCV_PACKETS,
			  &base->rcv_pkts, now.rcv_pkts);
	vib_pma_clear_err(link, sel, IB_PMA_SEL_LINK_DOWNED,
			  VIB_ERR_LINK_DOWNED);
	vib_pma_clear_err(link, sel, IB_PMA_SEL_PORT_RCV_ERRORS, VIB_ERR_RCV);
	vib_pma_clear_err(link, sel, VIB_SEL_RELAY_ERRORS, VIB_ERR_RELAY);
	vib_pma_clear_err(link, sel, IB_PMA_SEL_PORT_XMIT_DISCARDS,
			  VIB_ERR_XMIT_DISCARD);
	vib_pma_clear_err(link, sel, VIB_SEL_XMIT_CONSTRAINT,
			  VIB_ERR_XMIT_CONSTRAINT);
	vib_pma_clear_err(link, sel, VIB_SEL_RCV_CONSTRAINT,
			  VIB_ERR_RCV_CONSTRAINT);
	if (sel & IB_PMA_SEL_PORT_VL15_DROPPED)
		atomic_set(&link->port->vl15_dropped, 0);
}

static void vib_pma_clear_ext(struct vib_link *link, __be16 sel)
{
	struct vib_port_stats *base = &link->base_ext;
	struct vib_port_stats now;

	vib_pma_read(link->port, &now);
	vib_pma_clear_one(sel, IB_PMA_SELX_PORT_XMIT_DATA,
			  &base->xmit_data, now.xmit_data);
	vib_pma_clear_one(sel, IB_PMA_SELX_PORT_RCV_DATA,
			  &base->rcv_data, now.rcv_data);
	vib_pma_clear_one(sel, IB_PMA_SELX_PORT_XMIT_PACKETS,
			  &base->xmit_pkts, now.xmit_pkts);
	vib_pma_clear_one(sel, IB_PMA_SELX_PORT_RCV_PACKETS,
			  &base->rcv_pkts, now.rcv_pkts);
	vib_pma_clear_one(sel, IB_PMA_SELX_PORT_UNI_XMIT_PACKETS,
			  &base->ucast_xmit, now.ucast_xmit);
	vib_pma_clear_one(sel, IB_PMA_SELX_PORT_UNI_RCV_PACKETS,
			  &base->ucast_rcv, now.ucast_rcv);
	vib_pma_clear_one(sel, IB_PMA_SELX_PORT_MULTI_XMIT_PACKETS,
			  &base->mcast_xmit, now.mcast_xmit);
	vib_pma_clear_one(sel, IB_PMA_SELX_PORT_MULTI_RCV_PACKETS,
			  &base->mcast_rcv, now.mcast_rcv);
}

static __be16 vib_cap16(u64 v)
{
	return cpu_to_be16(min_t(u64, v, U16_MAX));
}

static __be32 vib_cap32(u64 v)
{
	return cpu_to_be32(min_t(u64, v, U32_MAX));
}

static u8 vib_cap8(u64 v)
{
	return min_t(u64, v, U8_MAX);
}

static void vib_pma_fill(struct ib_pma_portcounters *p,
			 const struct vib_pma_counts *c)
{
	u8 port = p->port_select;
	__be16 sel = p->counter_select;

	memset(p, 0, sizeof(*p));
	p->port_select = port;
	p->counter_select = sel;
	p->link_downed_counter = vib_cap8(c->err[VIB_ERR_LINK_DOWNED]);
	p->port_rcv_errors = vib_cap16(c->err[VIB_ERR_RCV]);
	p->port_rcv_switch_relay_errors = vib_cap16(c->err[VIB_ERR_RELAY]);
	p->port_xmit_discards = vib_cap16(c->err[VIB_ERR_XMIT_DISCARD]);
	p->port_xmit_constraint_errors =
		vib_cap8(c->err[VIB_ERR_XMIT_CONSTRAINT]);
	p->port_rcv_constraint_errors =
		vib_cap8(c->err[VIB_ERR_RCV_CONSTRAINT]);
	p->vl15_dropped = vib_cap16(c->vl15_dropped);
	p->port_xmit_data = vib_cap32(c->traffic.xmit_data / 4);
	p->port_rcv_data = vib_cap32(c->traffic.rcv_data / 4);
	p->port_xmit_packets = vib_cap32(c->traffic.xmit_pkts);
	p->port_rcv_packets = vib_cap32(c->traffic.rcv_pkts);
}

static void vib_pma_fill_ext(struct ib_pma_portcounters_ext *p,
			     const struct vib_port_stats *t)
{
	u8 port = p->port_select;
	__be16 sel = p->counter_select;

	memset(p, 0, sizeof(*p));
	p->port_select = port;
	p->counter_select = sel;
	p->port_xmit_data = cpu_to_be64(t->xmit_data / 4);
	p->port_rcv_data = cpu_to_be64(t->rcv_data / 4);
	p->port_xmit_packets = cpu_to_be64(t->xmit_pkts);
	p->port_rcv_packets = cpu_to_be64(t->rcv_pkts);
	p->port_unicast_xmit_packets = cpu_to_be64(t->ucast_xmit);
	p->port_unicast_rcv_packets = cpu_to_be64(t->ucast_rcv);
	p->port_multicast_xmit_packets = cpu_to_be64(t->mcast_xmit);
	p->port_multicast_rcv_packets = cpu_to_be64(t->mcast_rcv);
}

static u16 vib_pma_class_info(struct ib_pma_mad *pm, bool sw, bool set)
{
	struct ib_class_port_info *cpi = (struct ib_class_port_info *)pm->data;

	if (set)
		return IB_MGMT_MAD_STATUS_UNSUPPORTED_METHOD_ATTRIB;
	memset(cpi, 0, sizeof(*cpi));
	cpi->base_version = IB_MGMT_BASE_VERSION;
	cpi->class_version = 1;
	cpi->capability_mask = IB_PMA_CLASS_CAP_EXT_WIDTH;
	if (sw)
		cpi->capability_mask |= IB_PMA_CLASS_CAP_ALLPORTSELECT;
	ib_set_cpi_resp_time(cpi, VIB_PMA_RESP_TIME);
	return 0;
}

/* Both counter attributes begin with the same selectors. */
static u16 vib_pma_counters(struct vib_switch *sw, struct vib_link *link,
			    struct ib_pma_mad *pm, bool ext, bool set)
{
	struct ib_pma_portcounters *p = (struct ib_pma_portcounters *)pm->data;
	unsigned int first = p->port_select;
	unsigned int last = p->port_select;
	struct vib_pma_counts c = {};
	unsigned long flags;
	unsigned int i;

	if (p->port_select == VIB_ALL_PORTS) {
		first = 1;
		last = sw ? sw->nports : 1;
	}
	if (last > (sw ? sw->nports : 1) || (!sw && !first))
		return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	spin_lock_irqsave(&vib_fabric.lock, flags);
	for (i = first; i <= last; i++) {
		if (sw)
			link = &sw->links[i];
		if (set && ext)
			vib_pma_clear_ext(link, p->counter_select);
		else if (set)
			vib_pma_clear(link, p->counter_select);
		vib_pma_sum(&c, link, ext ? &link->base_ext : &link->base);
	}
	spin_unlock_irqrestore(&vib_fabric.lock, flags);
	if (ext)
		vib_pma_fill_ext((struct ib_pma_portcounters_ext *)pm->data,
				 &c.traffic);
	else
		vib_pma_fill(p, &c);
	return 0;
}

/**
 * vib_pma_answer() - answer a performance management MAD
 * @sw: the switch, when it was asked
 * @link: link of the HCA, when an HCA was asked
 * @mad: the request; becomes the answer
 *
 * Context: any, takes vib_fabric.lock.
 * Return: whether there is an answer.
 */
bool vib_pma_answer(struct vib_switch *sw, struct vib_link *link,
		    struct ib_mad *mad)
{
	struct ib_pma_mad *pm = (struct ib_pma_mad *)mad;
	bool set = pm->mad_hdr.method == IB_MGMT_METHOD_SET;
	u16 status;

	if (!set && pm->mad_hdr.method != IB_MGMT_METHOD_GET)
		return false;
	if (pm->mad_hdr.class_version != 1) {
		status = IB_MGMT_MAD_STATUS_BAD_VERSION;
	} else {
		switch (pm->mad_hdr.attr_id) {
		case IB_PMA_CLASS_PORT_INFO:
			status = vib_pma_class_info(pm, sw, set);
			break;
		case IB_PMA_PORT_COUNTERS:
			status = vib_pma_counters(sw, link, pm, false, set);
			break;
		case IB_PMA_PORT_COUNTERS_EXT:
			status = vib_pma_counters(sw, link, pm, true, set);
			break;
		default:
			status = IB_MGMT_MAD_STATUS_UNSUPPORTED_METHOD_ATTRIB;
		}
	}
	pm->mad_hdr.method = IB_MGMT_METHOD_GET_RESP;
	pm->mad_hdr.status = cpu_to_be16(status);
	return true;
}

/**
 * vib_pma_process_mad() - performance MAD at an HCA, as
 * ib_device_ops.process_mad
 * @port: its port
 * @flags: enum ib_mad_flags
 * @wc: completion it came with, or NULL
 * @in: the request
 * @out: the answer
 *
 * Context: any, does not sleep.
 * Return: IB_MAD_RESULT_*.
 */
int vib_pma_process_mad(struct vib_port *port, int flags,
			const struct ib_wc *wc, const struct ib_mad *in,
			struct ib_mad *out)
{
	struct vib_link *link = READ_ONCE(port->link);

	if (!link)
		return IB_MAD_RESULT_FAILURE;
	memcpy(out, in, sizeof(*out));
	if (!vib_pma_answer(NULL, link, out))
		return IB_MAD_RESULT_SUCCESS;
	return IB_MAD_RESULT_SUCCESS | IB_MAD_RESULT_REPLY;
}
