// SPDX-License-Identifier: GPL-2.0-only
/* vib: the HCA as an ib_device: attributes, port state, registration. */

#include <linux/platform_device.h>
#include <rdma/ib_smi.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/uverbs_ioctl.h>

#include "vib_verbs.h"

#define VIB_VENDOR_ID	0x025642
#define VIB_PART_ID	0x7662

struct vib_ucontext {
	struct ib_ucontext ibuc;
};

static int vib_query_device(struct ib_device *ibdev,
			    struct ib_device_attr *attr,
			    struct ib_udata *udata)
{
	const struct vib_hca *hca = to_vhca(ibdev);

	*attr = (struct ib_device_attr) {
		.fw_ver = 1ULL << 32,
		.sys_image_guid = hca->node_guid,
		.max_mr_size = ~0ULL,
		.page_size_cap = PAGE_SIZE,
		.vendor_id = VIB_VENDOR_ID,
		.vendor_part_id = VIB_PART_ID,
		.hw_ver = 1,
		.max_qp = 65536,
		.max_qp_wr = VIB_MAX_QP_WR,
		.device_cap_flags = IB_DEVICE_BAD_PKEY_CNTR |
				    IB_DEVICE_BAD_QKEY_CNTR |
				    IB_DEVICE_PORT_ACTIVE_EVENT |
				    IB_DEVICE_SYS_IMAGE_GUID |
				    IB_DEVICE_RC_RNR_NAK_GEN,
		.kernel_cap_flags = IBK_LOCAL_DMA_LKEY,
		.max_send_sge = hca->caps.max_send_sge,
		.max_recv_sge = VIB_MAX_SGE,
		.max_sge_rd = hca->caps.max_send_sge,
		.max_cq = 65536,
		.max_cqe = VIB_MAX_CQE,
		.max_mr = 65536,
		.max_pd = 65536,
		.max_qp_rd_atom = VIB_MAX_RD_ATOM,
		.max_res_rd_atom = VIB_MAX_RD_ATOM * 65536,
		.max_qp_init_rd_atom = VIB_MAX_RD_ATOM,
		.atomic_cap = IB_ATOMIC_NONE,
		.max_mcast_grp = 8192,
		.max_mcast_qp_attach = 256,
		.max_total_mcast_qp_attach = 8192 * 256,
		.max_ah = 65536,
		.max_pkeys = VIB_NUM_PKEYS,
		.local_ca_ack_delay = 15,
		.cq_caps.max_cq_moderation_count = U16_MAX,
		.cq_caps.max_cq_moderation_period = U16_MAX,
	};
	if (hca->caps.csum)
		attr->device_cap_flags |= IB_DEVICE_UD_IP_CSUM;
	if (hca->caps.lso)
		attr->kernel_cap_flags |= IBK_UD_TSO;
	if (hca->caps.block_mcast_loop)
		attr->kernel_cap_flags |= IBK_BLOCK_MULTICAST_LOOPBACK;
	if (hca->caps.srq) {
		attr->max_srq = 4096;
		attr->max_srq_wr = VIB_MAX_QP_WR;
		attr->max_srq_sge = VIB_MAX_SGE;
		attr->device_cap_flags |= IB_DEVICE_SRQ_RESIZE;
	}
	return 0;
}

static int vib_query_port(struct ib_device *ibdev, u32 port_num,
			  struct ib_port_attr *attr)
{
	struct vib_port *port = &to_vhca(ibdev)->port;
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	attr->state = port->state;
	attr->phys_state = port->phys_state;
	attr->max_mtu = port->max_mtu;
	attr->active_mtu = port->active_mtu;
	attr->port_cap_flags = port->cap_mask;
	attr->lid = port->lid;
	attr->lmc = port->lmc;
	attr->sm_lid = port->sm_lid;
	attr->sm_sl = port->sm_sl;
	attr->subnet_timeout = port->subnet_timeout;
	attr->init_type_reply = port->init_type_reply;
	spin_unlock_irqrestore(&port->lock, flags);
	attr->phys_mtu = ib_mtu_enum_to_int(attr->active_mtu);
	attr->gid_tbl_len = VIB_NUM_GUIDS;
	attr->pkey_tbl_len = VIB_NUM_PKEYS;
	attr->max_msg_sz = VIB_MAX_MSG;
	attr->bad_pkey_cntr = min(atomic_read(&port->bad_pkey), U16_MAX);
	attr->qkey_viol_cntr = min(atomic_read(&port->bad_qkey), U16_MAX);
	attr->max_vl_num = 1;
	attr->active_width = IB_WIDTH_4X;
	attr->active_speed = IB_SPEED_QDR;
	return 0;
}

