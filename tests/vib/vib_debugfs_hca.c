// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: control files of an HCA, /sys/kernel/debug/vib/vib<n>.
 *
 * debugfs waits for the users of a file before it removes it, and the HCA is
 * freed after its files are removed, so a handler may use the HCA. For the
 * same reason no handler may wait for the HCA to go: "remove" does, and is
 * therefore made without that protection; it uses nothing but the index.
 */

#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "vib_agent.h"
#include "vib_debugfs.h"

static int vib_link_get(void *data, u64 *v)
{
	struct vib_hca *hca = data;

	*v = hca->port.link->plugged;
	return 0;
}

static int vib_link_set(void *data, u64 v)
{
	struct vib_hca *hca = data;

	if (v > 1)
		return -EINVAL;
	vib_link_plug(hca->port.link, v);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(vib_link_fops, vib_link_get, vib_link_set, "%llu\n");

static int vib_fatal_set(void *data, u64 v)
{
	struct vib_hca *hca = data;

	if (v != 1)
		return -EINVAL;
	vib_port_event(&hca->port, IB_EVENT_DEVICE_FATAL);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(vib_fatal_fops, NULL, vib_fatal_set, "%llu\n");

static int vib_lid_get(void *data, u64 *v)
{
	struct vib_hca *hca = data;

	*v = READ_ONCE(hca->port.lid);
	return 0;
}

/* The LID changes under the SM's feet: its tables go stale. */
static int vib_lid_set(void *data, u64 v)
{
	struct vib_hca *hca = data;
	unsigned long flags;

	if (!v || v >= VIB_LFT_LEN)
		return -EINVAL;
	spin_lock_irqsave(&hca->port.lock, flags);
	WRITE_ONCE(hca->port.lid, v);
	spin_unlock_irqrestore(&hca->port.lock, flags);
	vib_port_event(&hca->port, IB_EVENT_LID_CHANGE);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(vib_lid_fops, vib_lid_get, vib_lid_set, "%llu\n");

static int vib_prefix_get(void *data, u64 *v)
{
	struct vib_hca *hca = data;

	*v = be64_to_cpu(READ_ONCE(hca->port.gid_prefix));
	return 0;
}

static int vib_prefix_set(void *data, u64 v)
{
	struct vib_hca *hca = data;
	unsigned long flags;

	spin_lock_irqsave(&hca->port.lock, flags);
	hca->port.gid_prefix = cpu_to_be64(v);
	spin_unlock_irqrestore(&hca->port.lock, flags);
	vib_port_event(&hca->port, IB_EVENT_GID_CHANGE);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(vib_prefix_fops, vib_prefix_get, vib_prefix_set,
			 "0x%016llx\n");

/* Reads "<index> <value>", the form of a change to a table. */
static int vib_table_entry(const char __user *ubuf, size_t count, u32 max,
			   u32 *index, u64 *value)
{
	char *second;
	char *text;
	int err;

	text = vib_debugfs_text(ubuf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	second = strchr(text, ' ');
	err = -EINVAL;
	if (second) {
		*second++ = '\0';
		err = kstrtou32(text, 0, index);
		if (!err)
			err = kstrtou64(skip_spaces(second), 0, value);
	}
	kfree(text);
	if (!err && *index >= max)
		err = -EINVAL;
	return err;
}

static int vib_pkeys_show(struct seq_file *seq, void *v)
{
	struct vib_hca *hca = seq->private;
	unsigned int i;
	u16 pkey;

	for (i = 0; i < VIB_NUM_PKEYS; i++) {
		pkey = READ_ONCE(hca->port.pkey[i]);
		if (pkey)
			seq_printf(seq, "%u 0x%04x\n", i, pkey);
	}
	return 0;
}

static ssize_t vib_pkeys_write(struct file *file, const char __user *ubuf,
			       size_t count, loff_t *ppos)
{
	struct vib_hca *hca = file_inode(file)->i_private;
	unsigned long flags;
	u64 value;
	u32 index;
	int err;

	err = vib_table_entry(ubuf, count, VIB_NUM_PKEYS, &index, &value);
	if (err)
		return err;
	if (value > U16_MAX)
		return -EINVAL;
	spin_lock_irqsave(&hca->port.lock, flags);
	WRITE_ONCE(hca->port.pkey[index], value);
	spin_unlock_irqrestore(&hca->port.lock, flags);
	vib_port_event(&hca->port, IB_EVENT_PKEY_CHANGE);
	return count;
}

static int vib_pkeys_open(struct inode *inode, struct file *file)
{
	return single_open(file, vib_pkeys_show, inode->i_private);
}

static const struct file_operations vib_pkeys_fops = {
	.owner = THIS_MODULE,
	.open = vib_pkeys_open,
	.read = seq_read,
	.write = vib_pkeys_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int vib_guids_show(struct seq_file *seq, void *v)
{
	struct vib_hca *hca = seq->private;
	unsigned int i;
	u64 guid;

	for (i = 0; i < VIB_NUM_GUIDS; i++) {
		guid = be64_to_cpu(READ_ONCE(hca->port.guid[i]));
		if (guid)
			seq_printf(seq, "%u 0x%016llx\n", i, guid);
	}
	return 0;
}

static ssize_t vib_guids_write(struct file *file, const char __user *ubuf,
			       size_t count, loff_t *ppos)
{
	struct vib_hca *hca = file_inode(file)->i_private;
	unsigned long flags;
	u64 value;
	u32 index;
	int err;

	err = vib_table_entry(ubuf, count, VIB_NUM_GUIDS, &index, &value);
	if (err)
		return err;
	if (!index)
		return -EPERM;
	spin_lock_irqsave(&hca->port.lock, flags);
	hca->port.guid[index] = cpu_to_be64(value);
	spin_unlock_irqrestore(&hca->port.lock, flags);
	vib_port_event(&hca->port, IB_EVENT_GID_CHANGE);
	return count;
}

static int vib_guids_open(struct inode *inode, struct file *file)
{
	return single_open(file, vib_guids_show, inode->i_private);
}

static const struct file_operations vib_guids_fops = {
	.owner = THIS_MODULE,
	.open = vib_guids_open,
	.read = seq_read,
	.write = vib_guids_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static ssize_t vib_gone_write(struct file *file, const char __user *ubuf,
			      size_t count, loff_t *ppos)
{
	u32 idx = (unsigned long)file->private_data;
	bool yes;
	int err;

	err = kstrtobool_from_user(ubuf, count, &yes);
	if (err)
		return err;
	if (!yes)
		return -EINVAL;
	err = vib_hca_destroy(idx);
	return err ?: count;
}

static const struct file_operations vib_gone_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = vib_gone_write,
	.llseek = noop_llseek,
};

/**
 * vib_debugfs_hca_files() - make the control files of an HCA
 * @hca: the HCA, with its folder
 *
 * Context: process, sleeps.
 */
void vib_debugfs_hca_files(struct vib_hca *hca)
{
	struct dentry *dir = hca->dbg;

	debugfs_create_file_unsafe("link", 0600, dir, hca, &vib_link_fops);
	debugfs_create_file_unsafe("fatal", 0200, dir, hca, &vib_fatal_fops);
	debugfs_create_file_unsafe("lid", 0600, dir, hca, &vib_lid_fops);
	debugfs_create_file_unsafe("gid_prefix", 0600, dir, hca,
				   &vib_prefix_fops);
	debugfs_create_atomic_t("no_receive", 0400, dir,
				&hca->port.no_receive);
	debugfs_create_atomic_t("rnr_naks", 0400, dir, &hca->port.rnr_naks);
	debugfs_create_file("pkeys", 0600, dir, hca, &vib_pkeys_fops);
	debugfs_create_file("guids", 0600, dir, hca, &vib_guids_fops);
	debugfs_create_file_unsafe("remove", 0200, dir,
				   (void *)(unsigned long)hca->idx,
				   &vib_gone_fops);
}
