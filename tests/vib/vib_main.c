// SPDX-License-Identifier: GPL-2.0-only
/* vib: module parameters, and the coming and going of HCAs. */

#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/xarray.h>

#include "vib_verbs.h"

static unsigned int nhca = 2;
module_param(nhca, uint, 0444);
MODULE_PARM_DESC(nhca, "HCAs to start with, 0..64 (default 2)");

static unsigned int num_comp_vectors;
module_param(num_comp_vectors, uint, 0444);
MODULE_PARM_DESC(num_comp_vectors,
		 "completion vectors of an HCA, 1..256; 0 = one per online CPU (default 0)");

static bool lso = true;
module_param(lso, bool, 0444);
MODULE_PARM_DESC(lso, "HCAs segment large UD sends (default Y)");

static bool csum = true;
module_param(csum, bool, 0444);
MODULE_PARM_DESC(csum, "HCAs compute and check IP checksums (default Y)");

static bool srq = true;
module_param(srq, bool, 0444);
MODULE_PARM_DESC(srq, "HCAs have shared receive queues (default Y)");

static bool block_mcast_loop = true;
module_param(block_mcast_loop, bool, 0444);
MODULE_PARM_DESC(block_mcast_loop,
		 "HCAs can keep a QP's own multicast away from it (default Y)");

static unsigned int max_mtu = 4096;
module_param(max_mtu, uint, 0444);
MODULE_PARM_DESC(max_mtu, "largest IB MTU, 2048 or 4096 bytes (default 4096)");

static unsigned int max_send_sge = VIB_MAX_SGE;
module_param(max_send_sge, uint, 0444);
MODULE_PARM_DESC(max_send_sge,
		 "gather entries of a send request, 1..32 (default 32)");

static unsigned int accel;
module_param(accel, uint, 0444);
MODULE_PARM_DESC(accel,
		 "HCAs offer IPoIB an accelerated netdev: 0 none, 1 with a QP of its own, 2 over IPoIB's (default 0)");

static DEFINE_MUTEX(vib_hca_mutex);
static LIST_HEAD(vib_hcas);

/* Raises the affiliated events of QPs, SRQs and CQs in process context. */
struct workqueue_struct *vib_wq;

static struct vib_hca *vib_hca_find(u32 idx)
{
	struct vib_hca *hca;

	lockdep_assert_held(&vib_hca_mutex);
	list_for_each_entry(hca, &vib_hcas, entry)
		if (hca->idx == idx)
			return hca;
	return NULL;
}

/**
 * vib_hca_default_caps() - capabilities as the module parameters say
 * @caps: filled in
 */
void vib_hca_default_caps(struct vib_hca_caps *caps)
{
	*caps = (struct vib_hca_caps) {
		.lso = lso,
		.csum = csum,
		.srq = srq,
		.block_mcast_loop = block_mcast_loop,
		.max_mtu = max_mtu == 2048 ? IB_MTU_2048 : IB_MTU_4096,
		.max_send_sge = max_send_sge,
		.accel = accel,
		.vectors = num_comp_vectors,
	};
}

static int vib_hca_check_caps(struct vib_hca_caps *caps)
{
	if (!caps->vectors)
		caps->vectors = min_t(u32, num_online_cpus(), VIB_MAX_VECTORS);
	if (caps->max_mtu != IB_MTU_2048 && caps->max_mtu != IB_MTU_4096)
		return -EINVAL;
	if (!caps->max_send_sge || caps->max_send_sge > VIB_MAX_SGE)
		return -EINVAL;
	if (caps->vectors > VIB_MAX_VECTORS || caps->accel > 2)
		return -EINVAL;
	return 0;
}

static void vib_port_init(struct vib_hca *hca)
{
	struct vib_port *port = &hca->port;

	port->hca = hca;
	spin_lock_init(&port->lock);
	port->max_mtu = hca->caps.max_mtu;
	port->guid[0] = cpu_to_be64(be64_to_cpu(hca->node_guid) + 1);
}

/* Makes the HCA up to, but not including, its registration. */
static struct vib_hca *vib_hca_alloc(u32 idx, const struct vib_hca_caps *caps)
{
	struct vib_hca *hca;
	int err;

	hca = ib_alloc_device(vib_hca, ibdev);
	if (!hca)
		return ERR_PTR(-ENOMEM);
	hca->idx = idx;
	hca->caps = *caps;
	hca->node_guid = cpu_to_be64(VIB_GUID_BASE + ((idx + 1) << 4));
	/* A start of its own for each HCA: QPNs of two HCAs rarely agree. */
	hca->next_qpn = 0x48 + idx * 0x1021;
	hca->next_key = 0x100 + idx * 0x4021;
	xa_init_flags(&hca->qps, XA_FLAGS_ALLOC);
	xa_init_flags(&hca->mrs, XA_FLAGS_ALLOC);
	vib_port_init(hca);

	err = -ENOMEM;
	hca->port.stats = alloc_percpu(struct vib_port_stats);
	if (!hca->port.stats)
		goto err_dev;
	err = vib_mcast_init(hca);
	if (err)
		goto err_stats;
	hca->pdev = platform_device_register_simple("vib", idx, NULL, 0);
	if (IS_ERR(hca->pdev)) {
		err = PTR_ERR(hca->pdev);
		goto err_mcast;
	}
	return hca;

err_mcast:
	vib_mcast_free(hca);
err_stats:
	free_percpu(hca->port.stats);
err_dev:
	ib_dealloc_device(&hca->ibdev);
	return ERR_PTR(err);
}