static int vib_modify_port(struct ib_device *ibdev, u32 port_num, int mask,
			   struct ib_port_modify *mod)
{
	struct vib_port *port = &to_vhca(ibdev)->port;
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	port->cap_mask |= mod->set_port_cap_mask;
	port->cap_mask &= ~mod->clr_port_cap_mask;
	spin_unlock_irqrestore(&port->lock, flags);
	if (mod->set_port_cap_mask | mod->clr_port_cap_mask)
		vib_trap_local_change(port, 0);
	if (mask & IB_PORT_RESET_QKEY_CNTR)
		atomic_set(&port->bad_qkey, 0);
	return 0;
}

static int vib_modify_device(struct ib_device *ibdev, int mask,
			     struct ib_device_modify *mod)
{
	if (mask & ~IB_DEVICE_MODIFY_NODE_DESC)
		return -EOPNOTSUPP;
	memcpy(ibdev->node_desc, mod->node_desc, sizeof(ibdev->node_desc));
	vib_trap_local_change(&to_vhca(ibdev)->port,
			      IB_NOTICE_TRAP_NODE_DESC_CHG);
	return 0;
}

static int vib_query_gid(struct ib_device *ibdev, u32 port_num, int index,
			 union ib_gid *gid)
{
	struct vib_port *port = &to_vhca(ibdev)->port;
	unsigned long flags;

	if (index < 0 || index >= VIB_NUM_GUIDS)
		return -EINVAL;
	memset(gid, 0, sizeof(*gid));
	spin_lock_irqsave(&port->lock, flags);
	gid->global.interface_id = port->guid[index];
	if (gid->global.interface_id)
		gid->global.subnet_prefix = port->gid_prefix;
	spin_unlock_irqrestore(&port->lock, flags);
	return 0;
}

static int vib_query_pkey(struct ib_device *ibdev, u32 port_num, u16 index,
			  u16 *pkey)
{
	struct vib_port *port = &to_vhca(ibdev)->port;

	if (index >= VIB_NUM_PKEYS)
		return -EINVAL;
	*pkey = READ_ONCE(port->pkey[index]);
	return 0;
}

static int vib_get_port_immutable(struct ib_device *ibdev, u32 port_num,
				  struct ib_port_immutable *imm)
{
	imm->core_cap_flags = RDMA_CORE_PORT_IBA_IB;
	imm->pkey_tbl_len = VIB_NUM_PKEYS;
	imm->gid_tbl_len = VIB_NUM_GUIDS;
	imm->max_mad_size = IB_MGMT_MAD_SIZE;
	return 0;
}

static enum rdma_link_layer vib_get_link_layer(struct ib_device *ibdev,
					       u32 port_num)
{
	return IB_LINK_LAYER_INFINIBAND;
}

static void vib_get_fw_str(struct ib_device *ibdev, char *str)
{
	strscpy(str, "1.0.0", IB_FW_VERSION_NAME_MAX);
}

static int vib_process_mad(struct ib_device *ibdev, int flags, u32 port_num,
			   const struct ib_wc *wc, const struct ib_grh *grh,
			   const struct ib_mad *in, struct ib_mad *out,
			   size_t *out_size, u16 *out_pkey_index)
{
	struct vib_hca *hca = to_vhca(ibdev);
	struct vib_port *port = &hca->port;

	/* Without a completion the host looks at its own counters. */
	if (wc && READ_ONCE(hca->silent) &&
	    (in->mad_hdr.method == IB_MGMT_METHOD_GET ||
	     in->mad_hdr.method == IB_MGMT_METHOD_SET))
		return IB_MAD_RESULT_SUCCESS | IB_MAD_RESULT_CONSUMED;

	switch (in->mad_hdr.mgmt_class) {
	case IB_MGMT_CLASS_SUBN_LID_ROUTED:
	case IB_MGMT_CLASS_SUBN_DIRECTED_ROUTE:
		return vib_sma_process_mad(port, flags, wc, in, out);
	case IB_MGMT_CLASS_PERF_MGMT:
		return vib_pma_process_mad(port, flags, wc, in, out);
	default:
		return IB_MAD_RESULT_SUCCESS;
	}
}

static int vib_alloc_ucontext(struct ib_ucontext *uctx, struct ib_udata *udata)
{
	return 0;
}

/* All resources of a context hang on its objects. */
static void vib_dealloc_ucontext(struct ib_ucontext *uctx)
{
}

/* No queue is mapped into user space, so there is nothing to take back. */
static void vib_disassociate_ucontext(struct ib_ucontext *uctx)
{
}

