/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels in the receive hashing of struct ethtool_ops. */
#ifndef IPOIB_COMPAT_RXFH_H
#define IPOIB_COMPAT_RXFH_H

#include <linux/ethtool.h>

/* Today get_rxfh and set_rxfh take a structure; before, they took its members
 * one by one and had no way to say why they refuse. Kbuild looks which.
 */
#ifdef IPOIB_COMPAT_RXFH
struct ethtool_rxfh_param {
	u8 hfunc;
	u32 *indir;
	u8 *key;
};

#define IPOIB_COMPAT_GET_RXFH(fn)					\
	static int fn##_6_1(struct net_device *dev, u32 *indir, u8 *key, \
			    u8 *hfunc)					\
	{								\
		struct ethtool_rxfh_param p = {				\
			.indir = indir, .key = key,			\
		};							\
		int err = fn(dev, &p);					\
									\
		if (hfunc)						\
			*hfunc = p.hfunc;				\
		return err;						\
	}
#define IPOIB_COMPAT_SET_RXFH(fn)					\
	static int fn##_6_1(struct net_device *dev, const u32 *indir,	\
			    const u8 *key, const u8 hfunc)		\
	{								\
		struct ethtool_rxfh_param p = {				\
			.indir = (u32 *)indir, .key = (u8 *)key,	\
			.hfunc = hfunc,					\
		};							\
									\
		return fn(dev, &p, NULL);				\
	}
#define IPOIB_RXFH(fn)	fn##_6_1
#else
#define IPOIB_COMPAT_GET_RXFH(fn)
#define IPOIB_COMPAT_SET_RXFH(fn)
#define IPOIB_RXFH(fn)	fn
#endif

/* The number of rings has an operation of its own today; before, it was one of
 * the questions of get_rxnfc.
 */
#ifdef IPOIB_COMPAT_RXNFC
#define IPOIB_COMPAT_RING_COUNT(fn)					\
	static int fn##_6_12(struct net_device *dev,			\
			     struct ethtool_rxnfc *info, u32 *rules)	\
	{								\
		if (info->cmd != ETHTOOL_GRXRINGS)			\
			return -EOPNOTSUPP;				\
		info->data = fn(dev);					\
		return 0;						\
	}
#define IPOIB_RING_COUNT_OP(fn)	.get_rxnfc = fn##_6_12
#else
#define IPOIB_COMPAT_RING_COUNT(fn)
#define IPOIB_RING_COUNT_OP(fn)	.get_rx_ring_count = fn
#endif

#endif /* IPOIB_COMPAT_RXFH_H */
