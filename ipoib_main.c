// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module, RDMA client, netdevs and their ops. Wiring only.
 *
 * Two layers of net_device_ops: ours on top, and below them, in
 * priv->rn_ops, those that know how packets move: the provider's on an
 * accelerated netdev, ipoib_netdev_default on plain verbs. A provider may
 * also call ipoib_netdev_default, which it finds in dev->netdev_ops when it
 * sets its netdev up.
 */
#include <linux/module.h>
#include <net/pkt_sched.h>

#include "ipoib.h"
#include "ipoib_client.h"
#include "ipoib_ib.h"
#include "ipoib_rss.h"
#include "ipoib_selftest.h"
#include "ipoib_vf.h"
#include "ipoib_trace.h"

/* The stack reports a stuck queue after this long. */
#define IPOIB_WATCHDOG		(10 * HZ)
/* As for Ethernet: smallest IPv4 MTU, behind the encapsulation header. */
#define IPOIB_MIN_MTU		(ETH_MIN_MTU + IPOIB_ENCAP_LEN)
#define IPOIB_SCOPE_LINK	2
#define IPOIB_DEFAULT_PKEY	0xffff

static int send_queue_size __read_mostly = 128;
module_param(send_queue_size, int, 0444);
MODULE_PARM_DESC(send_queue_size,
		 "Sends in flight per queue, packets (64-8192, power of two, default 128)");

static int recv_queue_size __read_mostly = 256;
module_param(recv_queue_size, int, 0444);
MODULE_PARM_DESC(recv_queue_size,
		 "Receives posted per queue, packets (64-8192, power of two, default 256)");

static int park_limit __read_mostly = 128;
module_param(park_limit, int, 0444);
MODULE_PARM_DESC(park_limit,
		 "Packets kept per unresolved neighbour or group (1-4096, default 128)");

static int num_queues __read_mostly;
module_param(num_queues, int, 0444);
MODULE_PARM_DESC(num_queues,
		 "Queues an interface starts with, 1-16; 0: as many as CPUs and completion vectors allow, 8 at most (default 0)");

static bool queue_discovery __read_mostly = true;
module_param(queue_discovery, bool, 0644);
MODULE_PARM_DESC(queue_discovery,
		 "New interfaces ask peers for their queues and tell their own (default Y)");

module_param_named(max_nonsrq_conn_qp, ipoib_cm_max_nonsrq, int, 0444);
MODULE_PARM_DESC(max_nonsrq_conn_qp,
		 "Connections that peers may have to one interface if the HCA has no shared receive queue (0-4096, default 128)");

module_param_named(max_connections, ipoib_cm_max_connections, int, 0444);
MODULE_PARM_DESC(max_connections,
		 "Connections of one interface, both directions together (1-65536, default 1024)");

module_param_named(connection_idle, ipoib_cm_idle_seconds, int, 0444);
MODULE_PARM_DESC(connection_idle,
		 "Seconds after which a connection that nobody uses is ended (1-86400, default 300)");

static bool ipoib_enhanced __read_mostly = true;
module_param(ipoib_enhanced, bool, 0444);
MODULE_PARM_DESC(ipoib_enhanced,
		 "Use the accelerated netdev of the HCA's driver if it has one (default Y)");

int ipoib_debug_level;
module_param_named(debug_level, ipoib_debug_level, int, 0644);
MODULE_PARM_DESC(debug_level, "Log state changes and events if > 0 (default 0)");

int ipoib_mcast_debug_level;
module_param_named(mcast_debug_level, ipoib_mcast_debug_level, int, 0644);
MODULE_PARM_DESC(mcast_debug_level, "Log multicast joins and leaves if > 0 (default 0)");

/* ---- ops of the verbs path, below ours ---- */

static int verbs_init(struct net_device *dev)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	u8 hw[INFINIBAND_ALEN];
	int err;

	err = ipoib_qset_create(priv);
	if (err) {
		netdev_err(dev, "creating the queues: %d\n", err);
		return err;
	}
	/* The flag says what is possible; the mode does not change it, since a
	 * changed address is another neighbour.
	 */
	ipoib_hw_set(hw, ipoib_cm_possible(priv) ? IPOIB_HW_RC : 0, priv->qpn,
		     priv->fport.gid.raw);
	__dev_addr_set(dev, hw, sizeof(hw));
	return 0;
}