static const struct ib_device_ops vib_dev_ops = {
	.owner = THIS_MODULE,
	/*
	 * The user space driver of this device has a mode, ABI version 1, in
	 * which every verb is a plain uverbs command. That is all vib needs.
	 */
	.driver_id = RDMA_DRIVER_HFI1,
	.uverbs_abi_ver = 1,

	.alloc_pd = vib_alloc_pd,
	.alloc_ucontext = vib_alloc_ucontext,
	.attach_mcast = vib_attach_mcast,
	.create_ah = vib_create_ah,
	.create_cq = vib_create_cq,
	.create_qp = vib_create_qp,
	.create_user_ah = vib_create_ah,
	.dealloc_pd = vib_dealloc_pd,
	.dealloc_ucontext = vib_dealloc_ucontext,
	.dereg_mr = vib_dereg_mr,
	.destroy_ah = vib_destroy_ah,
	.destroy_cq = vib_destroy_cq,
	.destroy_qp = vib_destroy_qp,
	.detach_mcast = vib_detach_mcast,
	.disassociate_ucontext = vib_disassociate_ucontext,
	.get_dev_fw_str = vib_get_fw_str,
	.get_dma_mr = vib_get_dma_mr,
	.get_link_layer = vib_get_link_layer,
	.get_port_immutable = vib_get_port_immutable,
	.modify_ah = vib_modify_ah,
	.modify_cq = vib_modify_cq,
	.modify_device = vib_modify_device,
	.modify_port = vib_modify_port,
	.modify_qp = vib_modify_qp,
	.poll_cq = vib_poll_cq,
	.post_recv = vib_post_recv,
	.post_send = vib_post_send,
	.process_mad = vib_process_mad,
	.query_ah = vib_query_ah,
	.query_device = vib_query_device,
	.query_gid = vib_query_gid,
	.query_pkey = vib_query_pkey,
	.query_port = vib_query_port,
	.query_qp = vib_query_qp,
	.reg_user_mr = vib_reg_user_mr,
	.req_notify_cq = vib_req_notify_cq,

	INIT_RDMA_OBJ_SIZE(ib_ah, vib_ah, ibah),
	INIT_RDMA_OBJ_SIZE(ib_cq, vib_cq, ibcq),
	INIT_RDMA_OBJ_SIZE(ib_pd, vib_pd, ibpd),
	INIT_RDMA_OBJ_SIZE(ib_qp, vib_qp, ibqp),
	INIT_RDMA_OBJ_SIZE(ib_ucontext, vib_ucontext, ibuc),
};

static const struct ib_device_ops vib_srq_ops = {
	.create_srq = vib_create_srq,
	.destroy_srq = vib_destroy_srq,
	.modify_srq = vib_modify_srq,
	.post_srq_recv = vib_post_srq_recv,
	.query_srq = vib_query_srq,

	INIT_RDMA_OBJ_SIZE(ib_srq, vib_srq, ibsrq),
};

static const struct ib_device_ops vib_rn_dev_ops = {
	.rdma_netdev_get_params = vib_rn_params,
};

/**
 * vib_dev_register() - make an HCA known to the RDMA core
 * @hca: the HCA, its port attached to the fabric
 *
 * Context: process, sleeps; clients of the core run inside.
 * Return: 0 or -errno.
 */
int vib_dev_register(struct vib_hca *hca)
{
	struct ib_device *ibdev = &hca->ibdev;
	char name[IB_DEVICE_NAME_MAX];

	ibdev->node_type = RDMA_NODE_IB_CA;
	ibdev->phys_port_cnt = 1;
	ibdev->num_comp_vectors = hca->caps.vectors;
	ibdev->node_guid = hca->node_guid;
	ibdev->local_dma_lkey = 0;
	ibdev->dev.parent = &hca->pdev->dev;
	snprintf(ibdev->node_desc, sizeof(ibdev->node_desc), "vib host %u",
		 hca->idx);
	ibdev->uverbs_cmd_mask |=
		BIT_ULL(IB_USER_VERBS_CMD_POLL_CQ) |
		BIT_ULL(IB_USER_VERBS_CMD_REQ_NOTIFY_CQ) |
		BIT_ULL(IB_USER_VERBS_CMD_POST_SEND) |
		BIT_ULL(IB_USER_VERBS_CMD_POST_RECV) |
		BIT_ULL(IB_USER_VERBS_CMD_POST_SRQ_RECV);
	ib_set_device_ops(ibdev, &vib_dev_ops);
	if (hca->caps.srq)
		ib_set_device_ops(ibdev, &vib_srq_ops);
	if (hca->caps.accel)
		ib_set_device_ops(ibdev, &vib_rn_dev_ops);
	snprintf(name, sizeof(name), "vib%u", hca->idx);
	/* No DMA device: addresses in work requests are kernel addresses. */
	return ib_register_device(ibdev, name, NULL);
}
