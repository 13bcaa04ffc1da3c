// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dumps in /sys/kernel/debug/ipoib. The names start with that of the netdev
 * and follow it when it is renamed. The files are made and removed under
 * rtnl; removing one waits for its readers, so no dump may take rtnl.
 */
#include <linux/debugfs.h>
#include <linux/rtnetlink.h>
#include <linux/seq_file.h>

#include "ipoib.h"
#include "ipoib_rss.h"

static struct dentry *root;

static void dump_queue(struct seq_file *m, const struct ipoib_queue *q)
{
	const struct ipoib_tx_ring *tx = &q->tx;
	const struct ipoib_rx_ring *rx = &q->rx;

	seq_printf(m, "queue %u: qpn 0x%06x flags 0x%lx\n", q->index,
		   q->qp->qp_num, READ_ONCE(q->flags));
	seq_printf(m, "  rx: depth %u limit %u posted %u frame_len %u order %u\n",
		   rx->depth, READ_ONCE(rx->limit), ipoib_rx_ring_posted(rx),
		   rx->frame_len, rx->order);
	seq_printf(m, "  tx: depth %u limit %u head %u tail %u max_sge %u%s%s\n",
		   tx->depth, READ_ONCE(tx->limit), READ_ONCE(tx->head),
		   READ_ONCE(tx->tail), tx->max_sge,
		   READ_ONCE(tx->closed) ? " closed" : "",
		   netif_tx_queue_stopped(tx->txq) ? " stopped" : "");
}

static void dump_state(struct ipoib_priv *priv, struct seq_file *m)
{
	const struct ipoib_fabric_port *fport = &priv->fport;
	const struct ipoib_qset *set;
	u32 i;

	seq_printf(m, "hca: %s port %u, %s, %s\n", dev_name(&priv->hca->dev),
		   priv->port, fport->ops->name,
		   priv->accel ? "accelerated" : "verbs");
	seq_printf(m, "state: %s, events pending 0x%lx\n",
		   ipoib_oper_name(READ_ONCE(priv->state.oper)),
		   READ_ONCE(priv->state.flags));
	seq_printf(m, "gid: %pI6\n", fport->gid.raw);
	seq_printf(m, "lid: %u\n", fport->lid);
	seq_printf(m, "pkey: 0x%04x, %s, index %u\n", fport->pkey,
		   fport->pkey_found ? "found" : "missing", fport->pkey_index);
	seq_printf(m, "qpn: 0x%06x\n", priv->qpn);
	seq_printf(m, "qkey: 0x%08x\n", READ_ONCE(priv->qkey));
	seq_printf(m, "mtu: %u, group %u, administrator %u, port %u\n",
		   READ_ONCE(priv->dev->mtu), READ_ONCE(priv->mcast_mtu),
		   READ_ONCE(priv->admin_mtu),
		   ipoib_ud_mtu(priv->max_ib_mtu));
	seq_printf(m, "address handles: %d\n", atomic_read(&priv->path.n_ah));
	rcu_read_lock();
	set = rcu_dereference(priv->qset);
	if (set)
		seq_printf(m, "queues: %u, retired %u\n", READ_ONCE(set->n),
			   set->total - READ_ONCE(set->n));
	for (i = 0; set && i < set->total; i++)
		dump_queue(m, set->q[i]);
	rcu_read_unlock();
}

static int mcg_show(struct seq_file *m, void *v)
{
	ipoib_mcast_dump(m->private, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mcg);

static int path_show(struct seq_file *m, void *v)
{
	ipoib_path_dump(m->private, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(path);

static int neigh_show(struct seq_file *m, void *v)
{
	ipoib_neigh_dump(m->private, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(neigh);

static int cm_show(struct seq_file *m, void *v)
{
	ipoib_cm_dump(m->private, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(cm);

static int state_show(struct seq_file *m, void *v)
{
	dump_state(m->private, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

/**
 * struct debug_file - one kind of dump
 * @suffix: of the file's name
 * @fops: shows it
 */
struct debug_file {
	const char *suffix;
	const struct file_operations *fops;
};

static const struct debug_file files[IPOIB_DEBUGFS_FILES] = {
	{ "mcg", &mcg_fops },
	{ "path", &path_fops },
	{ "neigh", &neigh_fops },
	{ "state", &state_fops },
	{ "cm", &cm_fops },
};

/* debugfs has one name space for all network namespaces: a second ib0 is
 * told apart by its HCA and port.
 */
static void file_name(char *name, size_t len, const struct ipoib_priv *priv,
		      const char *suffix)
{
	struct dentry *other;

	snprintf(name, len, "%s_%s", priv->dev->name, suffix);
	other = debugfs_lookup(name, root);
	if (!other)
		return;
	dput(other);
	snprintf(name, len, "%s@%s:%u_%s", priv->dev->name,
		 dev_name(&priv->hca->dev), priv->port, suffix);
}

/**
 * ipoib_debugfs_add() - make the files of an interface
 * @priv: interface whose tables are set up and whose netdev has its name
 *
 * Context: rtnl; may sleep. A failure is of no consequence.
 */
void ipoib_debugfs_add(struct ipoib_priv *priv)
{
	char name[IFNAMSIZ + IB_DEVICE_NAME_MAX + 24];
	int i;

	ASSERT_RTNL();
	for (i = 0; i < IPOIB_DEBUGFS_FILES; i++) {
		file_name(name, sizeof(name), priv, files[i].suffix);
		priv->debugfs[i] = debugfs_create_file(name, 0400, root, priv,
						       files[i].fops);
	}
}

/**
 * ipoib_debugfs_del() - remove the files of an interface
 * @priv: interface whose tables still exist
 *
 * Context: rtnl; sleeps until no reader is left.
 */
void ipoib_debugfs_del(struct ipoib_priv *priv)
{
	int i;

	ASSERT_RTNL();
	for (i = 0; i < IPOIB_DEBUGFS_FILES; i++) {
		debugfs_remove(priv->debugfs[i]);
		priv->debugfs[i] = NULL;
	}
}

/* A netdev that is not registered (yet) has no files to rename. */
static int netdev_event(struct notifier_block *nb, unsigned long event,
			void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	if (event == NETDEV_CHANGENAME && ipoib_is_ours(dev) &&
	    dev->reg_state == NETREG_REGISTERED) {
		ipoib_debugfs_del(ipoib_priv(dev));
		ipoib_debugfs_add(ipoib_priv(dev));
	}
	return NOTIFY_DONE;
}

static struct notifier_block netdev_notifier = {
	.notifier_call = netdev_event,
};

/**
 * ipoib_debugfs_init() - make the folder, at module load
 *
 * Context: may sleep. A failure is of no consequence.
 */
void ipoib_debugfs_init(void)
{
	root = debugfs_create_dir("ipoib", NULL);
	if (register_netdevice_notifier(&netdev_notifier))
		pr_warn("debugfs names will not follow renames\n");
}

/**
 * ipoib_debugfs_exit() - remove the folder, at module unload
 *
 * Context: may sleep; no interface is left.
 */
void ipoib_debugfs_exit(void)
{
	unregister_netdevice_notifier(&netdev_notifier);
	debugfs_remove(root);
}