static void verbs_uninit(struct net_device *dev)
{
	ipoib_qset_destroy(ipoib_priv(dev));
}

static int verbs_open(struct net_device *dev)
{
	return ipoib_qset_start(ipoib_priv(dev));
}

static int verbs_stop(struct net_device *dev)
{
	ipoib_qset_stop(ipoib_priv(dev));
	return 0;
}

const struct net_device_ops ipoib_netdev_default = {
	.ndo_init = verbs_init,
	.ndo_uninit = verbs_uninit,
	.ndo_open = verbs_open,
	.ndo_stop = verbs_stop,
};

/* ---- our ops ---- */

static void set_features(struct ipoib_priv *priv)
{
	const struct ib_device_attr *attrs = &priv->hca->attrs;
	struct net_device *dev = priv->dev;
	netdev_features_t f = 0;

	if (priv->accel)
		return;
	if (attrs->max_send_sge > 1)
		f |= NETIF_F_SG;
	/* RFC 4391 has no offload of its own; the verbs promise IPv4 only. */
	if (attrs->device_cap_flags & IB_DEVICE_UD_IP_CSUM)
		f |= NETIF_F_IP_CSUM | NETIF_F_RXCSUM;
	if ((attrs->kernel_cap_flags & IBK_UD_TSO) && (f & NETIF_F_IP_CSUM))
		f |= NETIF_F_TSO;
	dev->hw_features |= f;
	dev->features |= f;
}

static int init_tables(struct ipoib_priv *priv)
{
	int err;

	err = ipoib_path_init(priv);
	if (err)
		return err;
	err = ipoib_neigh_init(priv);
	if (err)
		goto exit_path;
	err = ipoib_mcast_init(priv);
	if (err)
		goto exit_neigh;
	err = ipoib_cm_init(priv);
	if (err)
		goto exit_mcast;
	ipoib_pmtu_init(priv);
	ipoib_disc_init(priv, READ_ONCE(queue_discovery));
	return 0;

exit_mcast:
	ipoib_mcast_exit(priv);
exit_neigh:
	ipoib_neigh_exit(priv);
exit_path:
	ipoib_path_exit(priv);
	return err;
}

static void exit_tables(struct ipoib_priv *priv)
{
	ipoib_disc_exit(priv);
	ipoib_cm_exit(priv);
	ipoib_mcast_exit(priv);
	ipoib_neigh_exit(priv);
	ipoib_path_exit(priv);
	ipoib_pmtu_exit(priv);
}

static int ipoib_ndo_init(struct net_device *dev)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	u8 hw[INFINIBAND_ALEN];
	int err;

	priv->wq = alloc_ordered_workqueue("ipoib_%s", WQ_MEM_RECLAIM,
					   dev->name);
	if (!priv->wq)
		return -ENOMEM;
	priv->pd = ib_alloc_pd(priv->hca, 0);
	if (IS_ERR(priv->pd)) {
		err = PTR_ERR(priv->pd);
		goto free_wq;
	}
	err = init_tables(priv);
	if (err)
		goto free_pd;
	mutex_lock(&priv->state.lock);
	err = ipoib_state_identify(priv);
	mutex_unlock(&priv->state.lock);
	/* The P_Key may come later; a port that does not answer will not. */
	if (err && err != -ENOENT)
		goto free_tables;
	err = priv->rn_ops->ndo_init(dev);
	if (err)
		goto free_tables;

	priv->qpn = ipoib_hw_qpn(dev->dev_addr);
	ipoib_hw_set(hw, dev->dev_addr[0], priv->qpn, priv->fport.gid.raw);
	__dev_addr_set(dev, hw, sizeof(hw));
	set_features(priv);
	ipoib_state_watch(priv);
	ipoib_debugfs_add(priv);
	return 0;

free_tables:
	exit_tables(priv);
