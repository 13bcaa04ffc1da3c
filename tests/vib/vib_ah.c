// SPDX-License-Identifier: GPL-2.0-only
/* vib: address handles and address vectors. */

#include <linux/delay.h>
#include <linux/string.h>

#include "vib_verbs.h"

/**
 * vib_av_init() - make an address vector
 * @av: filled in
 * @attr: where to
 */
void vib_av_init(struct vib_av *av, const struct rdma_ah_attr *attr)
{
	const struct ib_global_route *grh = rdma_ah_read_grh(attr);

	*av = (struct vib_av) {
		.dlid = rdma_ah_get_dlid(attr),
		.sl = rdma_ah_get_sl(attr),
		.path_bits = rdma_ah_get_path_bits(attr),
		.grh = rdma_ah_get_ah_flags(attr) & IB_AH_GRH,
	};
	if (!av->grh)
		return;
	av->dgid = grh->dgid;
	av->flow_label = grh->flow_label;
	av->sgid_index = grh->sgid_index;
	av->hop_limit = grh->hop_limit;
	av->tclass = grh->traffic_class;
}

/**
 * vib_av_apply() - address a packet
 * @port: source
 * @av: where to
 * @pkt: gets LIDs, SL and GRH; its other fields and length are final
 *
 * Context: any.
 */
void vib_av_apply(struct vib_port *port, const struct vib_av *av,
		  struct vib_pkt *pkt)
{
	const u32 bth = 12, deth = 8, icrc = 4;
	struct ib_grh *grh = &pkt->grh;
	u32 len = ALIGN(pkt->len, 4) + bth + icrc;

	pkt->dlid = av->dlid;
	pkt->sl = av->sl;
	if (!pkt->dqpn && av->dlid == be16_to_cpu(IB_LID_PERMISSIVE))
		pkt->slid = av->dlid;
	else
		pkt->slid = READ_ONCE(port->lid) |
			    (av->path_bits & ((1 << port->lmc) - 1));
	if (!av->grh)
		return;
	if (pkt->op == VIB_OP_UD_SEND)
		len += deth;
	pkt->flags |= VIB_PKT_GRH;
	grh->version_tclass_flow = cpu_to_be32(6U << 28 | av->tclass << 20 |
					       (av->flow_label & 0xfffff));
	grh->paylen = cpu_to_be16(min_t(u32, len, U16_MAX));
	grh->next_hdr = 0x1b;
	grh->hop_limit = av->hop_limit;
	grh->sgid.global.subnet_prefix = READ_ONCE(port->gid_prefix);
	grh->sgid.global.interface_id =
		READ_ONCE(port->guid[av->sgid_index % VIB_NUM_GUIDS]);
	grh->dgid = av->dgid;
}

/* Handles of the management agents are spared: without them the subnet manager
 * would lose the port, which is another fault. The core makes their PDs.
 */
static bool vib_ah_of_ulp(const struct ib_ah *ibah)
{
	const char *maker = ibah->pd->res.kern_name;

	return !maker || strcmp(maker, "ib_core");
}

/**
 * vib_create_ah() - ib_device_ops.create_ah and create_user_ah
 * @ibah: the handle
 * @init: where to
 * @udata: unused
 *
 * Context: any; sleeps only where @init says that it may and a fault rule that
 * it shall.
 * Return: 0 or -errno.
 */
int vib_create_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *init,
		  struct ib_udata *udata)
{
	struct vib_hca *hca = to_vhca(ibah->device);
	unsigned int ms = 0;

	if (vib_ah_of_ulp(ibah) && vib_fault_hit(hca, VIB_FAULT_CREATE_AH, 0))
		return -ENOMEM;
	/* Hardware may take a command to its firmware for it. */
	if (init->flags & RDMA_CREATE_AH_SLEEPABLE)
		ms = vib_fault_hit(hca, VIB_FAULT_SLOW_AH, 0);
	/* Of older kernels, msleep() sleeps at least one jiffy. */
	if (ms)
		msleep(ms);
	return vib_modify_ah(ibah, init->ah_attr);
}

/**
 * vib_modify_ah() - ib_device_ops.modify_ah
 * @ibah: the handle
 * @attr: where to from now on
 *
 * Return: 0 or -EINVAL.
 */
int vib_modify_ah(struct ib_ah *ibah, struct rdma_ah_attr *attr)
{
	struct vib_ah *ah = to_vah(ibah);
	const struct ib_global_route *grh = rdma_ah_read_grh(attr);

	/* LID 0 is taken: the core makes a handle for an SM not yet known. */
	if (attr->type != RDMA_AH_ATTR_TYPE_IB)
		return -EINVAL;
	if ((rdma_ah_get_ah_flags(attr) & IB_AH_GRH) &&
	    grh->sgid_index >= VIB_NUM_GUIDS)
		return -EINVAL;
	ah->attr = *attr;
	/* The core keeps the reference to the GID entry, in ib_ah. */
	ah->attr.grh.sgid_attr = NULL;
	vib_av_init(&ah->av, attr);
	return 0;
}

/**
 * vib_query_ah() - ib_device_ops.query_ah
 * @ibah: the handle
 * @attr: filled in
 *
 * Return: 0.
 */
int vib_query_ah(struct ib_ah *ibah, struct rdma_ah_attr *attr)
{
	*attr = to_vah(ibah)->attr;
	return 0;
}

/**
 * vib_destroy_ah() - ib_device_ops.destroy_ah
 * @ibah: the handle; posted requests hold a copy of what it says
 * @flags: enum rdma_destroy_ah_flags
 *
 * Context: any, does not sleep.
 * Return: 0.
 */
int vib_destroy_ah(struct ib_ah *ibah, u32 flags)
{
	return 0;
}
