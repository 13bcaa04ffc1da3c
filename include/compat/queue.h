/* SPDX-License-Identifier: GPL-2.0-only */
/* What kernels offer for their view of a netdev's queues. */
#ifndef IPOIB_COMPAT_QUEUE_H
#define IPOIB_COMPAT_QUEUE_H

#include <linux/netdevice.h>
#include <net/netdev_queues.h>

/* Kbuild looks into the kernel's headers for these two. */
#ifdef IPOIB_COMPAT_NO_QUEUE_NAPI
#define netif_queue_set_napi(dev, index, type, napi)	((void)(napi))
#endif

#ifdef IPOIB_COMPAT_NO_QUEUE_STATS
struct netdev_queue_stats_rx {
	u64 bytes;
	u64 packets;
	u64 alloc_fail;
};

struct netdev_queue_stats_tx {
	u64 bytes;
	u64 packets;
};

struct netdev_stat_ops {
	void (*get_queue_stats_rx)(struct net_device *dev, int index,
				   struct netdev_queue_stats_rx *stats);
	void (*get_queue_stats_tx)(struct net_device *dev, int index,
				   struct netdev_queue_stats_tx *stats);
	void (*get_base_stats)(struct net_device *dev,
			       struct netdev_queue_stats_rx *rx,
			       struct netdev_queue_stats_tx *tx);
};

#define ipoib_set_stat_ops(dev, ops)	((void)(ops))
#else
#define ipoib_set_stat_ops(dev, ops)	((dev)->stat_ops = (ops))
#endif

#endif /* IPOIB_COMPAT_QUEUE_H */