free_pd:
	ib_dealloc_pd(priv->pd);
free_wq:
	destroy_workqueue(priv->wq);
	return err;
}

/* Phase one: unlink. No dump, event or work item finds the interface any
 * more; the stack has stopped sending and stopped the interface.
 * Phase two: drain. Rings were drained by ndo_stop; the tables give their
 * address handles up; when the last is gone nothing uses the PD.
 */
static void ipoib_ndo_uninit(struct net_device *dev)
{
	struct ipoib_priv *priv = ipoib_priv(dev);

	ipoib_debugfs_del(priv);
	ipoib_state_unwatch(priv);
	exit_tables(priv);

	priv->rn_ops->ndo_uninit(dev);
	ipoib_ah_drain(priv);
	destroy_workqueue(priv->wq);
	ib_dealloc_pd(priv->pd);
}

static int ipoib_ndo_open(struct net_device *dev)
{
	return ipoib_state_up(ipoib_priv(dev));
}

static int ipoib_ndo_stop(struct net_device *dev)
{
	ipoib_state_down(ipoib_priv(dev));
	return 0;
}

static int ipoib_ndo_change_mtu(struct net_device *dev, int mtu)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	u32 allowed = READ_ONCE(priv->mcast_mtu);

	if (priv->rn_ops->ndo_change_mtu) {
		int err = priv->rn_ops->ndo_change_mtu(dev, mtu);

		if (err)
			return err;
	}
	priv->admin_mtu = mtu;
	if (priv->mode == IPOIB_MODE_CONNECTED) {
		WRITE_ONCE(dev->mtu, mtu);
		return 0;
	}
	if (mtu > allowed)
		netdev_info(dev, "MTU %d, but the broadcast group allows %u\n",
			    mtu, allowed);
	WRITE_ONCE(dev->mtu, min_t(u32, mtu, allowed));
	return 0;
}

/* The stack does for connections what the HCA can do for datagrams only. */
static netdev_features_t ipoib_ndo_fix_features(struct net_device *dev,
						netdev_features_t features)
{
	if (ipoib_priv(dev)->mode == IPOIB_MODE_CONNECTED)
		features &= ~(NETIF_F_IP_CSUM | NETIF_F_TSO);
	return features;
}

static void ipoib_ndo_set_rx_mode(struct net_device *dev)
{
	ipoib_mcast_sync(ipoib_priv(dev));
}

/* Says what hangs, and has that queue reset; the others go on. */
static void queue_timeout(struct ipoib_queue *q)
{
	struct net_device *dev = q->priv->dev;
	u32 busy = READ_ONCE(q->tx.head) - READ_ONCE(q->tx.tail);
	unsigned long since = READ_ONCE(q->tx.txq->trans_start);

	trace_ipoib_tx_timeout(dev, q->index, busy);
	netdev_warn(dev,
		    "queue %u stuck for %u ms: %u of %u sends in flight, %u not posted, state %s; resetting it\n",
		    q->index, jiffies_to_msecs(jiffies - since), busy,
		    READ_ONCE(q->tx.limit), READ_ONCE(q->tx.n_chain),
		    ipoib_oper_name(READ_ONCE(q->priv->state.oper)));
	set_bit(IPOIB_Q_TX_TIMEOUT, &q->flags);
	ipoib_state_kick(q->priv, IPOIB_ST_RECOVER);
}

static void ipoib_ndo_tx_timeout(struct net_device *dev, unsigned int txqueue)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	struct rdma_netdev *rn = netdev_priv(dev);
	const struct ipoib_qset *set;

	ipoib_count(&priv->reasons, IPOIB_R_TX_TIMEOUT);
	if (priv->accel) {
		if (rn->tx_timeout)
			rn->tx_timeout(dev, txqueue);
		return;
	}
	rcu_read_lock();
	set = rcu_dereference(priv->qset);
	if (txqueue < set->total)
		queue_timeout(set->q[txqueue]);
	rcu_read_unlock();
}

/* The interface ID may change, to one that the port has or will have; QPN and
 * subnet prefix are not the administrator's to choose.
 */
