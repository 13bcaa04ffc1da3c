// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: accelerated netdevs for IPoIB (struct rdma_netdev).
 *
 * accel=1: the HCA has its own QP for an interface, which receives, and ops
 * of its own; IPoIB keeps to paths and groups. accel=2: the HCA calls the ops
 * that IPoIB had set. IPoIB's QP gives the interface its number and receives,
 * and only sends come here. Both kinds exist in hardware, and make other
 * demands on IPoIB.
 *
 * Sends make packets at once, without a queue. Receives are copied. What counts
 * is the contract, not speed.
 *
 * Lifetime: the QP lives between ndo_init and ndo_uninit, and takes packets
 * between ndo_open and ndo_stop, which drains it.
 */

#include <linux/if_infiniband.h>
#include <linux/netdevice.h>

#include "vib_verbs.h"

#define VIB_RN_QUEUES	2	/* of a netdev; they share the QP */
#define VIB_RN_RX	128	/* receive buffers */
#define VIB_RN_ENCAP	4	/* RFC 4391 section 6 */
#define VIB_RN_PSEUDO	INFINIBAND_ALEN	/* in front, for the stack */

/**
 * struct vib_rn_rx - a receive buffer
 * @cqe: whose completion it is
 * @rn: netdev
 * @buf: GRH, then packet
 */
struct vib_rn_rx {
	struct ib_cqe cqe;
	struct vib_rn *rn;
	u8 buf[VIB_GRH_LEN + 4096];
};

/**
 * struct vib_rn - private part of an accelerated netdev
 * @core: what IPoIB knows; first
 * @dev: the netdev
 * @hca: the HCA
 * @base: ops that IPoIB had set, with accel=2
 * @pd: of @qp, with accel=1
 * @cq: likewise
 * @qp: the QP that receives
 * @rx: receive buffers, with accel=1
 * @qkey: Q_Key of the broadcast group
 * @pkey_index: set by IPoIB; VIB_NUM_PKEYS: not yet
 */
struct vib_rn {
	struct rdma_netdev core;
	struct net_device *dev;
	struct vib_hca *hca;
	const struct net_device_ops *base;
	struct ib_pd *pd;
	struct ib_cq *cq;
	struct ib_qp *qp;
	struct vib_rn_rx *rx;
	u32 qkey;
	u16 pkey_index;
};

/* ---- sends ---- */

static int vib_rn_send(struct net_device *dev, struct sk_buff *skb,
		       struct ib_ah *ah, u32 dqpn)
{
	struct vib_rn *rn = netdev_priv(dev);
	struct vib_port *port = &rn->hca->port;
	u16 index = READ_ONCE(rn->pkey_index);
	struct vib_pkt *pkt = NULL;

	if (index < VIB_NUM_PKEYS &&
	    skb->len <= ib_mtu_enum_to_int(READ_ONCE(port->active_mtu)))
		pkt = vib_pkt_alloc(skb->len, GFP_ATOMIC);
	if (!pkt || skb_copy_bits(skb, 0, pkt->data, skb->len)) {
		dev_core_stats_tx_dropped_inc(dev);
		goto out;
	}
	pkt->op = VIB_OP_UD_SEND;
	pkt->dqpn = dqpn;
	pkt->sqpn = rn->qp->qp_num;
	pkt->pkey = READ_ONCE(port->pkey[index]);
	pkt->qkey = READ_ONCE(rn->qkey);
	vib_av_apply(port, &to_vah(ah)->av, pkt);
	dev_sw_netstats_tx_add(dev, 1, skb->len);
	rcu_read_lock();
	vib_port_send(port, pkt, to_vqp(rn->qp));
	rcu_read_unlock();
	pkt = NULL;
out:
	if (pkt)
		vib_pkt_put(pkt);
	dev_kfree_skb_any(skb);
	return 0;
}

/* ---- receives ---- */

static void vib_rn_post(struct vib_rn_rx *rx)
{
	struct ib_sge sge = {
		.addr = (uintptr_t)rx->buf,
		.length = sizeof(rx->buf),
		.lkey = rx->rn->pd->local_dma_lkey,
	};
	struct ib_recv_wr wr = {
		.wr_cqe = &rx->cqe,
		.sg_list = &sge,
		.num_sge = 1,
	};

	if (ib_post_recv(rx->rn->qp, &wr, NULL))
		netdev_err(rx->rn->dev, "cannot post a receive\n");
}

static void vib_rn_deliver(struct vib_rn *rn, const u8 *data, u32 len,
			   const struct ib_wc *wc, const struct ib_grh *grh)
{
	struct net_device *dev = rn->dev;
	struct sk_buff *skb;

	skb = netdev_alloc_skb(dev, VIB_RN_PSEUDO + len);
	if (!skb) {
		dev_core_stats_rx_dropped_inc(dev);
		return;
	}
	memset(skb_put(skb, VIB_RN_PSEUDO), 0, VIB_RN_PSEUDO);
	skb_put_data(skb, data, len);
	skb_reset_mac_header(skb);
	memcpy(&skb->protocol, data, sizeof(skb->protocol));
	skb_pull(skb, VIB_RN_PSEUDO + VIB_RN_ENCAP);
	if ((wc->wc_flags & IB_WC_GRH) && grh->dgid.raw[0] == 0xff)
		skb->pkt_type = memcmp(dev->broadcast + 4, grh->dgid.raw,
				       sizeof(grh->dgid)) ? PACKET_MULTICAST :
							    PACKET_BROADCAST;
	dev_sw_netstats_rx_add(dev, len);
	netif_receive_skb(skb);
}

