// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: the subnet management agent: methods, M_Key, and the attributes that
 * HCAs and the switch have in common. It accepts any MAD that user space can
 * make up; only fields checked here are used as an index.
 */

#include "vib_agent.h"

#define VIB_MKEY_PROT_GET	2	/* from here on a read needs the key */

static bool vib_link_is_switch(const struct vib_link *link)
{
	return !link->port->hca;
}

/* A lease that has run out takes the protection away (IBA 14.2.4.2). */
static void vib_mkey_lease_check(struct vib_link *link)
{
	lockdep_assert_held(&vib_fabric.lock);
	if (link->lease_end && time_after(jiffies, link->lease_end)) {
		link->lease_end = 0;
		link->mkey_prot = 0;
	}
}

static bool vib_mkey_admits(struct vib_link *link, const struct ib_smp *smp,
			    bool ignore)
{
	lockdep_assert_held(&vib_fabric.lock);
	vib_mkey_lease_check(link);
	if (ignore || !link->mkey)
		return true;
	if (smp->mkey == link->mkey) {
		link->lease_end = 0;
		return true;
	}
	if (smp->method == IB_MGMT_METHOD_GET &&
	    link->mkey_prot < VIB_MKEY_PROT_GET)
		return true;
	atomic_inc(&link->mkey_violations);
	if (link->mkey_lease && !link->lease_end)
		link->lease_end = (jiffies + link->mkey_lease * HZ) ?: 1;
	vib_trap_bad_mkey(link, smp);
	return false;
}

static u16 vib_sma_node_desc(struct vib_sma_req *req)
{
	struct vib_hca *hca = req->link->port->hca;

	if (req->set)
		return IB_MGMT_MAD_STATUS_UNSUPPORTED_METHOD_ATTRIB;
	if (req->mod)
		return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	memset(req->data, 0, IB_SMP_DATA_SIZE);
	if (hca)
		memcpy(req->data, hca->ibdev.node_desc, IB_SMP_DATA_SIZE);
	else
		strscpy(req->data, "vib virtual switch", IB_SMP_DATA_SIZE);
	return 0;
}

static u16 vib_sma_node_info(struct vib_sma_req *req)
{
	struct ib_node_info *ni = (struct ib_node_info *)req->data;
	struct vib_hca *hca = req->link->port->hca;
	u64 guid;

	if (req->set)
		return IB_MGMT_MAD_STATUS_UNSUPPORTED_METHOD_ATTRIB;
	if (req->mod)
		return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	memset(req->data, 0, IB_SMP_DATA_SIZE);
	ni->base_version = IB_MGMT_BASE_VERSION;
	ni->class_version = 1;
	ni->node_type = hca ? RDMA_NODE_IB_CA : RDMA_NODE_IB_SWITCH;
	ni->num_ports = hca ? 1 : vib_fabric.sw->nports;
	ni->node_guid = hca ? hca->node_guid : vib_fabric.sw->guid;
	ni->sys_guid = ni->node_guid;
	ni->port_guid = req->link->port->guid[0];
	ni->partition_cap = cpu_to_be16(hca ? VIB_NUM_PKEYS : VIB_SWITCH_PKEYS);
	ni->device_id = cpu_to_be16(hca ? 0x7662 : 0x7663);
	ni->revision = cpu_to_be32(1);
	ni->local_port_num = req->in_port;
	guid = be64_to_cpu(ni->node_guid);
	ni->vendor_id[0] = guid >> 56;
	ni->vendor_id[1] = guid >> 48;
	ni->vendor_id[2] = guid >> 40;
	return 0;
}

static u16 vib_sma_guid_info(struct vib_sma_req *req)
{
	struct vib_port *port = req->link->port;
	u32 first = req->mod * 8;
	__be64 *guids = (__be64 *)req->data;
	unsigned int i;

	if (req->mod >= VIB_NUM_GUIDS / 8)
		return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	spin_lock(&port->lock);
	for (i = 0; i < 8; i++) {
		/* Entry 0 is the port GUID and read only. */
		if (req->set && first + i &&
		    port->guid[first + i] != guids[i]) {
			port->guid[first + i] = guids[i];
			req->events |= BIT(IB_EVENT_GID_CHANGE);
		}
		guids[i] = port->guid[first + i];
	}
	spin_unlock(&port->lock);
	return 0;
}