static int ipoib_ndo_set_mac_address(struct net_device *dev, void *p)
{
	const struct sockaddr_storage *ss = p;
	const u8 *hw = (const u8 *)ss->__data;
	struct ipoib_priv *priv = ipoib_priv(dev);
	__be64 guid;

	if (!(dev->priv_flags & IFF_LIVE_ADDR_CHANGE) && netif_running(dev))
		return -EBUSY;
	if (memcmp(hw, dev->dev_addr, 12)) {
		netdev_err(dev,
			   "only the last 8 bytes of the address can change\n");
		return -EINVAL;
	}
	memcpy(&guid, hw + 12, sizeof(guid));
	if (!guid)
		return -EADDRNOTAVAIL;
	mutex_lock(&priv->state.lock);
	priv->admin_guid = guid;
	priv->fport.gid.global.interface_id = guid;
	mutex_unlock(&priv->state.lock);
	__dev_addr_set(dev, hw, INFINIBAND_ALEN);
	ipoib_state_kick(priv, IPOIB_ST_FLUSH_HEAVY);
	return 0;
}

/* A provider that has rules of its own for its queues keeps them. */
static u16 ipoib_ndo_select_queue(struct net_device *dev, struct sk_buff *skb,
				  struct net_device *sb_dev)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);

	if (!priv->accel)
		return ipoib_select_queue(dev, skb, sb_dev);
	if (priv->rn_ops->ndo_select_queue)
		return priv->rn_ops->ndo_select_queue(dev, skb, sb_dev);
	return netdev_pick_tx(dev, skb, sb_dev);
}

static int ipoib_ndo_eth_ioctl(struct net_device *dev, struct ifreq *ifr,
			       int cmd)
{
	const struct net_device_ops *ops = ipoib_priv(dev)->rn_ops;

	if (!ops->ndo_eth_ioctl)
		return -EOPNOTSUPP;
	return ops->ndo_eth_ioctl(dev, ifr, cmd);
}

#define IPOIB_COMMON_NDOS						\
	.ndo_init = ipoib_ndo_init,					\
	.ndo_uninit = ipoib_ndo_uninit,					\
	.ndo_open = ipoib_ndo_open,					\
	.ndo_stop = ipoib_ndo_stop,					\
	.ndo_start_xmit = ipoib_start_xmit,				\
	.ndo_select_queue = ipoib_ndo_select_queue,			\
	.ndo_change_mtu = ipoib_ndo_change_mtu,				\
	.ndo_fix_features = ipoib_ndo_fix_features,			\
	.ndo_set_rx_mode = ipoib_ndo_set_rx_mode,			\
	.ndo_tx_timeout = ipoib_ndo_tx_timeout,				\
	.ndo_get_stats64 = ipoib_get_stats64,				\
	.ndo_eth_ioctl = ipoib_ndo_eth_ioctl

/* A virtual function has neither functions below it nor an address of its
 * own choice.
 */
static const struct net_device_ops ipoib_netdev_ops_vf = {
	IPOIB_COMMON_NDOS,
};

static const struct net_device_ops ipoib_netdev_ops = {
	IPOIB_COMMON_NDOS,
	.ndo_set_mac_address = ipoib_ndo_set_mac_address,
	.ndo_set_vf_link_state = ipoib_vf_set_link_state,
	.ndo_get_vf_config = ipoib_vf_get_config,
	.ndo_get_vf_stats = ipoib_vf_get_stats,
	.ndo_set_vf_guid = ipoib_vf_set_guid,
	.ndo_get_vf_guid = ipoib_vf_get_guid,
};

static const struct header_ops ipoib_header_ops = {
	.create = ipoib_hard_header,
};

/**
 * ipoib_is_ours() - is this netdev one of this driver?
 * @dev: any netdev
 *
 * Context: any.
 * Return: true if ipoib_priv() may be used on it.
 */
bool ipoib_is_ours(const struct net_device *dev)
{
	return dev->netdev_ops == &ipoib_netdev_ops ||
	       dev->netdev_ops == &ipoib_netdev_ops_vf;
}