static void vib_hca_free(struct vib_hca *hca)
{
	struct platform_device *pdev = hca->pdev;

	vib_mcast_free(hca);
	free_percpu(hca->port.stats);
	WARN_ON(!xa_empty(&hca->qps));
	WARN_ON(!xa_empty(&hca->mrs));
	xa_destroy(&hca->qps);
	xa_destroy(&hca->mrs);
	ib_dealloc_device(&hca->ibdev);
	platform_device_unregister(pdev);
}

static struct vib_hca *vib_hca_start(u32 idx, const struct vib_hca_caps *caps)
{
	struct vib_hca *hca;
	int err;

	hca = vib_hca_alloc(idx, caps);
	if (IS_ERR(hca))
		return hca;
	err = vib_fabric_add_hca(hca);
	if (err)
		goto err_free;
	err = vib_dev_register(hca);
	if (err)
		goto err_fabric;
	WRITE_ONCE(hca->registered, true);
	vib_fabric_start_hca(hca);
	return hca;

err_fabric:
	vib_fabric_del_hca(hca);
err_free:
	vib_hca_free(hca);
	return ERR_PTR(err);
}

static void vib_hca_stop(struct vib_hca *hca)
{
	/* The core flushes the events that it was given before this point. */
	WRITE_ONCE(hca->registered, false);
	synchronize_rcu();
	/* Clients leave while the link is still up, so they can say good-bye */
	ib_unregister_device(&hca->ibdev);
	vib_fabric_del_hca(hca);
	vib_hca_free(hca);
}

/**
 * vib_hca_create() - add an HCA and plug it into the fabric
 * @idx: index, 0..63, or -1 for the lowest free one
 * @caps: capabilities
 *
 * Context: process, sleeps. Takes vib_hca_mutex.
 * Return: the HCA, or ERR_PTR: -EEXIST when the index is in use, -EINVAL for
 * capabilities out of range, -ENOSPC when all indices are taken.
 */
struct vib_hca *vib_hca_create(int idx, const struct vib_hca_caps *caps)
{
	struct vib_hca_caps c = *caps;
	struct vib_hca *hca;
	int err;

	err = vib_hca_check_caps(&c);
	if (err)
		return ERR_PTR(err);
	mutex_lock(&vib_hca_mutex);
	if (idx < 0)
		for (idx = 0; idx < VIB_MAX_HCAS && vib_hca_find(idx); idx++)
			;
	if (idx >= VIB_MAX_HCAS)
		hca = ERR_PTR(-ENOSPC);
	else if (vib_hca_find(idx))
		hca = ERR_PTR(-EEXIST);
	else
		hca = vib_hca_start(idx, &c);
	if (!IS_ERR(hca))
		list_add_tail(&hca->entry, &vib_hcas);
	mutex_unlock(&vib_hca_mutex);
	return hca;
}

/**
 * vib_hca_destroy() - unplug and remove an HCA, in use or not
 * @idx: its index
 *
 * Context: process, sleeps. Takes vib_hca_mutex.
 * Return: 0, or -ENODEV when there is no such HCA.
 */
int vib_hca_destroy(u32 idx)
{
	struct vib_hca *hca;

	mutex_lock(&vib_hca_mutex);
	hca = vib_hca_find(idx);
	if (hca) {
		list_del(&hca->entry);
		vib_hca_stop(hca);
	}
	mutex_unlock(&vib_hca_mutex);
	return hca ? 0 : -ENODEV;
}

/*
 * From the last to the first: the subnet manager is most often on the first,
 * and while it lives, the others leave their multicast groups in no time.
 */
static void vib_destroy_all(void)
{
	u32 idx = VIB_MAX_HCAS;

	while (idx--)
		vib_hca_destroy(idx);
}

static int __init vib_init(void)
{
	struct vib_hca_caps caps;
	struct vib_hca *hca;
	unsigned int i;
	int err;

	if (nhca > VIB_MAX_HCAS || (max_mtu != 2048 && max_mtu != 4096)) {
		pr_err("vib: nhca must be 0..64, max_mtu 2048 or 4096\n");
		return -EINVAL;
	}
	vib_wq = alloc_workqueue("vib", WQ_UNBOUND, 0);
	if (!vib_wq)
		return -ENOMEM;
	err = vib_client_init();
	if (err)
		goto err_wq;
	err = vib_fabric_init();
	if (err)
		goto err_client;
	vib_hca_default_caps(&caps);
	for (i = 0; i < nhca; i++) {
		hca = vib_hca_create(i, &caps);
		if (IS_ERR(hca)) {
			err = PTR_ERR(hca);
			goto err_hcas;
		}
	}
	return 0;

err_hcas:
	vib_destroy_all();
	vib_fabric_exit();
err_client:
	vib_client_exit();
err_wq:
	destroy_workqueue(vib_wq);
	return err;
}

static void __exit vib_exit(void)
{
	vib_destroy_all();
	vib_fabric_exit();
	vib_client_exit();
	destroy_workqueue(vib_wq);
}

module_init(vib_init);
module_exit(vib_exit);

MODULE_DESCRIPTION("Virtual InfiniBand fabric: HCAs on a modelled switch");
MODULE_LICENSE("GPL");