/**
 * vib_sma_pkeys() - PKeyTable of a port
 * @req: request
 * @port: the port
 * @block: block of 32 entries
 * @size: entries of the table
 *
 * Context: vib_fabric.lock held.
 * Return: MAD status.
 */
u16 vib_sma_pkeys(struct vib_sma_req *req, struct vib_port *port, u16 block,
		  u16 size)
{
	__be16 *keys = (__be16 *)req->data;
	unsigned int i;
	u16 *table;

	lockdep_assert_held(&vib_fabric.lock);
	if (block >= size / 32)
		return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	table = &port->pkey[block * 32];
	spin_lock(&port->lock);
	for (i = 0; i < 32; i++) {
		if (req->set && table[i] != be16_to_cpu(keys[i])) {
			WRITE_ONCE(table[i], be16_to_cpu(keys[i]));
			req->events |= BIT(IB_EVENT_PKEY_CHANGE);
		}
		keys[i] = cpu_to_be16(table[i]);
	}
	spin_unlock(&port->lock);
	return 0;
}

/**
 * vib_sma_sl2vl() - SLtoVLMappingTable
 * @req: request
 * @link: output port
 * @in: input port, 0 for an HCA
 *
 * Context: vib_fabric.lock held.
 * Return: MAD status.
 */
u16 vib_sma_sl2vl(struct vib_sma_req *req, struct vib_link *link, u8 in)
{
	lockdep_assert_held(&vib_fabric.lock);
	if (req->set)
		memcpy(link->sl2vl[in], req->data, sizeof(link->sl2vl[in]));
	memset(req->data, 0, IB_SMP_DATA_SIZE);
	memcpy(req->data, link->sl2vl[in], sizeof(link->sl2vl[in]));
	return 0;
}

/**
 * vib_sma_vlarb() - VLArbitrationTable
 * @req: request; the block, 1..4, is in the upper half of the modifier
 * @link: output port
 *
 * Context: vib_fabric.lock held.
 * Return: MAD status.
 */
u16 vib_sma_vlarb(struct vib_sma_req *req, struct vib_link *link)
{
	u16 block = req->mod >> 16;

	lockdep_assert_held(&vib_fabric.lock);
	if (!block || block > ARRAY_SIZE(link->vlarb))
		return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
	if (req->set)
		memcpy(link->vlarb[block - 1], req->data, IB_SMP_DATA_SIZE);
	else
		memcpy(req->data, link->vlarb[block - 1], IB_SMP_DATA_SIZE);
	return 0;
}

static u16 vib_sma_hca_attr(struct vib_sma_req *req, __be16 attr)
{
	switch (attr) {
	case IB_SMP_ATTR_GUID_INFO:
		return vib_sma_guid_info(req);
	case IB_SMP_ATTR_PORT_INFO:
		if ((req->mod & 0xff) > 1)
			return IB_MGMT_MAD_STATUS_INVALID_ATTRIB_VALUE;
		return vib_sma_portinfo(req, req->link);
	case IB_SMP_ATTR_PKEY_TABLE:
		return vib_sma_pkeys(req, req->link->port, req->mod,
				     VIB_NUM_PKEYS);
	case IB_SMP_ATTR_SL_TO_VL_TABLE:
		return vib_sma_sl2vl(req, req->link, 0);
	case IB_SMP_ATTR_VL_ARB_TABLE:
		return vib_sma_vlarb(req, req->link);
	default:
		return IB_MGMT_MAD_STATUS_UNSUPPORTED_METHOD_ATTRIB;
	}
}

static u16 vib_sma_attr(struct vib_sma_req *req, __be16 attr)
{
	lockdep_assert_held(&vib_fabric.lock);
	if (attr == IB_SMP_ATTR_NODE_DESC)
		return vib_sma_node_desc(req);
	if (attr == IB_SMP_ATTR_NODE_INFO)
		return vib_sma_node_info(req);
	if (vib_link_is_switch(req->link))
		return vib_sma_switch_attr(vib_fabric.sw, req, attr);
	return vib_sma_hca_attr(req, attr);
}

static enum vib_sma_verdict vib_sma_other_method(struct vib_link *link,
						 struct ib_smp *smp)
{
	switch (smp->method) {
	case IB_MGMT_METHOD_TRAP_REPRESS:
		vib_trap_repress(link, smp);
		return VIB_SMA_DROP;
	case IB_MGMT_METHOD_TRAP:
	case IB_MGMT_METHOD_GET_RESP:
		return VIB_SMA_PASS;
	default:
		return VIB_SMA_DROP;
	}
}