/* ---- making an interface ---- */

/**
 * ipoib_setup_common() - setup function of every IPoIB netdev
 * @dev: netdev, also when a provider allocates it
 *
 * Context: any.
 */
void ipoib_setup_common(struct net_device *dev)
{
	u8 *bcast = dev->broadcast;

	dev->header_ops = &ipoib_header_ops;
	dev->netdev_ops = &ipoib_netdev_default;
	ipoib_set_ethtool_ops(dev);
	dev->watchdog_timeo = IPOIB_WATCHDOG;
	dev->type = ARPHRD_INFINIBAND;
	dev->flags |= IFF_BROADCAST | IFF_MULTICAST;
	dev->hard_header_len = IPOIB_HARD_LEN;
	dev->addr_len = INFINIBAND_ALEN;
	dev->tx_queue_len = DEFAULT_TX_QUEUE_LEN;
	dev->features = NETIF_F_VLAN_CHALLENGED | NETIF_F_HIGHDMA;
	dev->min_mtu = IPOIB_MIN_MTU;
	netif_keep_dst(dev);
	ipoib_hw_set(bcast, 0, IB_MULTICAST_QPN, bcast + 4);
	ipoib_mgid_broadcast(bcast + 4, IPOIB_SCOPE_LINK, IPOIB_DEFAULT_PKEY);
}

static void set_params(struct ipoib_params *p)
{
	p->tx_ring = send_queue_size;
	p->rx_ring = recv_queue_size;
	p->park_limit = park_limit;
}

/* A netdev with room for more than one queue gets what handles many; the
 * queues themselves are made by verbs_init().
 */
static int verbs_setup(struct ipoib_priv *priv)
{
	struct net_device *dev = priv->dev;
	struct rdma_netdev *rn = netdev_priv(dev);
	u32 n = num_queues ?: ipoib_channels_default(priv->hca);
	int err;

	if (dev->num_tx_queues > 1) {
		rn->send = ipoib_send_rss;
		rn->attach_mcast = ipoib_mcast_attach_rss;
		ipoib_set_ethtool_ops_rss(dev);
	} else {
		rn->send = ipoib_send;
		rn->attach_mcast = ipoib_mcast_attach;
	}
	rn->detach_mcast = ipoib_mcast_detach;
	rn->hca = priv->hca;
	ipoib_offer_queue_stats(dev);
	priv->params.queues = min3(n, dev->num_tx_queues, dev->num_rx_queues);
	err = netif_set_real_num_tx_queues(dev, priv->params.queues);
	return err ?: netif_set_real_num_rx_queues(dev, priv->params.queues);
}

static void ipoib_build_priv(struct net_device *dev)
{
	struct ipoib_priv *priv = ipoib_priv(dev);

	priv->dev = dev;
	set_params(&priv->params);
	ipoib_state_init(priv);
	INIT_LIST_HEAD(&priv->ports_node);
}

/* Last user of an interface's memory; the netdev core frees the rest. */
static void ipoib_intf_free(struct net_device *dev)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	struct rdma_netdev *rn = netdev_priv(dev);

	dev->priv_destructor = priv->next_priv_destructor;
	if (dev->priv_destructor)
		dev->priv_destructor(dev);
	dev->priv_destructor = NULL;
	rn->clnt_priv = NULL;
	kfree(priv);
}

/**
 * ipoib_get_rn_ops() - the ops below ours
 * @priv: interface whose kind is decided
 *
 * Return: the provider's on an accelerated netdev, else the verbs path's.
 */
const struct net_device_ops *ipoib_get_rn_ops(struct ipoib_priv *priv)
{
	return priv->accel ? priv->dev->netdev_ops : &ipoib_netdev_default;
}

/**
 * ipoib_get_netdev_ops() - our ops, to be installed above priv->rn_ops
 * @priv: the interface
 *
 * Return: the ops.
 */
const struct net_device_ops *ipoib_get_netdev_ops(struct ipoib_priv *priv)
{
	if (priv->hca->attrs.kernel_cap_flags & IBK_VIRTUAL_FUNCTION)
		return &ipoib_netdev_ops_vf;
	return &ipoib_netdev_ops;
}

