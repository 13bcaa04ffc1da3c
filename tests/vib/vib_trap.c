// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: traps. A trap is sent to the master SM at once, and again at a pace
 * until the SM represses it, or for VIB_TRAP_SENDS times. A new occurrence
 * takes the place of the one before: the SM asks for the state anyhow.
 */

#include "vib_agent.h"

#define VIB_TRAP_SENDS		10
#define VIB_TRAP_MIN_INTERVAL	msecs_to_jiffies(200)

#define VIB_NOTICE_TRAP_LINK_STATE	cpu_to_be16(128)
#define VIB_NOTICE_GENERIC		0x80
#define VIB_NOTICE_TYPE_URGENT		1
#define VIB_NOTICE_TYPE_SECURITY	2
#define VIB_NOTICE_TYPE_INFO		4

/* PortInfo.SubnetTimeOut, 4.096 us * 2^n, is the shortest time between. */
static unsigned long vib_trap_interval(const struct vib_link *link)
{
	u64 nsec = 4096ULL << min_t(u8, link->port->subnet_timeout, 20);

	return max(nsecs_to_jiffies(nsec), VIB_TRAP_MIN_INTERVAL);
}

static struct vib_pkt *vib_trap_pkt(const struct vib_link *link,
				    const struct vib_trap *trap)
{
	struct vib_port *port = link->port;
	struct vib_pkt *pkt;
	struct ib_smp *smp;

	pkt = vib_pkt_alloc(sizeof(*smp), GFP_ATOMIC);
	if (!pkt)
		return NULL;
	pkt->op = VIB_OP_UD_SEND;
	pkt->slid = READ_ONCE(port->lid);
	pkt->dlid = READ_ONCE(port->sm_lid);
	pkt->sl = port->sm_sl;
	pkt->pkey = IB_DEFAULT_PKEY_FULL;
	smp = (struct ib_smp *)pkt->data;
	memset(smp, 0, sizeof(*smp));
	smp->base_version = IB_MGMT_BASE_VERSION;
	smp->mgmt_class = IB_MGMT_CLASS_SUBN_LID_ROUTED;
	smp->class_version = 1;
	smp->method = IB_MGMT_METHOD_TRAP;
	smp->tid = trap->tid;
	smp->attr_id = IB_SMP_ATTR_NOTICE;
	memcpy(smp->data, trap->notice, sizeof(smp->data));
	return pkt;
}

static void vib_trap_send(struct vib_link *link, struct vib_pkt *pkt)
{
	if (link->port->hca) {
		vib_fabric_xmit(link->port, pkt);
		return;
	}
	rcu_read_lock();
	vib_switch_send(vib_fabric.sw, pkt);
	rcu_read_unlock();
}

/*
 * Takes the next trap that is due. Without a LID or an SM to send to, it
 * counts as sent all the same: a new SM reads everything by itself.
 */
static struct vib_pkt *vib_trap_next(struct vib_link *link)
{
	struct vib_traps *traps = &link->traps;
	struct vib_pkt *pkt = NULL;
	struct vib_trap *trap;
	unsigned int i;

	spin_lock_irq(&traps->lock);
	for (i = 0; i < VIB_TRAP_NUM && !pkt; i++) {
		trap = &traps->slot[i];
		if (!trap->left || time_before(jiffies, trap->due))
			continue;
		trap->left--;
		trap->due = jiffies + vib_trap_interval(link);
		if (READ_ONCE(link->port->sm_lid) && READ_ONCE(link->port->lid))
			pkt = vib_trap_pkt(link, trap);
	}
	spin_unlock_irq(&traps->lock);
	return pkt;
}

static void vib_trap_work(struct work_struct *work)
{
	struct vib_link *link = container_of(to_delayed_work(work),
					     struct vib_link, traps.work);
	struct vib_traps *traps = &link->traps;
	struct vib_pkt *pkt;
	bool more = false;
	unsigned int i;

	while ((pkt = vib_trap_next(link))) {
		local_bh_disable();
		vib_trap_send(link, pkt);
		local_bh_enable();
	}
	spin_lock_irq(&traps->lock);
	for (i = 0; i < VIB_TRAP_NUM; i++)
		more |= traps->slot[i].left;
	spin_unlock_irq(&traps->lock);
	if (more)
		queue_delayed_work(vib_fabric.wq, &traps->work,
				   vib_trap_interval(link));
}