static void vib_rn_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct vib_rn_rx *rx = container_of(wc->wr_cqe, struct vib_rn_rx, cqe);
	struct vib_rn *rn = rx->rn;
	const struct vib_port *port = &rn->hca->port;

	/* Flushed: the interface stops. */
	if (wc->status)
		return;
	/* One's own multicast comes back where the HCA cannot hold it off. */
	if (wc->byte_len >= VIB_GRH_LEN + VIB_RN_ENCAP &&
	    !(wc->src_qp == rn->qp->qp_num &&
	      wc->slid == READ_ONCE(port->lid)))
		vib_rn_deliver(rn, rx->buf + VIB_GRH_LEN,
			       wc->byte_len - VIB_GRH_LEN, wc, (void *)rx->buf);
	vib_rn_post(rx);
}

/* ---- ops with a QP of its own ---- */

static int vib_rn_make_qp(struct vib_rn *rn)
{
	struct ib_qp_init_attr attr = {
		.cap.max_send_wr = 1,
		.cap.max_recv_wr = VIB_RN_RX + 1,
		.cap.max_send_sge = 1,
		.cap.max_recv_sge = 1,
		.sq_sig_type = IB_SIGNAL_ALL_WR,
		.qp_type = IB_QPT_UD,
	};

	/* With room for the marks that draining posts. */
	rn->cq = ib_alloc_cq(&rn->hca->ibdev, rn, VIB_RN_RX + 8, 0,
			     IB_POLL_SOFTIRQ);
	if (IS_ERR(rn->cq))
		return PTR_ERR(rn->cq);
	attr.send_cq = rn->cq;
	attr.recv_cq = rn->cq;
	if (rn->hca->caps.block_mcast_loop)
		attr.create_flags |= IB_QP_CREATE_BLOCK_MULTICAST_LOOPBACK;
	rn->qp = ib_create_qp(rn->pd, &attr);
	if (IS_ERR(rn->qp)) {
		ib_free_cq(rn->cq);
		return PTR_ERR(rn->qp);
	}
	return 0;
}

static int vib_rn_init(struct net_device *dev)
{
	struct vib_rn *rn = netdev_priv(dev);
	u8 hw[INFINIBAND_ALEN] = {};
	int i, err = -ENOMEM;

	rn->rx = kvcalloc(VIB_RN_RX, sizeof(*rn->rx), GFP_KERNEL);
	if (!rn->rx)
		return err;
	for (i = 0; i < VIB_RN_RX; i++) {
		rn->rx[i].rn = rn;
		rn->rx[i].cqe.done = vib_rn_done;
	}
	rn->pd = ib_alloc_pd(&rn->hca->ibdev, 0);
	if (IS_ERR(rn->pd)) {
		err = PTR_ERR(rn->pd);
		goto err_rx;
	}
	err = vib_rn_make_qp(rn);
	if (err)
		goto err_pd;
	hw[1] = rn->qp->qp_num >> 16;
	hw[2] = rn->qp->qp_num >> 8;
	hw[3] = rn->qp->qp_num;
	dev_addr_mod(dev, 0, hw, 4);
	return 0;

err_pd:
	ib_dealloc_pd(rn->pd);
err_rx:
	kvfree(rn->rx);
	return err;
}

static void vib_rn_uninit(struct net_device *dev)
{
	struct vib_rn *rn = netdev_priv(dev);

	ib_destroy_qp(rn->qp);
	ib_free_cq(rn->cq);
	ib_dealloc_pd(rn->pd);
	kvfree(rn->rx);
}

static int vib_rn_open(struct net_device *dev)
{
	struct vib_rn *rn = netdev_priv(dev);
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_RESET,
		.pkey_index = rn->pkey_index,
		.port_num = 1,
		.qkey = rn->qkey,
	};
	int i, err;

	err = ib_modify_qp(rn->qp, &attr, IB_QP_STATE);
	attr.qp_state = IB_QPS_INIT;
	if (!err)
		err = ib_modify_qp(rn->qp, &attr, IB_QP_STATE | IB_QP_PORT |
				   IB_QP_PKEY_INDEX | IB_QP_QKEY);
	attr.qp_state = IB_QPS_RTR;
	if (!err)
		err = ib_modify_qp(rn->qp, &attr, IB_QP_STATE);
	attr.qp_state = IB_QPS_RTS;
	if (!err)
		err = ib_modify_qp(rn->qp, &attr, IB_QP_STATE | IB_QP_SQ_PSN);
	for (i = 0; !err && i < VIB_RN_RX; i++)
		vib_rn_post(&rn->rx[i]);
	return err;
}

