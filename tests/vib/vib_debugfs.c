// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: control files of the fabric, /sys/kernel/debug/vib. Those of a single
 * HCA are in vib_debugfs_hca.c.
 */

#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "vib_agent.h"
#include "vib_debugfs.h"
#include "vib_rule.h"

#define VIB_CMD_MAX	256

static struct dentry *vib_debugfs_root;

/**
 * vib_debugfs_text() - copy what was written to a file, as one trimmed line
 * @ubuf: from user space
 * @count: bytes
 *
 * Context: process, sleeps.
 * Return: the line, to be kfree()d, or ERR_PTR.
 */
char *vib_debugfs_text(const char __user *ubuf, size_t count)
{
	char *text;

	if (count >= VIB_CMD_MAX)
		return ERR_PTR(-EINVAL);
	text = memdup_user_nul(ubuf, count);
	if (!IS_ERR(text)) {
		char *line = strim(text);

		memmove(text, line, strlen(line) + 1);
	}
	return text;
}

static int vib_caps_number(struct vib_hca_caps *caps, int *idx,
			   const char *key, u32 v)
{
	if (!strcmp(key, "lso"))
		caps->lso = v;
	else if (!strcmp(key, "csum"))
		caps->csum = v;
	else if (!strcmp(key, "srq"))
		caps->srq = v;
	else if (!strcmp(key, "block_mcast_loop"))
		caps->block_mcast_loop = v;
	else if (!strcmp(key, "max_mtu") && (v == 2048 || v == 4096))
		caps->max_mtu = v == 2048 ? IB_MTU_2048 : IB_MTU_4096;
	else if (!strcmp(key, "max_send_sge") && v && v <= U8_MAX)
		caps->max_send_sge = v;
	else if (!strcmp(key, "accel") && v <= 2)
		caps->accel = v;
	else if (!strcmp(key, "vectors") && v && v <= VIB_MAX_VECTORS)
		caps->vectors = v;
	else if (!strcmp(key, "idx") && v < VIB_MAX_HCAS)
		*idx = v;
	else
		return -EINVAL;
	return 0;
}

static int vib_caps_parse(struct vib_hca_caps *caps, int *idx, char *text)
{
	char *value;
	char *word;
	u32 v;

	while ((word = strsep(&text, " \t"))) {
		if (!*word)
			continue;
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		if (!value || kstrtou32(value, 0, &v) ||
		    vib_caps_number(caps, idx, word, v)) {
			pr_err("vib: bad HCA capability '%s'\n", word);
			return -EINVAL;
		}
	}
	return 0;
}

