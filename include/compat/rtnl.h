/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels in struct rtnl_link_ops. */
#ifndef IPOIB_COMPAT_RTNL_H
#define IPOIB_COMPAT_RTNL_H

#include <net/rtnetlink.h>

struct rtnl_newlink_params;

/* Today newlink takes a structure of parameters; before, it took them one by
 * one. This makes the older form out of @fn, which may not use the structure.
 */
#define IPOIB_COMPAT_NEWLINK(fn)					\
	static int __maybe_unused					\
	fn##_6_12(struct net *src_net, struct net_device *dev,		\
		  struct nlattr *tb[], struct nlattr *data[],		\
		  struct netlink_ext_ack *extack)			\
	{								\
		return fn(dev, NULL, extack);				\
	}

/* The form that this kernel's struct rtnl_link_ops has a pointer to. */
#define IPOIB_NEWLINK(fn)						\
	__builtin_choose_expr(						\
		__builtin_types_compatible_p(				\
			typeof(((struct rtnl_link_ops *)0)->newlink),	\
			typeof(fn##_6_12) *),				\
		fn##_6_12, fn)

#endif /* IPOIB_COMPAT_RTNL_H */
