/* SPDX-License-Identifier: GPL-2.0-only */
/* The device object, and what every part of the driver needs to know. */
#ifndef IPOIB_H
#define IPOIB_H

#include <linux/if_infiniband.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

#include "ipoib_cm.h"
#include "ipoib_disc.h"
#include "ipoib_fabric.h"
#include "ipoib_multicast.h"
#include "ipoib_neigh.h"
#include "ipoib_path.h"
#include "ipoib_pmtu.h"
#include "ipoib_proto.h"
#include "ipoib_rss.h"
#include "ipoib_state.h"
#include "ipoib_stats.h"

struct dentry;

/* Limits of the send_queue_size and recv_queue_size parameters, in packets. */
#define IPOIB_MIN_RING		64
#define IPOIB_MAX_RING		8192
/* The primary queue is created at least this deep, so that ethtool -G can
 * change the ring of a live interface without a new QP (a new QP has a new
 * QPN, and with it a new hardware address).
 */
#define IPOIB_PRIMARY_DEPTH	2048
/* Files of one interface in debugfs. */
#define IPOIB_DEBUGFS_FILES	5

/**
 * struct ipoib_params - settings an interface is created with
 * @tx_ring: sends in flight per queue, packets, a power of two
 * @rx_ring: receives posted per queue, packets, a power of two
 * @park_limit: packets kept per unresolved neighbour or group
 * @queues: queues to start with
 * @rx_usecs: receive moderation, microseconds
 * @rx_frames: receive moderation, completions
 */
struct ipoib_params {
	u32 tx_ring;
	u32 rx_ring;
	u32 park_limit;
	u32 queues;
	u16 rx_usecs;
	u16 rx_frames;
};

/**
 * struct ipoib_priv - one IPoIB interface
 * @dev: the netdev; its rdma_netdev::clnt_priv points back here
 * @rn_ops: the ops below ours: the provider's, or ipoib_netdev_default
 * @next_priv_destructor: the provider's destructor, called by ours
 * @accel: the provider moves the packets; there is no queue set of ours
 * @hca: RDMA device
 * @port: port number, from 1
 * @max_ib_mtu: largest IB MTU of the port, bytes
 * @pd: protection domain of every object of this interface
 * @fabric: how paths and groups are found on this kind of port
 * @fport: the interface as the fabric backend sees it (GID, P_Key)
 * @params: ring sizes and limits; written under rtnl
 * @mode: IPOIB_MODE_DATAGRAM or IPOIB_MODE_CONNECTED; written under rtnl
 * @umcast: leave multicast groups to user space; written under rtnl
 * @qpn: QPN of the primary queue, part of the hardware address
 * @qkey: Q_Key of the broadcast group; written under state.lock
 * @mcast_mtu: MTU that the broadcast group allows, bytes
 * @admin_mtu: MTU that the administrator asked for, bytes; under rtnl
 * @admin_guid: interface ID of the GID that the administrator asked for, 0 for
 *	that of the port; written under rtnl and state.lock
 * @qset: the queues, from ndo_init to ndo_uninit; RCU; written under rtnl and
 *	state.lock
 * @rss: what belongs to all queues together
 * @disc: queue discovery
 * @neigh: neighbour table
 * @path: path cache
 * @mcast: multicast groups
 * @cm: connected mode, or NULL where it is not possible; as @qset
 * @pmtu: packets whose senders are to be told a smaller MTU
 * @state: admin and oper state, events
 * @reasons: why packets or operations were given up, slow paths only
 * @wq: ordered; runs every work item of this interface; its items may take
 *	state.lock and never take rtnl, so it may be flushed under rtnl
 * @debugfs: this interface's debugfs files; under rtnl
 * @ports_node: in the list of interfaces of one HCA
 */
struct ipoib_priv {
	struct net_device *dev;
	const struct net_device_ops *rn_ops;
	void (*next_priv_destructor)(struct net_device *dev);
	bool accel;

	struct ib_device *hca;
	u32 port;
	u32 max_ib_mtu;
	struct ib_pd *pd;
	const struct ipoib_fabric_ops *fabric;
	struct ipoib_fabric_port fport;

