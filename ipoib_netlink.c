// SPDX-License-Identifier: GPL-2.0-only
/*
 * rtnetlink: the link kind "ipoib", and the settings that ip link and sysfs
 * share. All operations run under rtnl.
 */
#include <linux/module.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "compat/rtnl.h"
#include "ipoib.h"

static const struct nla_policy ipoib_policy[IFLA_IPOIB_MAX + 1] = {
	[IFLA_IPOIB_PKEY] = { .type = NLA_U16 },
	[IFLA_IPOIB_MODE] = NLA_POLICY_MAX(NLA_U16, IPOIB_MODE_CONNECTED),
	[IFLA_IPOIB_UMCAST] = NLA_POLICY_MAX(NLA_U16, 1),
};

/* To what datagram mode allows. */
static int lower_mtu(struct ipoib_priv *priv)
{
	u32 wish = min(priv->admin_mtu, ipoib_ud_mtu(priv->max_ib_mtu));
	u32 mtu = min(READ_ONCE(priv->mcast_mtu), wish);
	int err = 0;

	if (priv->dev->mtu != mtu)
		err = dev_set_mtu(priv->dev, mtu);
	/* A wish that was larger than what the group allows stays. */
	if (!err)
		priv->admin_mtu = wish;
	return err;
}

/**
 * ipoib_set_mode() - choose datagram or connected mode
 * @priv: the interface
 * @mode: IPOIB_MODE_DATAGRAM or IPOIB_MODE_CONNECTED
 * @extack: for the reason of a refusal, or NULL
 *
 * Context: rtnl, which stays held.
 * Everything follows at once: features, limits of the MTU, which way packets
 * go. What is in flight is not lost. The hardware address and the number of
 * queues stay. Connected mode leaves the MTU to the administrator; datagram
 * mode lowers it to what the broadcast group allows.
 *
 * Return: 0; -EOPNOTSUPP where connected mode is not possible; the -errno of a
 * notifier that does not agree to the lower MTU.
 */
int ipoib_set_mode(struct ipoib_priv *priv, u16 mode,
		   struct netlink_ext_ack *extack)
{
	struct net_device *dev = priv->dev;
	int err;

	ASSERT_RTNL();
	if (mode == priv->mode)
		return 0;
	if (mode == IPOIB_MODE_CONNECTED && !priv->cm) {
		NL_SET_ERR_MSG_MOD(extack,
				   "the HCA or its driver does not allow connected mode");
		return -EOPNOTSUPP;
	}
	if (mode == IPOIB_MODE_DATAGRAM) {
		err = lower_mtu(priv);
		if (err) {
			NL_SET_ERR_MSG_MOD(extack,
					   "the MTU of datagram mode was refused");
			return err;
		}
	}
	WRITE_ONCE(priv->mode, mode);
	dev->max_mtu = mode == IPOIB_MODE_CONNECTED ?
		       ipoib_cm_max_mtu(priv) : ipoib_ud_mtu(priv->max_ib_mtu);
	netdev_update_features(dev);
	ipoib_cm_mode_changed(priv);
	return 0;
}

/**
 * ipoib_set_umcast() - leave multicast groups to user space, or join them
 * @priv: the interface
 * @on: leave them
 *
 * Context: rtnl.
 */
void ipoib_set_umcast(struct ipoib_priv *priv, bool on)
{
	ASSERT_RTNL();
	if (on == priv->umcast)
		return;
	WRITE_ONCE(priv->umcast, on);
	ipoib_mcast_sync(priv);
}

static int ipoib_validate(struct nlattr *tb[], struct nlattr *data[],
			  struct netlink_ext_ack *extack)
{
	if (!data || !data[IFLA_IPOIB_PKEY] ||
	    ipoib_pkey_valid(nla_get_u16(data[IFLA_IPOIB_PKEY])))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPOIB_PKEY],
			    "the low 15 bits of a P_Key cannot be zero");
	return -EINVAL;
}

static int ipoib_changelink(struct net_device *dev, struct nlattr *tb[],
			    struct nlattr *data[],
			    struct netlink_ext_ack *extack)
{
	struct ipoib_priv *priv = ipoib_priv(dev);
	u16 pkey;
	int err;

	if (!data)
		return 0;
	if (data[IFLA_IPOIB_PKEY]) {
		pkey = nla_get_u16(data[IFLA_IPOIB_PKEY]);
		if (ipoib_pkey_full(pkey) != READ_ONCE(priv->fport.pkey)) {
			NL_SET_ERR_MSG_ATTR(extack, data[IFLA_IPOIB_PKEY],
					    "the P_Key of an interface cannot change");
			return -EOPNOTSUPP;
		}
	}
	if (data[IFLA_IPOIB_MODE]) {
		err = ipoib_set_mode(priv, nla_get_u16(data[IFLA_IPOIB_MODE]),
				     extack);
		if (err)
			return err;
	}
	if (data[IFLA_IPOIB_UMCAST])
		ipoib_set_umcast(priv, nla_get_u16(data[IFLA_IPOIB_UMCAST]));
	return 0;
}

static int ipoib_newlink(struct net_device *dev,
			 struct rtnl_newlink_params *params,
			 struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG_MOD(extack,
			   "P_Key child interfaces: not in this version");
	return -EOPNOTSUPP;
}

IPOIB_COMPAT_NEWLINK(ipoib_newlink)

/* The interface of a port lives as long as its HCA. Without this operation
 * core would supply one that unregisters the netdev behind the driver's back.
 */
static void ipoib_dellink(struct net_device *dev, struct list_head *head)
{
	netdev_warn(dev, "not deleted: it goes with its HCA\n");
}

static size_t ipoib_get_size(const struct net_device *dev)
{
	return 3 * nla_total_size(sizeof(u16));
}

static int ipoib_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct ipoib_priv *priv = ipoib_priv(dev);

	if (nla_put_u16(skb, IFLA_IPOIB_PKEY, READ_ONCE(priv->fport.pkey)) ||
	    nla_put_u16(skb, IFLA_IPOIB_MODE, READ_ONCE(priv->mode)) ||
	    nla_put_u16(skb, IFLA_IPOIB_UMCAST, READ_ONCE(priv->umcast)))
		return -EMSGSIZE;
	return 0;
}

struct rtnl_link_ops ipoib_link_ops __read_mostly = {
	.kind		= "ipoib",
	/* A namespace that dies gives the interface back to the first one. */
	.netns_refund	= true,
	.maxtype	= IFLA_IPOIB_MAX,
	.policy		= ipoib_policy,
	.priv_size	= sizeof(struct rdma_netdev),
	.setup		= ipoib_setup_common,
	.validate	= ipoib_validate,
	.newlink	= IPOIB_NEWLINK(ipoib_newlink),
	.changelink	= ipoib_changelink,
	.dellink	= ipoib_dellink,
	.get_size	= ipoib_get_size,
	.fill_info	= ipoib_fill_info,
};

/**
 * ipoib_netlink_init() - announce the link kind, at module load
 *
 * Context: may sleep.
 * Return: 0; -EEXIST if another module has it.
 */
int ipoib_netlink_init(void)
{
	return rtnl_link_register(&ipoib_link_ops);
}

/**
 * ipoib_netlink_exit() - take it back, at module unload
 *
 * Context: may sleep; no interface is left.
 */
void ipoib_netlink_exit(void)
{
	rtnl_link_unregister(&ipoib_link_ops);
}

MODULE_ALIAS_RTNL_LINK("ipoib");
