/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seam between the driver and the kind of network under it. A backend
 * knows HCAs, ports, GIDs and records; it knows no netdev, neighbour or skb.
 * Its answers are always asynchronous: a done callback never runs inside the
 * call that asked.
 */
#ifndef IPOIB_FABRIC_H
#define IPOIB_FABRIC_H

#include <linux/completion.h>
#include <rdma/ib_sa.h>
#include <rdma/ib_verbs.h>

struct ipoib_fabric_port;

/**
 * enum ipoib_flush - how much an RDMA event invalidates
 * @IPOIB_FLUSH_NONE: nothing
 * @IPOIB_FLUSH_LIGHT: paths are asked for again, groups are joined again;
 *	carrier stays
 * @IPOIB_FLUSH_NORMAL: the link goes down and comes back
 * @IPOIB_FLUSH_HEAVY: P_Key and GID are read again; if either changed, or the
 *	device reported an error, the queues are taken down and brought back
 *
 * A higher level includes the lower ones.
 */
enum ipoib_flush {
	IPOIB_FLUSH_NONE,
	IPOIB_FLUSH_LIGHT,
	IPOIB_FLUSH_NORMAL,
	IPOIB_FLUSH_HEAVY,
};

/**
 * struct ipoib_path_req - one path query
 * @fport: the interface that asks
 * @dgid: destination port
 * @tclass: traffic class
 * @timeout_ms: how long to wait for this answer, milliseconds
 * @done: called once, in process context, after path_get() returned 0; @rec is
 *	valid during the call only, and NULL unless @status is 0; status is
 *	-ETIMEDOUT, -EINTR (cancelled) or the backend's -errno
 * @ask: backend's own: the question
 * @query: backend's own
 * @query_id: backend's own
 *
 * Owned by the caller, who keeps it until done ran. path_get() and
 * path_cancel() of one request are serialised by the caller.
 */
struct ipoib_path_req {
	const struct ipoib_fabric_port *fport;
	union ib_gid dgid;
	u8 tclass;
	unsigned int timeout_ms;
	void (*done)(struct ipoib_path_req *req, int status,
		     const struct sa_path_rec *rec);
	struct sa_path_rec ask;
	struct ib_sa_query *query;
	int query_id;
};

/**
 * enum ipoib_join - kind of membership
 * @IPOIB_JOIN_FULL: receives and sends
 * @IPOIB_JOIN_SENDONLY: sends only; SendOnlyFullMember where the SM knows it,
 *	else the older SendOnlyNonMember
 */
enum ipoib_join {
	IPOIB_JOIN_FULL,
	IPOIB_JOIN_SENDONLY,
};

/**
 * struct ipoib_mc_req - one membership, from mc_join() to mc_leave()
 * @fport: the interface that joins
 * @mgid: the group
 * @kind: an enum ipoib_join
 * @like: record of the broadcast group, whose parameters the group takes;
 *	NULL when joining the broadcast group itself
 * @done: called in process context after mc_join() returned 0: once with the
 *	outcome of the join (@rec valid during the call, NULL unless @status is
 *	0), and once more with -ENETRESET if the fabric later takes the
 *	membership away; never after mc_leave() returned. The outcome -ESTALE
 *	asks for mc_leave() and mc_join() once more at once: the kind of
 *	membership that was tried is not known here, another one will be.
 * @mc: backend's own
 * @join_state: backend's own
 */
struct ipoib_mc_req {
	struct ipoib_fabric_port *fport;
	union ib_gid mgid;
	enum ipoib_join kind;
	const struct ib_sa_mcmember_rec *like;
	void (*done)(struct ipoib_mc_req *req, int status,
		     const struct ib_sa_mcmember_rec *rec);
	struct ib_sa_multicast *mc;
	u8 join_state;
};

/**
 * struct ipoib_fabric_port - an interface as a backend sees it
 * @ops: the backend
 * @hca: RDMA device
 * @port: port number, from 1
 * @pkey: P_Key with the full-member bit
 * @pkey_index: where the port's table has it; valid if @pkey_found
 * @pkey_found: the port has the P_Key
 * @gid: port GID
 * @lid: LID, 0 where there is none
 * @old_sendonly: backend's own: the SM has no SendOnlyFullMember
 *
 * Written under the state mutex by ipoib_state.c; readers of a changing
 * interface are stopped first or see values from before the event, which the
 * flush that follows corrects.
 */
struct ipoib_fabric_port {
	const struct ipoib_fabric_ops *ops;
	struct ib_device *hca;
	u32 port;
	u16 pkey;
	u16 pkey_index;
	bool pkey_found;
	union ib_gid gid;
	u16 lid;
	bool old_sendonly;
};

/**
 * struct ipoib_fabric_ops - one kind of network
 * @name: short name for messages
 * @port_supported: can an interface live on this port?
 * @identity: read GID and LID of the port into @fport; may sleep
 * @pkey_index: find fport->pkey in the port's table, fill in @pkey_index and
 *	@pkey_found; may sleep; 0, -ENOENT, or -errno
 * @path_get: ask for a path; may sleep; 0 if done will be called
 * @path_cancel: give a query up; done still runs, maybe before this returns
 * @path_to_ah: address vector of a path; the caller destroys it with
 *	rdma_destroy_ah_attr()
 * @mc_join: join; may sleep; 0 if done will be called
 * @mc_leave: leave; sleeps until done is not running and never will again;
 *	must not be called from done
 * @mc_known: is some other user of the port a member of this group? Any
 *	context
 * @mc_to_ah: address vector of a group; destroyed like that of a path
 * @rx_is_own: did this port send the multicast that completed with @wc? The
 *	caller has found wc->src_qp among its own QPNs. Any context.
 * @event_map: what an RDMA event invalidates; any context
 */
struct ipoib_fabric_ops {
	const char *name;
	bool (*port_supported)(struct ib_device *hca, u32 port);
	int (*identity)(struct ipoib_fabric_port *fport);
	int (*pkey_index)(struct ipoib_fabric_port *fport);
	int (*path_get)(struct ipoib_path_req *req);
	void (*path_cancel)(struct ipoib_path_req *req);
	int (*path_to_ah)(const struct ipoib_fabric_port *fport,
			  const struct sa_path_rec *rec,
			  struct rdma_ah_attr *attr);
	int (*mc_join)(struct ipoib_mc_req *req);
	void (*mc_leave)(struct ipoib_mc_req *req);
	bool (*mc_known)(const struct ipoib_fabric_port *fport,
			 const union ib_gid *mgid);
	int (*mc_to_ah)(const struct ipoib_fabric_port *fport,
			const struct ib_sa_mcmember_rec *rec,
			struct rdma_ah_attr *attr);
	bool (*rx_is_own)(const struct ipoib_fabric_port *fport,
			  const struct ib_wc *wc, const struct ib_grh *grh);
	enum ipoib_flush (*event_map)(enum ib_event_type event);
};

/* ipoib_fabric_ib.c */
extern const struct ipoib_fabric_ops ipoib_fabric_ib;
void ipoib_fabric_ib_register(void);
void ipoib_fabric_ib_unregister(void);

#endif /* IPOIB_FABRIC_H */
