// SPDX-License-Identifier: GPL-2.0-only
/* vib: multicast attachments of an HCA and delivery to its members. */

#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/slab.h>

#include "vib_verbs.h"

#define VIB_MCAST_BITS 7

/**
 * struct vib_member - one QP attached to one group
 * @node: in the table, by MGID
 * @gid: the MGID
 * @qp: the QP
 * @rcu: delivery walks the table by RCU
 */
struct vib_member {
	struct hlist_node node;
	union ib_gid gid;
	struct vib_qp *qp;
	struct rcu_head rcu;
};

/**
 * struct vib_mcast - all attachments of an HCA
 * @lock: serialises changes of the table
 * @table: members by MGID
 */
struct vib_mcast {
	struct mutex lock; /* serialises changes of the table */
	DECLARE_HASHTABLE(table, VIB_MCAST_BITS);
};

/**
 * vib_mcast_init() - make the empty table of an HCA
 * @hca: the HCA
 *
 * Return: 0 or -ENOMEM.
 */
int vib_mcast_init(struct vib_hca *hca)
{
	hca->mcast = kzalloc(sizeof(*hca->mcast), GFP_KERNEL);
	if (!hca->mcast)
		return -ENOMEM;
	mutex_init(&hca->mcast->lock);
	hash_init(hca->mcast->table);
	return 0;
}

/**
 * vib_mcast_free() - free the table of an HCA
 * @hca: the HCA, without QPs
 */
void vib_mcast_free(struct vib_hca *hca)
{
	WARN_ON(!hash_empty(hca->mcast->table));
	kfree(hca->mcast);
}

static u32 vib_mcast_key(const union ib_gid *gid)
{
	return jhash2((const u32 *)gid, sizeof(*gid) / sizeof(u32), 0);
}

static struct vib_member *vib_mcast_find(struct vib_mcast *mc,
					 const union ib_gid *gid,
					 const struct vib_qp *qp)
{
	struct vib_member *m;

	lockdep_assert_held(&mc->lock);
	hash_for_each_possible(mc->table, m, node, vib_mcast_key(gid))
		if (m->qp == qp && !memcmp(&m->gid, gid, sizeof(*gid)))
			return m;
	return NULL;
}

/**
 * vib_attach_mcast() - ib_device_ops.attach_mcast
 * @ibqp: the QP; the core lets it live until it is detached
 * @gid: MGID
 * @lid: MLID; packets are matched by MGID
 *
 * Attaching twice is the same as attaching once.
 *
 * Context: process, sleeps.
 * Return: 0 or -errno.
 */
int vib_attach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid)
{
	struct vib_qp *qp = to_vqp(ibqp);
	struct vib_mcast *mc = qp->hca->mcast;
	struct vib_member *m;

	if (ibqp->qp_type != IB_QPT_UD)
		return -EINVAL;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	m->gid = *gid;
	m->qp = qp;
	mutex_lock(&mc->lock);
	if (!vib_mcast_find(mc, gid, qp)) {
		hash_add_rcu(mc->table, &m->node, vib_mcast_key(gid));
		m = NULL;
	}
	mutex_unlock(&mc->lock);
	kfree(m);
	return 0;
}

/**
 * vib_detach_mcast() - ib_device_ops.detach_mcast
 * @ibqp: the QP
 * @gid: MGID
 * @lid: MLID
 *
 * Context: process, sleeps.
 * Return: 0, or -EINVAL when the QP is not attached.
 */
int vib_detach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid)
{
	struct vib_qp *qp = to_vqp(ibqp);
	struct vib_mcast *mc = qp->hca->mcast;
	struct vib_member *m;

	mutex_lock(&mc->lock);
	m = vib_mcast_find(mc, gid, qp);
	if (m) {
		hash_del_rcu(&m->node);
		kfree_rcu(m, rcu);
	}
	mutex_unlock(&mc->lock);
	return m ? 0 : -EINVAL;
}

/**
 * vib_mcast_deliver() - give a multicast packet to all members of an HCA
 * @port: the port it arrived at, or is sent from
 * @pkt: the packet, not consumed
 * @skip: a QP that gets no copy, or NULL
 *
 * Context: any that may not sleep, under rcu_read_lock().
 */
void vib_mcast_deliver(struct vib_port *port, struct vib_pkt *pkt,
		       const struct vib_qp *skip)
{
	const union ib_gid *gid = &pkt->grh.dgid;
	struct vib_mcast *mc = port->hca->mcast;
	struct vib_member *m;

	if (!(pkt->flags & VIB_PKT_GRH))
		return;
	hash_for_each_possible_rcu(mc->table, m, node, vib_mcast_key(gid))
		if (m->qp != skip && !memcmp(&m->gid, gid, sizeof(*gid)))
			vib_ud_receive(port, m->qp, pkt);
}
