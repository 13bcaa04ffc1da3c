/* SPDX-License-Identifier: GPL-2.0-only */
/* SR-IOV operations of a physical function's interface. */
#ifndef IPOIB_VF_H
#define IPOIB_VF_H

#include <linux/if_link.h>
#include <linux/netdevice.h>

int ipoib_vf_set_link_state(struct net_device *dev, int vf, int link_state);
int ipoib_vf_get_config(struct net_device *dev, int vf,
			struct ifla_vf_info *ivf);
int ipoib_vf_get_stats(struct net_device *dev, int vf,
		       struct ifla_vf_stats *stats);
int ipoib_vf_set_guid(struct net_device *dev, int vf, u64 guid, int type);
int ipoib_vf_get_guid(struct net_device *dev, int vf,
		      struct ifla_vf_guid *node, struct ifla_vf_guid *port);

#endif /* IPOIB_VF_H */
