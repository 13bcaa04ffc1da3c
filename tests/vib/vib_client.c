// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: an HCA that is about to lose the management agents of the RDMA core.
 *
 * For each port the core has an agent by which it sends the answers of
 * process_mad, and those it makes up for questions that nobody takes. When the
 * device goes, ib_agent_port_close() frees that agent while the receive queues
 * of QP 0 and 1 are still at work: ib_mad_recv_done() may have looked the agent
 * up just before, and then sends through freed memory. A subnet manager on a
 * busy host asks at any moment, so this does happen.
 *
 * Clients leave a device in the reverse order of their coming, and the core's
 * MAD layer is among the first to come. So this client leaves before it. From
 * then on the HCA keeps silent about questions, and those already at work are
 * waited for.
 */

#include <linux/module.h>

#include "vib_verbs.h"

static int vib_client_add(struct ib_device *ibdev)
{
	if (ibdev->ops.owner != THIS_MODULE)
		return -EOPNOTSUPP;
	WRITE_ONCE(to_vhca(ibdev)->silent, false);
	return 0;
}

/* Waits for the handling of what has completed at a management QP. */
static void vib_client_flush(struct vib_hca *hca, u32 qpn)
{
	/* The MAD layer has made it, and has not left yet. */
	struct vib_qp *qp = xa_load(&hca->qps, qpn);
	struct ib_cq *cq = qp ? qp->ibqp.recv_cq : NULL;

	if (cq && (cq->poll_ctx == IB_POLL_WORKQUEUE ||
		   cq->poll_ctx == IB_POLL_UNBOUND_WORKQUEUE))
		flush_work(&cq->work);
}

static void vib_client_remove(struct ib_device *ibdev, void *data)
{
	struct vib_hca *hca = to_vhca(ibdev);

	WRITE_ONCE(hca->silent, true);
	/*
	 * A work that runs now may not have seen it; one that begins later
	 * will: flush_work() takes the lock of the pool that starts it.
	 */
	vib_client_flush(hca, 0);
	vib_client_flush(hca, 1);
}

static struct ib_client vib_client = {
	.name = "vib",
	.add = vib_client_add,
	.remove = vib_client_remove,
};

/**
 * vib_client_init() - from here on HCAs keep silent before their agents go
 *
 * Context: process, sleeps; before the first HCA is registered.
 * Return: 0 or -errno.
 */
int vib_client_init(void)
{
	return ib_register_client(&vib_client);
}

/**
 * vib_client_exit() - undo vib_client_init()
 *
 * Context: process, sleeps; after the last HCA is unregistered.
 */
void vib_client_exit(void)
{
	ib_unregister_client(&vib_client);
}