	struct ipoib_params params;
	u8 mode;
	bool umcast;
	u32 qpn;
	u32 qkey;
	u32 mcast_mtu;
	u32 admin_mtu;
	__be64 admin_guid;

	struct ipoib_qset __rcu *qset;
	struct ipoib_rss rss;
	struct ipoib_disc disc;
	struct ipoib_neigh_table neigh;
	struct ipoib_path_table path;
	struct ipoib_mcast_table mcast;
	struct ipoib_cm *cm;
	struct ipoib_pmtu pmtu;
	struct ipoib_state state;
	struct ipoib_reasons reasons;

	struct workqueue_struct *wq;
	struct dentry *debugfs[IPOIB_DEBUGFS_FILES];
	struct list_head ports_node;
};

/**
 * ipoib_priv() - the interface behind a netdev of this driver
 * @dev: a netdev whose netdev_ops are ours, see ipoib_is_ours()
 *
 * Return: the interface.
 */
static inline struct ipoib_priv *ipoib_priv(const struct net_device *dev)
{
	struct rdma_netdev *rn = netdev_priv(dev);

	return rn->clnt_priv;
}

/* The in-tree driver's debug knobs; 0 is quiet. */
extern int ipoib_debug_level;
extern int ipoib_mcast_debug_level;

#define ipoib_dbg(priv, fmt, ...)					\
	do {								\
		if (unlikely(READ_ONCE(ipoib_debug_level) > 0))		\
			netdev_printk(KERN_DEBUG, (priv)->dev, fmt,	\
				      ##__VA_ARGS__);			\
	} while (0)

#define ipoib_dbg_mcast(priv, fmt, ...)					\
	do {								\
		if (unlikely(READ_ONCE(ipoib_mcast_debug_level) > 0))	\
			netdev_printk(KERN_DEBUG, (priv)->dev, fmt,	\
				      ##__VA_ARGS__);			\
	} while (0)

/* ipoib_main.c */
extern const struct net_device_ops ipoib_netdev_default;
bool ipoib_is_ours(const struct net_device *dev);
const struct net_device_ops *ipoib_get_rn_ops(struct ipoib_priv *priv);
const struct net_device_ops *ipoib_get_netdev_ops(struct ipoib_priv *priv);
int ipoib_intf_init(struct ib_device *hca, u32 port, const char *name,
		    struct net_device *dev);
void ipoib_setup_common(struct net_device *dev);
struct ipoib_priv *ipoib_add_port(struct ib_device *hca, u32 port);

/* ipoib_xmit.c */
netdev_tx_t ipoib_start_xmit(struct sk_buff *skb, struct net_device *dev);
int ipoib_hard_header(struct sk_buff *skb, struct net_device *dev,
		      unsigned short type, const void *daddr,
		      const void *saddr, unsigned int len);
bool ipoib_xmit_control(struct ipoib_priv *priv, struct sk_buff *skb,
			struct ipoib_ah *ah, u32 qpn);
void ipoib_xmit_parked(struct ipoib_priv *priv, struct sk_buff_head *list,
		       const u8 *hw, struct ipoib_ah *ah);

/* ipoib_netlink.c */
extern struct rtnl_link_ops ipoib_link_ops;
int ipoib_netlink_init(void);
void ipoib_netlink_exit(void);
int ipoib_set_mode(struct ipoib_priv *priv, u16 mode,
		   struct netlink_ext_ack *extack);
void ipoib_set_umcast(struct ipoib_priv *priv, bool on);

/* ipoib_sysfs.c */
extern const struct attribute_group ipoib_sysfs_group;

/* ipoib_ethtool.c, ipoib_stats.c */
void ipoib_set_ethtool_ops(struct net_device *dev);
void ipoib_set_ethtool_ops_rss(struct net_device *dev);
void ipoib_offer_queue_stats(struct net_device *dev);
void ipoib_sum_queue(const struct ipoib_queue *q, struct rtnl_link_stats64 *s);
void ipoib_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *s);

/* ipoib_debugfs.c */
void ipoib_debugfs_init(void);
void ipoib_debugfs_exit(void);
void ipoib_debugfs_add(struct ipoib_priv *priv);
void ipoib_debugfs_del(struct ipoib_priv *priv);

#endif /* IPOIB_H */