static int read_port(struct ipoib_priv *priv)
{
	struct net_device *dev = priv->dev;
	struct ib_port_attr attr;
	int err;

	err = ib_query_port(priv->hca, priv->port, &attr);
	if (err)
		return err;
	priv->max_ib_mtu = ib_mtu_enum_to_int(attr.max_mtu);
	dev->max_mtu = ipoib_ud_mtu(priv->max_ib_mtu);
	priv->mcast_mtu = ipoib_ud_mtu(ib_mtu_enum_to_int(attr.active_mtu));
	priv->admin_mtu = dev->max_mtu;
	dev->mtu = min(priv->mcast_mtu, priv->admin_mtu);
	return 0;
}

/**
 * ipoib_intf_init() - turn an allocated netdev into an IPoIB interface
 * @hca: RDMA device
 * @port: port number
 * @name: netdev name or pattern
 * @dev: netdev, allocated with ipoib_setup_common()
 *
 * Asks the HCA's driver for an accelerated netdev first, unless the module
 * parameter ipoib_enhanced is off; without one the interface gets our own
 * verbs path.
 *
 * Context: may sleep.
 * Return: 0; the provider's -errno; -ENOMEM. After an error the netdev is as
 * before, for the caller to free.
 */
int ipoib_intf_init(struct ib_device *hca, u32 port, const char *name,
		    struct net_device *dev)
{
	struct rdma_netdev *rn = netdev_priv(dev);
	struct ipoib_priv *priv;
	int err = -EOPNOTSUPP;

	priv = kzalloc(sizeof(*priv), GFP_KERNEL);
	if (!priv)
		return -ENOMEM;
	priv->dev = dev;
	priv->hca = hca;
	priv->port = port;
	priv->fabric = &ipoib_fabric_ib;
	priv->fport = (struct ipoib_fabric_port){
		.ops = priv->fabric,
		.hca = hca,
		.port = port,
		.pkey = IPOIB_DEFAULT_PKEY,
	};

	if (ipoib_enhanced)
		err = rdma_init_netdev(hca, port, RDMA_NETDEV_IPOIB, name,
				       NET_NAME_UNKNOWN, ipoib_setup_common,
				       dev);
	if (err && err != -EOPNOTSUPP)
		goto free_priv;
	priv->accel = !err;
	if (priv->accel) {
		/* If it uses our ops below its own: the primary, no more. */
		priv->params.queues = 1;
	} else {
		err = verbs_setup(priv);
		if (err)
			goto free_priv;
	}
	err = read_port(priv);
	if (err)
		goto undo_provider;

	priv->rn_ops = ipoib_get_rn_ops(priv);
	dev->netdev_ops = ipoib_get_netdev_ops(priv);
	rn->clnt_priv = priv;
	/* Until the netdev is registered an error path of the core would call
	 * the destructor at a time when only the caller knows what is left.
	 */
	priv->next_priv_destructor = dev->priv_destructor;
	dev->priv_destructor = NULL;
	ipoib_build_priv(dev);
	return 0;

undo_provider:
	/* free_netdev() alone does not call it. */
	if (dev->priv_destructor)
		dev->priv_destructor(dev);
	dev->priv_destructor = NULL;
free_priv:
	kfree(priv);
	return err;
}

static struct net_device *ipoib_alloc_netdev(struct ib_device *hca, u32 port,
					     const char *name)
{
	struct net_device *dev = ERR_PTR(-EOPNOTSUPP);
	u32 n = ipoib_channels_max(hca);

	if (ipoib_enhanced)
		dev = rdma_alloc_netdev(hca, port, RDMA_NETDEV_IPOIB, name,
					NET_NAME_UNKNOWN, ipoib_setup_common);
	if (dev != ERR_PTR(-EOPNOTSUPP))
		return dev;
	/* Asked for one queue: no more. Asked for many: vectors are shared. */
	n = num_queues == 1 ? 1 : max_t(u32, n, num_queues);
	dev = alloc_netdev_mqs(sizeof(struct rdma_netdev), name,
			       NET_NAME_UNKNOWN, ipoib_setup_common, n, n);
	return dev ?: ERR_PTR(-ENOMEM);
}

