// SPDX-License-Identifier: GPL-2.0-only
/*
 * The RDMA client: an interface for each port of each HCA, and the RDMA CM's
 * question which netdev a connection request is for.
 */
#include <linux/inetdevice.h>
#include <net/addrconf.h>

#include "ipoib.h"
#include "ipoib_client.h"

/**
 * struct ipoib_hca - what the RDMA client keeps per device
 * @lock: guards @ifaces
 * @ifaces: interfaces, by ipoib_priv::ports_node
 */
struct ipoib_hca {
	struct mutex lock;	/* ifaces */
	struct list_head ifaces;
};

static struct ib_client ipoib_client;

static void ipoib_remove_one(struct ib_device *hca, void *client_data)
{
	struct ipoib_hca *h = client_data;
	struct ipoib_priv *priv, *tmp;
	LIST_HEAD(gone);

	mutex_lock(&h->lock);
	list_splice_init(&h->ifaces, &gone);
	mutex_unlock(&h->lock);
	list_for_each_entry_safe(priv, tmp, &gone, ports_node)
		unregister_netdev(priv->dev);
	kfree(h);
}

static int add_ports(struct ib_device *hca)
{
	struct ipoib_priv *priv;
	struct ipoib_hca *h;
	u32 port;

	h = kzalloc(sizeof(*h), GFP_KERNEL);
	if (!h)
		return -ENOMEM;
	mutex_init(&h->lock);
	INIT_LIST_HEAD(&h->ifaces);
	rdma_for_each_port(hca, port) {
		if (!ipoib_fabric_ib.port_supported(hca, port))
			continue;
		priv = ipoib_add_port(hca, port);
		if (IS_ERR(priv)) {
			dev_err(&hca->dev, "no IPoIB interface on port %u: %ld\n",
				port, PTR_ERR(priv));
			continue;
		}
		mutex_lock(&h->lock);
		list_add_tail(&priv->ports_node, &h->ifaces);
		mutex_unlock(&h->lock);
	}
	if (list_empty(&h->ifaces)) {
		kfree(h);
		return -EOPNOTSUPP;
	}
	ib_set_client_data(hca, &ipoib_client, h);
	return 0;
}

/* Core drops an error without a word. */
static int ipoib_add_one(struct ib_device *hca)
{
	int err = add_ports(hca);

	if (err && err != -EOPNOTSUPP)
		dev_err(&hca->dev, "no IPoIB interface: %d\n", err);
	return err;
}

/* ---- RDMA CM asks which netdev a connection request is for ---- */

static bool netdev_has_addr(struct net_device *dev, const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
	struct in_device *in_dev;

	if (sa->sa_family == AF_INET6)
		return ipv6_chk_addr(dev_net(dev), &in6->sin6_addr, dev, 1);
	in_dev = __in_dev_get_rcu(dev);
	return in_dev && inet_confirm_addr(dev_net(dev), in_dev, 0,
					   in->sin_addr.s_addr, RT_SCOPE_HOST);
}

static int upper_has_addr(struct net_device *upper,
			  struct netdev_nested_priv *data)
{
	const struct sockaddr *sa = ((void **)data->data)[0];
	struct net_device **found = ((void **)data->data)[1];

	/* A VRF is above in the same way but does not own the address. */
	if (netif_is_l3_master(upper) || !netdev_has_addr(upper, sa))
		return 0;
	*found = upper;
	return 1;
}

/* The netdev that owns the address: the interface, or a bond above it.
 * Returns it with a reference, or NULL.
 */
static struct net_device *find_owner(struct net_device *dev,
				     const struct sockaddr *sa)
{
	struct net_device *found = NULL;
	void *args[] = { (void *)sa, &found };
	struct netdev_nested_priv data = { .data = args };

	rcu_read_lock();
	if (!sa || netdev_has_addr(dev, sa))
		found = dev;
	else
		netdev_walk_all_upper_dev_rcu(dev, upper_has_addr, &data);
	dev_hold(found);
	rcu_read_unlock();
	return found;
}

static bool iface_matches(const struct ipoib_priv *priv, u32 port, u16 pkey,
			  const union ib_gid *gid)
{
	if (priv->port != port || priv->fport.pkey != ipoib_pkey_full(pkey))
		return false;
	return !gid || !memcmp(gid, &priv->fport.gid, sizeof(*gid));
}

static struct net_device *
ipoib_get_net_dev_by_params(struct ib_device *hca, u32 port, u16 pkey,
			    const union ib_gid *gid,
			    const struct sockaddr *addr, void *client_data)
{
	struct ipoib_hca *h = client_data;
	struct net_device *dev = NULL;
	struct ipoib_priv *priv;

	if (!h || !rdma_protocol_ib(hca, port))
		return NULL;
	mutex_lock(&h->lock);
	list_for_each_entry(priv, &h->ifaces, ports_node) {
		if (iface_matches(priv, port, pkey, gid))
			dev = find_owner(priv->dev, addr);
		if (dev)
			break;
	}
	mutex_unlock(&h->lock);
	return dev;
}

static struct ib_client ipoib_client = {
	.name = "ipoib",
	.add = ipoib_add_one,
	.remove = ipoib_remove_one,
	.get_net_dev_by_params = ipoib_get_net_dev_by_params,
};

/**
 * ipoib_client_register() - start to serve HCAs, present and future
 *
 * Context: may sleep.
 * Return: 0 or -errno.
 */
int ipoib_client_register(void)
{
	return ib_register_client(&ipoib_client);
}

/**
 * ipoib_client_unregister() - remove all interfaces
 *
 * Context: may sleep; rtnl not held.
 */
void ipoib_client_unregister(void)
{
	ib_unregister_client(&ipoib_client);
}
