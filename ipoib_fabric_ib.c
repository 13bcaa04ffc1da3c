// SPDX-License-Identifier: GPL-2.0-only
/*
 * The InfiniBand backend: paths, groups and identity by the subnet
 * administrator.
 *
 * Every question goes through one SA client of ours. Unregistering it waits
 * until no callback of ours runs or will run, so the module's text outlives
 * its callbacks.
 *
 * Send-only membership. An SM of today knows SendOnlyFullMember (JoinState
 * bit 3), which may also create the group; an old SM refuses it. The kernel
 * exports no query of the SA's capabilities, so the refusal is the probe: the
 * first refused send-only join switches this interface to SendOnlyNonMember
 * (bit 2) and is asked again. If that is refused too, the reason was another
 * one and the switch goes back. A join of the broadcast group follows every
 * event that may have brought another SM, and probes anew.
 */
#include <linux/bits.h>
#include <linux/err.h>
#include <rdma/ib_cache.h>
#include <rdma/ib_sa.h>
#include <rdma/ib_verbs.h>

#include "compat/sa.h"
#include "ipoib_fabric.h"

static struct ib_sa_client ipoib_ib_sa;

static bool ipoib_ib_port_supported(struct ib_device *hca, u32 port)
{
	return rdma_protocol_ib(hca, port);
}

static int ipoib_ib_identity(struct ipoib_fabric_port *fport)
{
	struct ib_port_attr attr;
	union ib_gid gid;
	int err;

	err = rdma_query_gid(fport->hca, fport->port, 0, &gid);
	if (err)
		return err;
	err = ib_query_port(fport->hca, fport->port, &attr);
	if (err)
		return err;

	fport->gid = gid;
	fport->lid = attr.lid;
	return 0;
}

static int ipoib_ib_pkey_index(struct ipoib_fabric_port *fport)
{
	u16 index;
	int err;

	err = ib_find_pkey(fport->hca, fport->port, fport->pkey, &index);
	fport->pkey_found = !err;
	if (!err)
		fport->pkey_index = index;
	return err;
}

static void ipoib_ib_path_done(int status, struct sa_path_rec *rec,
			       ipoib_sa_num_t num, void *context)
{
	struct ipoib_path_req *req = context;

	if (!status && (!rec || !num))
		status = -ENOENT;
	req->done(req, status, status ? NULL : rec);
}

static int ipoib_ib_path_get(struct ipoib_path_req *req)
{
	const struct ipoib_fabric_port *fport = req->fport;
	ib_sa_comp_mask mask = IB_SA_PATH_REC_DGID | IB_SA_PATH_REC_SGID |
			       IB_SA_PATH_REC_NUMB_PATH |
			       IB_SA_PATH_REC_TRAFFIC_CLASS |
			       IB_SA_PATH_REC_PKEY;
	int id;

	req->ask = (struct sa_path_rec) {
		.dgid = req->dgid,
		.sgid = fport->gid,
		.pkey = cpu_to_be16(fport->pkey),
		.traffic_class = req->tclass,
		.numb_path = 1,
		.rec_type = rdma_cap_opa_ah(fport->hca, fport->port) ?
			    SA_PATH_REC_TYPE_OPA : SA_PATH_REC_TYPE_IB,
	};

	/* The answer may be there before the id is stored. Nobody but
	 * path_cancel() reads it, and that compares it with the query: an
	 * answered one is left alone.
	 */
	id = ib_sa_path_rec_get(&ipoib_ib_sa, fport->hca, fport->port,
				&req->ask, mask, req->timeout_ms, GFP_KERNEL,
				ipoib_ib_path_done, req, &req->query);
	if (id < 0)
		return id;
	req->query_id = id;
	return 0;
}

static void ipoib_ib_path_cancel(struct ipoib_path_req *req)
{
	ib_sa_cancel_query(req->query_id, req->query);
}

static int ipoib_ib_path_to_ah(const struct ipoib_fabric_port *fport,
			       const struct sa_path_rec *rec,
			       struct rdma_ah_attr *attr)
{
	struct sa_path_rec copy = *rec;

	return ib_init_ah_attr_from_path(fport->hca, fport->port, &copy, attr,
					 NULL);
}

/* Remembers what a refused send-only join says about the SM. Returns the
 * status to report.
 */
static int ipoib_ib_sendonly_refused(struct ipoib_mc_req *req, int status)
{
	if (status != -EINVAL || req->kind != IPOIB_JOIN_SENDONLY)
		return status;

	if (req->join_state == BIT(SENDONLY_FULLMEMBER_JOIN)) {
		WRITE_ONCE(req->fport->old_sendonly, true);
		return -ESTALE;
	}
	WRITE_ONCE(req->fport->old_sendonly, false);
	return status;
}

/* Always returns 0: anything else would free the membership behind the back
 * of a mc_leave() that runs now.
 */
static int ipoib_ib_mc_done(int status, struct ib_sa_multicast *mc)
{
	struct ipoib_mc_req *req = mc->context;

	if (status)
		status = ipoib_ib_sendonly_refused(req, status);
	req->done(req, status, status ? NULL : &mc->rec);
	return 0;
}