/* Fills in what all notices have in common. */
static void vib_trap_notice(const struct vib_link *link,
			    struct ib_mad_notice_attr *n, u8 type, __be16 num)
{
	memset(n, 0, sizeof(*n));
	n->generic_type = VIB_NOTICE_GENERIC | type;
	n->prod_type_lsb = link->port->hca ? IB_NOTICE_PROD_CA :
					     IB_NOTICE_PROD_SWITCH;
	n->trap_num = num;
	n->issuer_lid = cpu_to_be16(READ_ONCE(link->port->lid));
}

/* Makes a trap outstanding, in place of one of its kind. */
static void vib_trap_raise(struct vib_link *link, enum vib_trap_slot slot,
			   const struct ib_mad_notice_attr *notice)
{
	struct vib_traps *traps = &link->traps;
	struct vib_trap *trap = &traps->slot[slot];
	unsigned long flags;

	BUILD_BUG_ON(sizeof(*notice) != IB_SMP_DATA_SIZE);
	if (!(READ_ONCE(link->port->cap_mask) & IB_PORT_TRAP_SUP))
		return;
	spin_lock_irqsave(&traps->lock, flags);
	trap->left = VIB_TRAP_SENDS;
	trap->due = jiffies;
	trap->tid = cpu_to_be64(++traps->tid);
	memcpy(trap->notice, notice, sizeof(trap->notice));
	spin_unlock_irqrestore(&traps->lock, flags);
	mod_delayed_work(vib_fabric.wq, &traps->work, 0);
}

/*
 * Violations come at the pace of the traffic: the first one is reported and
 * stays the one that is outstanding.
 */
static bool vib_trap_busy(struct vib_link *link, enum vib_trap_slot slot)
{
	return READ_ONCE(link->traps.slot[slot].left);
}

/**
 * vib_trap_link_state() - a port of the switch changed its state (trap 128)
 * @sw: the switch
 *
 * Context: vib_fabric.lock held.
 */
void vib_trap_link_state(struct vib_switch *sw)
{
	struct vib_link *link = &sw->links[0];
	struct ib_mad_notice_attr n;

	lockdep_assert_held(&vib_fabric.lock);
	sw->psc = true;
	vib_trap_notice(link, &n, VIB_NOTICE_TYPE_URGENT,
			VIB_NOTICE_TRAP_LINK_STATE);
	/* Details of trap 128: the LID of the switch. */
	memcpy(n.details.raw_data.details, &n.issuer_lid, sizeof(n.issuer_lid));
	vib_trap_raise(link, VIB_TRAP_LINK_STATE, &n);
}

/**
 * vib_trap_local_change() - the host changed something of its port (trap 144)
 * @port: port of an HCA
 * @change: IB_NOTICE_TRAP_*_CHG, or 0 when it is the capability mask
 *
 * Context: any, does not sleep.
 */
void vib_trap_local_change(struct vib_port *port, u8 change)
{
	struct ib_mad_notice_attr n;
	struct vib_link *link;

	rcu_read_lock();
	link = READ_ONCE(port->link);
	if (!link)
		goto out;
	vib_trap_notice(link, &n, VIB_NOTICE_TYPE_INFO,
			IB_NOTICE_TRAP_CAP_MASK_CHG);
	n.details.ntc_144.lid = n.issuer_lid;
	n.details.ntc_144.local_changes = change ? 1 : 0;
	n.details.ntc_144.new_cap_mask =
		cpu_to_be32(READ_ONCE(port->cap_mask));
	n.details.ntc_144.change_flags = change;
	vib_trap_raise(link, VIB_TRAP_LOCAL_CHANGE, &n);
out:
	rcu_read_unlock();
}

/**
 * vib_trap_bad_mkey() - an SMP had the wrong M_Key (trap 256)
 * @link: end port
 * @smp: the SMP
 *
 * Context: vib_fabric.lock held.
 */