/**
 * vib_sma_answer() - answer an SMP
 * @link: end port of the node that was asked
 * @in_port: port the SMP came in by
 * @ignore_mkey: the request comes from the host itself
 * @smp: the request; becomes the answer
 * @events: mask of enum ib_event_type to raise afterwards
 *
 * Context: any, takes vib_fabric.lock.
 * Return: what to do: send @smp as the answer, drop it, or pass it on to the
 * management agents of the host (then and when dropped @smp is unchanged).
 */
enum vib_sma_verdict vib_sma_answer(struct vib_link *link, u8 in_port,
				    bool ignore_mkey, struct ib_smp *smp,
				    u32 *events)
{
	struct vib_sma_req req = {
		.link = link,
		.in_port = in_port,
		.set = smp->method == IB_MGMT_METHOD_SET,
		.mod = be32_to_cpu(smp->attr_mod),
		.data = smp->data,
	};
	unsigned long flags;
	u16 status;

	if (smp->method != IB_MGMT_METHOD_GET && !req.set)
		return vib_sma_other_method(link, smp);
	if (smp->attr_id == IB_SMP_ATTR_SM_INFO && !vib_link_is_switch(link))
		return VIB_SMA_PASS;

	spin_lock_irqsave(&vib_fabric.lock, flags);
	if (!vib_mkey_admits(link, smp, ignore_mkey)) {
		spin_unlock_irqrestore(&vib_fabric.lock, flags);
		return VIB_SMA_DROP;
	}
	req.see_mkey = ignore_mkey || smp->mkey == link->mkey ||
		       !link->mkey_prot;
	if (smp->base_version != IB_MGMT_BASE_VERSION ||
	    smp->class_version != 1)
		status = IB_MGMT_MAD_STATUS_BAD_VERSION;
	else
		status = vib_sma_attr(&req, smp->attr_id);
	spin_unlock_irqrestore(&vib_fabric.lock, flags);

	smp->method = IB_MGMT_METHOD_GET_RESP;
	smp->status = cpu_to_be16(status);
	if (smp->mgmt_class == IB_MGMT_CLASS_SUBN_DIRECTED_ROUTE)
		smp->status |= IB_SMP_DIRECTION;
	*events = req.events;
	return VIB_SMA_ANSWER;
}

/* In the order in which consumers can use the news. */
static const enum ib_event_type vib_sma_events[] = {
	IB_EVENT_GID_CHANGE,
	IB_EVENT_SM_CHANGE,
	IB_EVENT_LID_CHANGE,
	IB_EVENT_PKEY_CHANGE,
	IB_EVENT_CLIENT_REREGISTER,
	IB_EVENT_PORT_ACTIVE,
};

/**
 * vib_sma_process_mad() - SMP at an HCA, as ib_device_ops.process_mad
 * @port: its port
 * @flags: enum ib_mad_flags
 * @wc: completion it came with, or NULL
 * @in: the SMP
 * @out: the answer
 *
 * Context: any, does not sleep.
 * Return: IB_MAD_RESULT_*. What is not for the SMA (SMInfo, traps, answers)
 * is left to the agents that user space has registered.
 */
int vib_sma_process_mad(struct vib_port *port, int flags,
			const struct ib_wc *wc, const struct ib_mad *in,
			struct ib_mad *out)
{
	/* Stays until the HCA is unregistered, and so over this call. */
	struct vib_link *link = READ_ONCE(port->link);
	enum vib_sma_verdict verdict;
	u32 events = 0;
	unsigned int i;

	if (!link)
		return IB_MAD_RESULT_FAILURE;
	memcpy(out, in, sizeof(*out));
	verdict = vib_sma_answer(link, 1, flags & IB_MAD_IGNORE_MKEY,
				 (struct ib_smp *)out, &events);
	for (i = 0; i < ARRAY_SIZE(vib_sma_events); i++)
		if (events & BIT(vib_sma_events[i]))
			vib_port_event(port, vib_sma_events[i]);
	switch (verdict) {
	case VIB_SMA_ANSWER:
		return IB_MAD_RESULT_SUCCESS | IB_MAD_RESULT_REPLY;
	case VIB_SMA_PASS:
		return IB_MAD_RESULT_SUCCESS;
	default:
		return IB_MAD_RESULT_SUCCESS | IB_MAD_RESULT_CONSUMED;
	}
}
