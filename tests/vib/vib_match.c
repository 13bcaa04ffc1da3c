// SPDX-License-Identifier: GPL-2.0-only
/* vib: does a fault rule speak of this packet? */

#include <rdma/ib_sa.h>

#include "vib_rule.h"

static bool vib_pkt_is_gsi(const struct vib_pkt *pkt)
{
	return pkt->op == VIB_OP_UD_SEND && pkt->dqpn == 1;
}

/* The MAD in a packet to QP0 or QP1, or NULL. */
static const struct ib_mad_hdr *vib_pkt_mad(const struct vib_pkt *pkt)
{
	if (pkt->op != VIB_OP_UD_SEND || pkt->dqpn > 1 ||
	    pkt->len < sizeof(struct ib_mad_hdr))
		return NULL;
	return (const struct ib_mad_hdr *)pkt->data;
}

static bool vib_pkt_in_class(const struct vib_pkt *pkt, enum vib_class class)
{
	const struct ib_mad_hdr *mad = vib_pkt_mad(pkt);

	switch (class) {
	case VIB_CLASS_SMP:
		return vib_pkt_is_smp(pkt);
	case VIB_CLASS_SA:
		return vib_pkt_is_gsi(pkt) && mad &&
		       mad->mgmt_class == IB_MGMT_CLASS_SUBN_ADM;
	case VIB_CLASS_CM:
		return vib_pkt_is_gsi(pkt) && mad &&
		       mad->mgmt_class == IB_MGMT_CLASS_CM;
	case VIB_CLASS_PMA:
		return vib_pkt_is_gsi(pkt) && mad &&
		       mad->mgmt_class == IB_MGMT_CLASS_PERF_MGMT;
	case VIB_CLASS_GSI:
		return vib_pkt_is_gsi(pkt);
	case VIB_CLASS_UD:
		return pkt->op == VIB_OP_UD_SEND && pkt->dqpn > 1;
	case VIB_CLASS_RC:
		return pkt->op != VIB_OP_UD_SEND;
	}
	return false;
}

/* A group by its GRH, or by the record that an SA packet is about. */
static bool vib_pkt_has_mgid(const struct vib_pkt *pkt,
			     const union ib_gid *mgid)
{
	const struct ib_sa_mad *sa = (const struct ib_sa_mad *)pkt->data;

	if ((pkt->flags & VIB_PKT_GRH) &&
	    !memcmp(&pkt->grh.dgid, mgid, sizeof(*mgid)))
		return true;
	if (!vib_pkt_in_class(pkt, VIB_CLASS_SA) || pkt->len < sizeof(*sa) ||
	    sa->mad_hdr.attr_id != cpu_to_be16(IB_SA_ATTR_MC_MEMBER_REC))
		return false;
	/* MCMemberRecord begins with the MGID. */
	return !memcmp(sa->data, mgid, sizeof(*mgid));
}

static bool vib_mad_matches(const struct vib_rule *rule,
			    const struct ib_mad_hdr *mad)
{
	if (rule->attr == VIB_ANY && rule->method == VIB_ANY &&
	    rule->action != VIB_REJECT)
		return true;
	if (!mad)
		return false;
	if (rule->attr != VIB_ANY && be16_to_cpu(mad->attr_id) != rule->attr)
		return false;
	if (rule->method != VIB_ANY && mad->method != rule->method)
		return false;
	return rule->action != VIB_REJECT ||
	       (mad->method & IB_MGMT_METHOD_RESP);
}

/**
 * vib_rule_matches() - does a rule speak of a packet?
 * @rule: rule with an action on packets
 * @port: port of an HCA
 * @pkt: packet at that port
 * @dir: on its way out or in
 *
 * Context: any.
 * Return: whether it does.
 */
bool vib_rule_matches(const struct vib_rule *rule, const struct vib_port *port,
		      const struct vib_pkt *pkt, enum vib_rule_dir dir)
{
	u32 qpn = dir == VIB_DIR_TX ? pkt->sqpn : pkt->dqpn;

	if (rule->dir != dir)
		return false;
	if (rule->hca != VIB_ANY && rule->hca != port->hca->idx)
		return false;
	if (rule->qp != VIB_ANY && rule->qp != qpn)
		return false;
	if (rule->class != VIB_ANY && !vib_pkt_in_class(pkt, rule->class))
		return false;
	if (!vib_mad_matches(rule, vib_pkt_mad(pkt)))
		return false;
	return !rule->by_mgid || vib_pkt_has_mgid(pkt, &rule->mgid);
}