void vib_trap_bad_mkey(struct vib_link *link, const struct ib_smp *smp)
{
	struct ib_mad_notice_attr n;

	lockdep_assert_held(&vib_fabric.lock);
	if (vib_trap_busy(link, VIB_TRAP_BAD_MKEY))
		return;
	vib_trap_notice(link, &n, VIB_NOTICE_TYPE_SECURITY,
			IB_NOTICE_TRAP_BAD_MKEY);
	n.details.ntc_256.lid = n.issuer_lid;
	n.details.ntc_256.method = smp->method;
	n.details.ntc_256.attr_id = smp->attr_id;
	n.details.ntc_256.attr_mod = smp->attr_mod;
	n.details.ntc_256.mkey = smp->mkey;
	if (smp->mgmt_class == IB_MGMT_CLASS_SUBN_DIRECTED_ROUTE) {
		u8 hops = min_t(u8, smp->hop_cnt,
				sizeof(n.details.ntc_256.dr_rtn_path));

		n.details.ntc_256.dr_slid = smp->dr_slid;
		n.details.ntc_256.dr_trunc_hop =
			IB_NOTICE_TRAP_DR_NOTICE | hops;
		if (hops < smp->hop_cnt)
			n.details.ntc_256.dr_trunc_hop |=
				IB_NOTICE_TRAP_DR_TRUNC;
		memcpy(n.details.ntc_256.dr_rtn_path, smp->return_path, hops);
	}
	vib_trap_raise(link, VIB_TRAP_BAD_MKEY, &n);
}

static void vib_trap_bad_key(struct vib_port *port, const struct vib_pkt *pkt,
			     enum vib_trap_slot slot, __be16 num, u32 key)
{
	struct ib_mad_notice_attr n;
	struct vib_link *link;

	rcu_read_lock();
	link = READ_ONCE(port->link);
	if (!link || vib_trap_busy(link, slot))
		goto out;
	vib_trap_notice(link, &n, VIB_NOTICE_TYPE_SECURITY, num);
	n.details.ntc_257_258.lid1 = cpu_to_be16(pkt->slid);
	n.details.ntc_257_258.lid2 = cpu_to_be16(pkt->dlid);
	n.details.ntc_257_258.key = cpu_to_be32(key);
	n.details.ntc_257_258.sl_qp1 = cpu_to_be32(pkt->sl << 28 | pkt->sqpn);
	n.details.ntc_257_258.qp2 = cpu_to_be32(pkt->dqpn);
	if (pkt->flags & VIB_PKT_GRH) {
		n.details.ntc_257_258.gid1 = pkt->grh.sgid;
		n.details.ntc_257_258.gid2 = pkt->grh.dgid;
	}
	vib_trap_raise(link, slot, &n);
out:
	rcu_read_unlock();
}

/**
 * vib_trap_bad_pkey() - a packet had a P_Key that the port lacks (trap 257)
 * @port: port of an HCA, which has counted the violation
 * @pkt: the packet
 *
 * Context: any, does not sleep.
 */
void vib_trap_bad_pkey(struct vib_port *port, const struct vib_pkt *pkt)
{
	vib_trap_bad_key(port, pkt, VIB_TRAP_BAD_PKEY, IB_NOTICE_TRAP_BAD_PKEY,
			 pkt->pkey);
}

/**
 * vib_trap_bad_qkey() - a datagram had the wrong Q_Key (trap 258)
 * @port: port of an HCA, which has counted the violation
 * @pkt: the packet
 *
 * Context: any, does not sleep.
 */
void vib_trap_bad_qkey(struct vib_port *port, const struct vib_pkt *pkt)
{
	vib_trap_bad_key(port, pkt, VIB_TRAP_BAD_QKEY, IB_NOTICE_TRAP_BAD_QKEY,
			 pkt->qkey);
}

/**
 * vib_trap_repress() - the SM has seen a trap
 * @link: end port
 * @smp: the SubnTrapRepress()
 *
 * Context: any, does not sleep.
 */
void vib_trap_repress(struct vib_link *link, const struct ib_smp *smp)
{
	struct vib_traps *traps = &link->traps;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&traps->lock, flags);
	for (i = 0; i < VIB_TRAP_NUM; i++)
		if (traps->slot[i].tid == smp->tid)
			traps->slot[i].left = 0;
	spin_unlock_irqrestore(&traps->lock, flags);
}

/**
 * vib_traps_init() - prepare the traps of a port
 * @link: its link
 */
void vib_traps_init(struct vib_link *link)
{
	spin_lock_init(&link->traps.lock);
	INIT_DELAYED_WORK(&link->traps.work, vib_trap_work);
}

/**
 * vib_traps_stop() - send no more traps
 * @link: link of a port that raises none any more
 *
 * Context: process, sleeps.
 */
void vib_traps_stop(struct vib_link *link)
{
	cancel_delayed_work_sync(&link->traps.work);
}
