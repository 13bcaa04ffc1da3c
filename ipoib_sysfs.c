// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/net/<interface>/{mode,pkey,umcast}. Core creates the files
 * before it announces the netdev, and waits for their users before the netdev
 * goes; dev_id and dev_port are core's own files.
 */
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <linux/sysfs.h>

#include "ipoib.h"

static struct ipoib_priv *to_priv(struct device *d)
{
	return ipoib_priv(to_net_dev(d));
}

/* Removing the files waits for their users with rtnl held, so a user may not
 * wait for rtnl: it tries, and else lets the system call start again.
 */
static ssize_t store(struct device *d, const char *buf, size_t len,
		     int (*set)(struct ipoib_priv *priv, const char *buf))
{
	struct net_device *dev = to_net_dev(d);
	int err = -ENODEV;

	if (!ns_capable(dev_net(dev)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (!rtnl_trylock())
		return restart_syscall();
	if (dev->reg_state == NETREG_REGISTERED)
		err = set(ipoib_priv(dev), buf);
	rtnl_unlock();
	return err ?: len;
}

static ssize_t mode_show(struct device *d, struct device_attribute *attr,
			 char *buf)
{
	bool connected = READ_ONCE(to_priv(d)->mode) == IPOIB_MODE_CONNECTED;

	return sysfs_emit(buf, "%s\n", connected ? "connected" : "datagram");
}

static int mode_set(struct ipoib_priv *priv, const char *buf)
{
	int err;

	if (sysfs_streq(buf, "datagram"))
		return ipoib_set_mode(priv, IPOIB_MODE_DATAGRAM, NULL);
	if (!sysfs_streq(buf, "connected"))
		return -EINVAL;
	err = ipoib_set_mode(priv, IPOIB_MODE_CONNECTED, NULL);
	if (err == -EOPNOTSUPP)
		netdev_warn(priv->dev,
			    "connected mode is not possible here; the mode stays datagram\n");
	return err;
}

static ssize_t mode_store(struct device *d, struct device_attribute *attr,
			  const char *buf, size_t len)
{
	return store(d, buf, len, mode_set);
}
static DEVICE_ATTR_RW(mode);

static ssize_t pkey_show(struct device *d, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "0x%04x\n", READ_ONCE(to_priv(d)->fport.pkey));
}
static DEVICE_ATTR_RO(pkey);

static ssize_t umcast_show(struct device *d, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(to_priv(d)->umcast));
}

static int umcast_set(struct ipoib_priv *priv, const char *buf)
{
	u8 value;
	int err;

	err = kstrtou8(buf, 10, &value);
	if (err)
		return err;
	if (value > 1)
		return -EINVAL;
	ipoib_set_umcast(priv, value);
	return 0;
}

static ssize_t umcast_store(struct device *d, struct device_attribute *attr,
			    const char *buf, size_t len)
{
	return store(d, buf, len, umcast_set);
}
static DEVICE_ATTR_RW(umcast);

static struct attribute *ipoib_attrs[] = {
	&dev_attr_mode.attr,
	&dev_attr_pkey.attr,
	&dev_attr_umcast.attr,
	NULL
};

const struct attribute_group ipoib_sysfs_group = {
	.attrs = ipoib_attrs,
};
