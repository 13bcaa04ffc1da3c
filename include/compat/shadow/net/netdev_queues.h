/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels in <net/netdev_queues.h>. */
#include_next <net/netdev_queues.h>

#ifndef IPOIB_COMPAT_NETDEV_QUEUES_H
#define IPOIB_COMPAT_NETDEV_QUEUES_H

/* Before BQL completion and wake-up were one macro. */
#ifndef __netif_txq_completed_wake
#define __netif_txq_completed_wake(txq, pkts, bytes, get_desc, start_thrs, \
				   down_cond)				\
	({								\
		struct netdev_queue *__done = (txq);			\
									\
		netdev_tx_completed_queue(__done, pkts, bytes);		\
		__netif_txq_maybe_wake(__done, get_desc, start_thrs,	\
				       down_cond);			\
	})
#endif

#endif /* IPOIB_COMPAT_NETDEV_QUEUES_H */