static int vib_rn_stop(struct net_device *dev)
{
	struct vib_rn *rn = netdev_priv(dev);

	/* Nothing was ever posted to the send queue. */
	ib_drain_rq(rn->qp);
	return 0;
}

static const struct net_device_ops vib_rn_ops = {
	.ndo_init = vib_rn_init,
	.ndo_uninit = vib_rn_uninit,
	.ndo_open = vib_rn_open,
	.ndo_stop = vib_rn_stop,
	.ndo_get_stats64 = dev_get_tstats64,
};

/* ---- ops over those of IPoIB ---- */

static int vib_rn_over_init(struct net_device *dev)
{
	struct vib_rn *rn = netdev_priv(dev);
	const u8 *hw = dev->dev_addr;
	struct vib_qp *qp;
	int err;

	err = rn->base->ndo_init(dev);
	if (err)
		return err;
	/* IPoIB's QP lives until ndo_uninit. */
	qp = xa_load(&rn->hca->qps, hw[1] << 16 | hw[2] << 8 | hw[3]);
	if (!qp) {
		rn->base->ndo_uninit(dev);
		return -ENOENT;
	}
	rn->qp = &qp->ibqp;
	return 0;
}

static void vib_rn_over_uninit(struct net_device *dev)
{
	struct vib_rn *rn = netdev_priv(dev);

	rn->qp = NULL;
	rn->base->ndo_uninit(dev);
}

static int vib_rn_over_open(struct net_device *dev)
{
	struct vib_rn *rn = netdev_priv(dev);

	return rn->base->ndo_open(dev);
}

static int vib_rn_over_stop(struct net_device *dev)
{
	struct vib_rn *rn = netdev_priv(dev);

	return rn->base->ndo_stop(dev);
}

static const struct net_device_ops vib_rn_over_ops = {
	.ndo_init = vib_rn_over_init,
	.ndo_uninit = vib_rn_over_uninit,
	.ndo_open = vib_rn_over_open,
	.ndo_stop = vib_rn_over_stop,
	.ndo_get_stats64 = dev_get_tstats64,
};

/* ---- groups, identity, set-up ---- */

static int vib_rn_attach(struct net_device *dev, struct ib_device *hca,
			 union ib_gid *gid, u16 mlid, int set_qkey, u32 qkey)
{
	struct vib_rn *rn = netdev_priv(dev);
	struct ib_qp_attr attr = { .qkey = qkey };
	int err;

	if (set_qkey) {
		WRITE_ONCE(rn->qkey, qkey);
		err = ib_modify_qp(rn->qp, &attr, IB_QP_QKEY);
		if (err)
			return err;
	}
	return ib_attach_mcast(rn->qp, gid, mlid);
}

static int vib_rn_detach(struct net_device *dev, struct ib_device *hca,
			 union ib_gid *gid, u16 mlid)
{
	struct vib_rn *rn = netdev_priv(dev);

	return ib_detach_mcast(rn->qp, gid, mlid);
}

static void vib_rn_set_id(struct net_device *dev, int id)
{
	struct vib_rn *rn = netdev_priv(dev);

	WRITE_ONCE(rn->pkey_index, id);
}

static void vib_rn_free(struct net_device *dev)
{
	free_percpu(dev->tstats);
	dev->tstats = NULL;
}

static int vib_rn_setup(struct ib_device *ibdev, u32 port_num,
			struct net_device *dev, void *param)
{
	struct vib_rn *rn = netdev_priv(dev);

	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	if (!dev->tstats)
		return -ENOMEM;
	rn->dev = dev;
	rn->hca = to_vhca(ibdev);
	rn->pkey_index = VIB_NUM_PKEYS;
	rn->core.hca = ibdev;
	rn->core.port_num = port_num;
	rn->core.send = vib_rn_send;
	rn->core.attach_mcast = vib_rn_attach;
	rn->core.detach_mcast = vib_rn_detach;
	rn->core.set_id = vib_rn_set_id;
	rn->base = dev->netdev_ops;
	dev->netdev_ops = rn->hca->caps.accel == 2 ? &vib_rn_over_ops :
						     &vib_rn_ops;
	dev->priv_destructor = vib_rn_free;
	return 0;
}

/**
 * vib_rn_params() - ib_device_ops.rdma_netdev_get_params
 * @ibdev: the HCA
 * @port_num: 1
 * @type: kind of netdev
 * @params: filled in
 *
 * Return: 0, or -EOPNOTSUPP unless it is one for IPoIB.
 */
int vib_rn_params(struct ib_device *ibdev, u32 port_num,
		  enum rdma_netdev_t type,
		  struct rdma_netdev_alloc_params *params)
{
	if (type != RDMA_NETDEV_IPOIB)
		return -EOPNOTSUPP;
	*params = (struct rdma_netdev_alloc_params) {
		.sizeof_priv = sizeof(struct vib_rn),
		.txqs = VIB_RN_QUEUES,
		.rxqs = 1,
		.initialize_rdma_netdev = vib_rn_setup,
	};
	return 0;
}