static ib_sa_comp_mask ipoib_ib_mc_model(struct ib_sa_mcmember_rec *rec,
					 const struct ib_sa_mcmember_rec *like)
{
	rec->qkey = like->qkey;
	rec->pkey = like->pkey;
	rec->mtu_selector = IB_SA_EQ;
	rec->mtu = like->mtu;
	rec->rate_selector = IB_SA_EQ;
	rec->rate = like->rate;
	rec->traffic_class = like->traffic_class;
	rec->sl = like->sl;
	rec->flow_label = like->flow_label;
	rec->hop_limit = like->hop_limit;

	return IB_SA_MCMEMBER_REC_QKEY | IB_SA_MCMEMBER_REC_MTU_SELECTOR |
	       IB_SA_MCMEMBER_REC_MTU | IB_SA_MCMEMBER_REC_RATE_SELECTOR |
	       IB_SA_MCMEMBER_REC_RATE | IB_SA_MCMEMBER_REC_TRAFFIC_CLASS |
	       IB_SA_MCMEMBER_REC_SL | IB_SA_MCMEMBER_REC_FLOW_LABEL |
	       IB_SA_MCMEMBER_REC_HOP_LIMIT;
}

static u8 ipoib_ib_join_state(const struct ipoib_mc_req *req)
{
	if (req->kind == IPOIB_JOIN_FULL)
		return BIT(FULLMEMBER_JOIN);
	if (READ_ONCE(req->fport->old_sendonly))
		return BIT(SENDONLY_NONMEBER_JOIN);
	return BIT(SENDONLY_FULLMEMBER_JOIN);
}

static int ipoib_ib_mc_join(struct ipoib_mc_req *req)
{
	ib_sa_comp_mask mask = IB_SA_MCMEMBER_REC_MGID |
			       IB_SA_MCMEMBER_REC_PORT_GID |
			       IB_SA_MCMEMBER_REC_PKEY |
			       IB_SA_MCMEMBER_REC_JOIN_STATE;
	struct ipoib_fabric_port *fport = req->fport;
	struct ib_sa_mcmember_rec rec = {
		.mgid = req->mgid,
		.port_gid = fport->gid,
		.pkey = cpu_to_be16(fport->pkey),
	};
	struct ib_sa_multicast *mc;

	if (req->like)
		mask |= ipoib_ib_mc_model(&rec, req->like);
	else
		WRITE_ONCE(fport->old_sendonly, false);
	req->join_state = ipoib_ib_join_state(req);
	rec.join_state = req->join_state;

	mc = ib_sa_join_multicast(&ipoib_ib_sa, fport->hca, fport->port, &rec,
				  mask, GFP_KERNEL, ipoib_ib_mc_done, req);
	if (IS_ERR(mc))
		return PTR_ERR(mc);
	req->mc = mc;
	return 0;
}

static void ipoib_ib_mc_leave(struct ipoib_mc_req *req)
{
	ib_sa_free_multicast(req->mc);
	req->mc = NULL;
}

static bool ipoib_ib_mc_known(const struct ipoib_fabric_port *fport,
			      const union ib_gid *mgid)
{
	struct ib_sa_mcmember_rec rec;
	union ib_gid key = *mgid;

	return !ib_sa_get_mcmember_rec(fport->hca, fport->port, &key, &rec);
}

static int ipoib_ib_mc_to_ah(const struct ipoib_fabric_port *fport,
			     const struct ib_sa_mcmember_rec *rec,
			     struct rdma_ah_attr *attr)
{
	struct ib_sa_mcmember_rec copy = *rec;

	return ib_init_ah_from_mcmember(fport->hca, fport->port, &copy, NULL,
					IB_GID_TYPE_IB, attr);
}

static bool ipoib_ib_rx_is_own(const struct ipoib_fabric_port *fport,
			       const struct ib_wc *wc,
			       const struct ib_grh *grh)
{
	if (wc->slid != READ_ONCE(fport->lid))
		return false;
	return !grh || !memcmp(&grh->sgid, &fport->gid, sizeof(grh->sgid));
}

static enum ipoib_flush ipoib_ib_event_map(enum ib_event_type event)
{
	switch (event) {
	case IB_EVENT_CLIENT_REREGISTER:
	case IB_EVENT_SM_CHANGE:
		return IPOIB_FLUSH_LIGHT;
	case IB_EVENT_PORT_ERR:
	case IB_EVENT_PORT_ACTIVE:
	case IB_EVENT_LID_CHANGE:
		return IPOIB_FLUSH_NORMAL;
	case IB_EVENT_GID_CHANGE:
	case IB_EVENT_PKEY_CHANGE:
	case IB_EVENT_DEVICE_FATAL:
		return IPOIB_FLUSH_HEAVY;
	default:
		return IPOIB_FLUSH_NONE;
	}
}

const struct ipoib_fabric_ops ipoib_fabric_ib = {
	.name = "ib",
	.port_supported = ipoib_ib_port_supported,
	.identity = ipoib_ib_identity,
	.pkey_index = ipoib_ib_pkey_index,
	.path_get = ipoib_ib_path_get,
	.path_cancel = ipoib_ib_path_cancel,
	.path_to_ah = ipoib_ib_path_to_ah,
	.mc_join = ipoib_ib_mc_join,
	.mc_leave = ipoib_ib_mc_leave,
	.mc_known = ipoib_ib_mc_known,
	.mc_to_ah = ipoib_ib_mc_to_ah,
	.rx_is_own = ipoib_ib_rx_is_own,
	.event_map = ipoib_ib_event_map,
};

/**
 * ipoib_fabric_ib_register() - make the backend ready
 *
 * Context: module load, before any interface exists.
 */
void ipoib_fabric_ib_register(void)
{
	ib_sa_register_client(&ipoib_ib_sa);
}

/**
 * ipoib_fabric_ib_unregister() - wait until no callback of ours is left
 *
 * Context: module unload, after the last interface; sleeps.
 */
void ipoib_fabric_ib_unregister(void)
{
	ib_sa_unregister_client(&ipoib_ib_sa);
}