/**
 * ipoib_add_port() - make and register the interface of a port
 * @hca: RDMA device
 * @port: port number
 *
 * Context: may sleep; rtnl not held.
 * Return: the interface, or an ERR_PTR.
 */
struct ipoib_priv *ipoib_add_port(struct ib_device *hca, u32 port)
{
	struct net_device *dev;
	int err;

	dev = ipoib_alloc_netdev(hca, port, "ib%d");
	if (IS_ERR(dev))
		return ERR_CAST(dev);
	err = ipoib_intf_init(hca, port, "ib%d", dev);
	if (err) {
		free_netdev(dev);
		return ERR_PTR(err);
	}
	SET_NETDEV_DEV(dev, hca->dev.parent);
	dev->dev_port = port - 1;
	dev->dev_id = port - 1;
	dev->rtnl_link_ops = &ipoib_link_ops;
	dev->sysfs_groups[0] = &ipoib_sysfs_group;
	dev->needs_free_netdev = true;
	err = register_netdev(dev);
	if (err) {
		ipoib_intf_free(dev);
		free_netdev(dev);
		return ERR_PTR(err);
	}
	/* From here on the core frees both when the last user is gone. */
	dev->priv_destructor = ipoib_intf_free;
	return ipoib_priv(dev);
}

/* ---- module ---- */

static void check_ring_param(const char *name, int *value)
{
	int want = *value;

	*value = ipoib_ring_round(max(want, 0), IPOIB_MIN_RING,
				  IPOIB_MAX_RING);
	if (*value != want)
		pr_warn("%s=%d: using %d (a power of two from %d to %d)\n",
			name, want, *value, IPOIB_MIN_RING, IPOIB_MAX_RING);
}

static void check_range(const char *name, int *value, int min, int max)
{
	int want = *value;

	*value = clamp(want, min, max);
	if (*value != want)
		pr_warn("%s=%d: using %d (%d to %d)\n", name, want, *value, min,
			max);
}

static int check_params(void)
{
	if (num_queues < 0 || num_queues > IPOIB_MAX_QUEUES) {
		pr_err("num_queues=%d: not in 0 to %d\n", num_queues,
		       IPOIB_MAX_QUEUES);
		return -EINVAL;
	}

	check_ring_param("send_queue_size", &send_queue_size);
	check_ring_param("recv_queue_size", &recv_queue_size);
	check_range("park_limit", &park_limit, 1, 4096);
	check_range("max_nonsrq_conn_qp", &ipoib_cm_max_nonsrq, 0, 4096);
	check_range("max_connections", &ipoib_cm_max_connections, 1, 65536);
	check_range("connection_idle", &ipoib_cm_idle_seconds, 1, 86400);
	return 0;
}

static int __init ipoib_init(void)
{
	int err;

	err = ipoib_selftest();
	if (err)
		return err;
	err = check_params();
	if (err)
		return err;
	err = ipoib_state_module_init();
	if (err)
		return err;
	ipoib_debugfs_init();
	ipoib_fabric_ib_register();
	err = ipoib_netlink_init();
	if (err)
		goto exit_fabric;
	err = ipoib_client_register();
	if (err)
		goto exit_netlink;
	return 0;

exit_netlink:
	ipoib_netlink_exit();
exit_fabric:
	ipoib_fabric_ib_unregister();
	ipoib_debugfs_exit();
	ipoib_state_module_exit();
	return err;
}

static void __exit ipoib_exit(void)
{
	ipoib_client_unregister();
	ipoib_netlink_exit();
	ipoib_fabric_ib_unregister();
	ipoib_debugfs_exit();
	ipoib_state_module_exit();
	/* Neighbours and tables are freed by RCU callbacks in this module. */
	rcu_barrier();
}

module_init(ipoib_init);
module_exit(ipoib_exit);

MODULE_DESCRIPTION("IP over InfiniBand");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
