// SPDX-License-Identifier: GPL-2.0-only
/*
 * SR-IOV: `ip link set ib0 vf N ...` on a physical function. The HCA's driver
 * does the work; nothing is kept here.
 */
#include "ipoib.h"
#include "ipoib_vf.h"

/**
 * ipoib_vf_set_link_state() - ndo_set_vf_link_state
 * @dev: the interface
 * @vf: number of the virtual function, from 0
 * @link_state: IFLA_VF_LINK_STATE_*
 *
 * Context: rtnl.
 * Return: 0; -EOPNOTSUPP where the HCA cannot; or its -errno.
 */
int ipoib_vf_set_link_state(struct net_device *dev, int vf, int link_state)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);

	return ib_set_vf_link_state(priv->hca, vf, priv->port, link_state);
}

/**
 * ipoib_vf_get_config() - ndo_get_vf_config
 * @dev: the interface
 * @vf: number of the virtual function, from 0
 * @ivf: to fill in
 *
 * Context: rtnl.
 * Return: 0; -EOPNOTSUPP where the HCA cannot; or its -errno.
 */
int ipoib_vf_get_config(struct net_device *dev, int vf,
			struct ifla_vf_info *ivf)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);
	int err;

	err = ib_get_vf_config(priv->hca, vf, priv->port, ivf);
	if (err)
		return err;
	ivf->vf = vf;
	memcpy(ivf->mac, dev->dev_addr, dev->addr_len);
	return 0;
}

/**
 * ipoib_vf_get_stats() - ndo_get_vf_stats
 * @dev: the interface
 * @vf: number of the virtual function, from 0
 * @stats: to fill in
 *
 * Context: rtnl.
 * Return: 0; -EOPNOTSUPP where the HCA cannot; or its -errno.
 */
int ipoib_vf_get_stats(struct net_device *dev, int vf,
		       struct ifla_vf_stats *stats)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);

	return ib_get_vf_stats(priv->hca, vf, priv->port, stats);
}

/**
 * ipoib_vf_set_guid() - ndo_set_vf_guid
 * @dev: the interface
 * @vf: number of the virtual function, from 0
 * @guid: GUID in host order
 * @type: IFLA_VF_IB_NODE_GUID or IFLA_VF_IB_PORT_GUID
 *
 * Context: rtnl.
 * Return: 0; -EINVAL for another type; -EOPNOTSUPP where the HCA cannot; or
 * its -errno.
 */
int ipoib_vf_set_guid(struct net_device *dev, int vf, u64 guid, int type)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);

	if (type != IFLA_VF_IB_NODE_GUID && type != IFLA_VF_IB_PORT_GUID)
		return -EINVAL;
	return ib_set_vf_guid(priv->hca, vf, priv->port, guid, type);
}

/**
 * ipoib_vf_get_guid() - ndo_get_vf_guid
 * @dev: the interface
 * @vf: number of the virtual function, from 0
 * @node: node GUID, to fill in
 * @port: port GUID, to fill in
 *
 * Context: rtnl.
 * Return: 0; -EOPNOTSUPP where the HCA cannot; or its -errno.
 */
int ipoib_vf_get_guid(struct net_device *dev, int vf,
		      struct ifla_vf_guid *node, struct ifla_vf_guid *port)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);

	return ib_get_vf_guid(priv->hca, vf, priv->port, node, port);
}