static ssize_t vib_add_write(struct file *file, const char __user *ubuf,
			     size_t count, loff_t *ppos)
{
	struct vib_hca_caps caps;
	struct vib_hca *hca;
	int idx = -1;
	char *text;
	int err;

	text = vib_debugfs_text(ubuf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	vib_hca_default_caps(&caps);
	err = vib_caps_parse(&caps, &idx, text);
	kfree(text);
	if (err)
		return err;
	hca = vib_hca_create(idx, &caps);
	return IS_ERR(hca) ? PTR_ERR(hca) : count;
}

static const char *vib_state_name(u8 state)
{
	static const char * const names[] = {
		[IB_PORT_DOWN] = "down",
		[IB_PORT_INIT] = "init",
		[IB_PORT_ARMED] = "armed",
		[IB_PORT_ACTIVE] = "active",
	};

	return state < ARRAY_SIZE(names) && names[state] ? names[state] : "?";
}

static void vib_show_hca(struct seq_file *seq, const struct vib_hca *hca)
{
	const struct vib_hca_caps *caps = &hca->caps;
	const struct vib_port *port = &hca->port;

	seq_printf(seq,
		   "vib%u guid=%016llx lid=%u sm_lid=%u state=%s lso=%d csum=%d srq=%d block_mcast_loop=%d max_mtu=%d max_send_sge=%u accel=%u vectors=%u\n",
		   hca->idx, be64_to_cpu(port->guid[0]), port->lid,
		   port->sm_lid, vib_state_name(port->state), caps->lso,
		   caps->csum, caps->srq, caps->block_mcast_loop,
		   ib_mtu_enum_to_int(caps->max_mtu),
		   caps->max_send_sge, caps->accel, caps->vectors);
}

/* A peer of a switch port stays while the lock is held, and so its HCA. */
static int vib_add_show(struct seq_file *seq, void *v)
{
	struct vib_switch *sw = vib_fabric.sw;
	struct vib_link *peer;
	unsigned int i;

	spin_lock_irq(&vib_fabric.lock);
	for (i = 1; i <= sw->nports; i++) {
		peer =
		rcu_dereference_protected(sw->links[i].peer,
					  lockdep_is_held(&vib_fabric.lock));
		if (peer)
			vib_show_hca(seq, peer->port->hca);
	}
	spin_unlock_irq(&vib_fabric.lock);
	return 0;
}

static int vib_add_open(struct inode *inode, struct file *file)
{
	return single_open(file, vib_add_show, NULL);
}

static const struct file_operations vib_add_fops = {
	.owner = THIS_MODULE,
	.open = vib_add_open,
	.read = seq_read,
	.write = vib_add_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static ssize_t vib_remove_write(struct file *file, const char __user *ubuf,
				size_t count, loff_t *ppos)
{
	char *text;
	int err;
	u32 idx;

	text = vib_debugfs_text(ubuf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	err = kstrtou32(strncmp(text, "vib", 3) ? text : text + 3, 10, &idx);
	kfree(text);
	if (!err)
		err = vib_hca_destroy(idx);
	return err ?: count;
}

static const struct file_operations vib_remove_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = vib_remove_write,
	.llseek = noop_llseek,
};

static ssize_t vib_faults_write(struct file *file, const char __user *ubuf,
				size_t count, loff_t *ppos)
{
	char *text;
	int err;

	text = vib_debugfs_text(ubuf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	err = vib_fault_command(text);
	kfree(text);
	return err ?: count;
}

static int vib_faults_show(struct seq_file *seq, void *v)
{
	vib_fault_list(seq);
	return 0;
}

static int vib_faults_open(struct inode *inode, struct file *file)
{
	return single_open(file, vib_faults_show, NULL);
}

static const struct file_operations vib_faults_fops = {
	.owner = THIS_MODULE,
	.open = vib_faults_open,
	.read = seq_read,
	.write = vib_faults_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int vib_switch_show(struct seq_file *seq, void *v)
{
	struct vib_switch *sw = vib_fabric.sw;
	struct vib_port_stats t;
	struct vib_link *link;
	unsigned int i;

	seq_printf(seq, "switch guid=%016llx lid=%u sm_lid=%u ports=%u lft_top=%u\n",
		   be64_to_cpu(sw->guid), sw->ports[0].lid,
		   sw->ports[0].sm_lid, sw->nports, sw->lft_top);
	for (i = 1; i <= sw->nports; i++) {
		link = &sw->links[i];
		if (!rcu_access_pointer(link->peer))
			continue;
		vib_pma_read(link->port, &t);
		seq_printf(seq,
			   "port %u state=%s downed=%d relay_errors=%d xmit_discards=%d xmit_constraint=%d rcv_constraint=%d xmit_pkts=%llu rcv_pkts=%llu mcast_xmit=%llu mcast_rcv=%llu\n",
			   i, vib_state_name(link->port->state),
			   atomic_read(&link->err[VIB_ERR_LINK_DOWNED]),
			   atomic_read(&link->err[VIB_ERR_RELAY]),
			   atomic_read(&link->err[VIB_ERR_XMIT_DISCARD]),
			   atomic_read(&link->err[VIB_ERR_XMIT_CONSTRAINT]),
			   atomic_read(&link->err[VIB_ERR_RCV_CONSTRAINT]),
			   t.xmit_pkts, t.rcv_pkts, t.mcast_xmit, t.mcast_rcv);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vib_switch);

/**
 * vib_debugfs_init() - make the control files of the fabric
 *
 * Context: process, sleeps.
 */
void vib_debugfs_init(void)
{
	struct dentry *root = debugfs_create_dir("vib", NULL);

	vib_debugfs_root = root;
	debugfs_create_file("add", 0600, root, NULL, &vib_add_fops);
	debugfs_create_file("remove", 0200, root, NULL, &vib_remove_fops);
	debugfs_create_file("faults", 0600, root, NULL, &vib_faults_fops);
	debugfs_create_file("switch", 0400, root, NULL, &vib_switch_fops);
}

/**
 * vib_debugfs_exit() - remove the control files
 *
 * Context: process, sleeps; waits for who is using one.
 */
void vib_debugfs_exit(void)
{
	debugfs_remove(vib_debugfs_root);
}

/**
 * vib_debugfs_add_hca() - make the control files of an HCA
 * @hca: registered HCA
 *
 * Context: process, sleeps.
 */
void vib_debugfs_add_hca(struct vib_hca *hca)
{
	char name[16];

	snprintf(name, sizeof(name), "vib%u", hca->idx);
	hca->dbg = debugfs_create_dir(name, vib_debugfs_root);
	vib_debugfs_hca_files(hca);
}

/**
 * vib_debugfs_del_hca() - remove the control files of an HCA
 * @hca: the HCA
 *
 * Context: process, sleeps; waits for who is using one.
 */
void vib_debugfs_del_hca(struct vib_hca *hca)
{
	debugfs_remove(hca->dbg);
	hca->dbg = NULL;
}
