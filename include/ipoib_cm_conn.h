/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections: inside connected mode only. */
#ifndef IPOIB_CM_CONN_H
#define IPOIB_CM_CONN_H

#include <linux/completion.h>
#include <rdma/ib_cm.h>
#include <rdma/ib_verbs.h>

#include "ipoib_cm.h"
#include "ipoib_cm_buf.h"
#include "ipoib_cm_lane.h"
#include "ipoib_ring.h"

/* Sends in flight on one connection at most. */
#define IPOIB_CM_TX_RING	128

/* wr_id: rings count sends with 32 bits, receives carry a flag. */
#define IPOIB_CM_WR_RECV	BIT_ULL(32)
#define IPOIB_CM_WR_DRAIN	BIT_ULL(33)

/**
 * enum ipoib_cm_event - bits of ipoib_cm_conn.events, set from any context
 * @IPOIB_CM_EV_REP: REP came
 * @IPOIB_CM_EV_REJ: REJ came, or our REP was not answered
 * @IPOIB_CM_EV_TIMEOUT: a CM message was never answered
 * @IPOIB_CM_EV_DREQ: the peer ends the connection, or has ended it
 * @IPOIB_CM_EV_ERROR: a completion in error, or a fatal event
 * @IPOIB_CM_EV_FLUSHED: a send was flushed without a first error
 * @IPOIB_CM_EV_LAST_WQE: the QP has failed, and takes nothing from the SRQ
 * @IPOIB_CM_EV_ESTABLISHED: data came before the RTU
 */
enum ipoib_cm_event {
	IPOIB_CM_EV_REP,
	IPOIB_CM_EV_REJ,
	IPOIB_CM_EV_TIMEOUT,
	IPOIB_CM_EV_DREQ,
	IPOIB_CM_EV_ERROR,
	IPOIB_CM_EV_FLUSHED,
	IPOIB_CM_EV_LAST_WQE,
	IPOIB_CM_EV_ESTABLISHED,
};

/**
 * struct ipoib_cm_conn - what both directions of connections have
 * @cm: connected mode of the interface
 * @receives: it is the peer that sends on it
 * @id: of the RDMA CM; destroyed before the QP
 * @qp: RC QP, its context is this structure
 * @lane: polls its completions
 * @cq: which CQ of the lane
 * @cqes: entries promised to it
 * @armed: the QP got as far as RTR: its end will raise LAST_WQE_REACHED
 * @events: bits of enum ipoib_cm_event
 * @used: last packet, jiffies; unlocked
 * @since: when it was connected, jiffies
 * @last_wqe: LAST_WQE_REACHED was raised
 * @flushed: the drain marker completed
 * @list: receiving ones: in ipoib_cm.rx_list, under its lock
 * @todo: in a list of the worker
 * @rcu: frees it
 */
struct ipoib_cm_conn {
	struct ipoib_cm *cm;
	bool receives;
	struct ib_cm_id *id;
	struct ib_qp *qp;
	struct ipoib_cm_lane *lane;
	struct ipoib_cm_cq *cq;
	u32 cqes;
	bool armed;
	unsigned long events;
	unsigned long used;
	unsigned long since;
	struct completion last_wqe;
	struct completion flushed;
	struct list_head list;
	struct list_head todo;
	struct rcu_head rcu;
};

/**
 * struct ipoib_cm_tx - a connection that we send on
 * @c: what all have
 * @lock: posting side of @ring, and @backlog; BHs off
 * @ring: the sends; its tail belongs to the lane's NAPI
 * @backlog: packets that wait for room in the ring
 * @mtu: payload that the peer can receive, bytes
 * @peer_mtu: private data of the REP, until the worker takes them
 * @seen_tail: the ring's tail when the worker last looked
 * @seen_at: when it last moved, or had nothing to do, jiffies; worker
 * @deadline: end of DRAINING, jiffies; worker
 */
struct ipoib_cm_tx {
	struct ipoib_cm_conn c;
	spinlock_t lock;	/* see above */
	struct ipoib_tx_ring ring;
	struct sk_buff_head backlog;
	u32 mtu;
	__be32 peer_mtu;
	u32 seen_tail;
	unsigned long seen_at;
	unsigned long deadline;
};

/**
 * struct ipoib_cm_rx - a connection that a peer sends on
 * @c: what all have
 * @accepted: REP sent; before, the REQ waits for the worker
 * @replaced: the peer has made another one since; under cm.lock
 * @qpn: QPN in the peer's hardware address
 * @gid: the peer's port
 * @psn: PSN that the peer begins with
 * @rq: receive buffers where there is no SRQ
 */
struct ipoib_cm_rx {
	struct ipoib_cm_conn c;
	bool accepted;
	bool replaced;
	u32 qpn;
	union ib_gid gid;
	u32 psn;
	struct ipoib_cm_rq rq;
};

/**
 * struct ipoib_cm - connected mode of one interface
 * @priv: the interface
 * @has_srq: connections share receive buffers
 * @pages: pages of a receive buffer
 * @lock: guards lists, states, parked packets; taken with BHs off, at the
 *	level of the neighbour table's; never with a connection's lock
 * @peers: struct ipoib_cm_peer by hwaddr
 * @peer_list: all of them
 * @n_peers: how many
 * @rx_list: connections that peers send on
 * @n_tx: connections that we send on; written by worker and stop
 * @n_rx: length of @rx_list; under @lock
 * @stopped: no REQ is taken and none is made; set from stop to start
 * @work: makes, watches and ends connections; on priv->wq, under state.lock
 * @listen: listens on our service ID, or NULL
 * @srq_limit: bit 0: the SRQ has run low; bit 1: its limit is set
 * @rq: buffers of the SRQ
 * @pending: by tx queue: connection with a chain that is not posted; tx queue
 *	lock
 * @n_lanes: number of lanes
 * @lanes: they live as long as this; their CQs from first use to stop
 */
struct ipoib_cm {
	struct ipoib_priv *priv;
	bool has_srq;
	u32 pages;
	spinlock_t lock;	/* see above */
	struct rhashtable peers;
	struct list_head peer_list;
	u32 n_peers;
	struct list_head rx_list;
	u32 n_tx;
	u32 n_rx;
	bool stopped;
	struct delayed_work work;
	struct ib_cm_id *listen;
	unsigned long srq_limit;
	struct ipoib_cm_rq rq;
	struct ipoib_cm_tx **pending;
	u32 n_lanes;
	struct ipoib_cm_lane lanes[] __counted_by(n_lanes);
};

/* ipoib_cm.c */
void ipoib_cm_kick(struct ipoib_cm *cm);
void ipoib_cm_event(struct ipoib_cm_conn *c, enum ipoib_cm_event event);
bool ipoib_cm_make_room(struct ipoib_cm *cm);
u32 ipoib_cm_srq_depth(const struct ipoib_cm *cm);

/* ipoib_cm_peer.c */
int ipoib_cm_peers_init(struct ipoib_cm *cm);
void ipoib_cm_peers_exit(struct ipoib_cm *cm);
bool ipoib_cm_peers_work(struct ipoib_cm *cm);
void ipoib_cm_peers_stop(struct ipoib_cm *cm);
unsigned long ipoib_cm_peer_idle(struct ipoib_cm *cm,
				 struct ipoib_cm_peer **oldest);
void ipoib_cm_peer_evict(struct ipoib_cm *cm, struct ipoib_cm_peer *peer);

/* ipoib_cm_conn.c */
void ipoib_cm_conn_init(struct ipoib_cm_conn *c, struct ipoib_cm *cm,
			bool receives);
int ipoib_cm_conn_create_qp(struct ipoib_cm_conn *c, u32 sends, u32 send_sge,
			    u32 receives);
int ipoib_cm_conn_modify(struct ipoib_cm_conn *c, enum ib_qp_state state);
void ipoib_cm_conns_end(struct ipoib_cm *cm, struct list_head *dead);
void ipoib_cm_conn_end(struct ipoib_cm_conn *c);

/* ipoib_cm_tx.c */
struct ipoib_cm_tx *ipoib_cm_tx_request(struct ipoib_cm *cm, const u8 *hw,
					const struct sa_path_rec *rec);
int ipoib_cm_tx_connect(struct ipoib_cm_tx *tx);
bool ipoib_cm_tx_send(struct ipoib_cm_tx *tx, struct sk_buff *skb, bool more);
void ipoib_cm_tx_doorbell(struct ipoib_cm_tx *tx);
void ipoib_cm_tx_wc(struct ipoib_cm_tx *tx, const struct ib_wc *wc, int budget);
void ipoib_cm_tx_close(struct ipoib_cm_tx *tx);
bool ipoib_cm_tx_empty(struct ipoib_cm_tx *tx);
bool ipoib_cm_tx_stuck(struct ipoib_cm_tx *tx);

/* ipoib_cm_rx.c */
int ipoib_cm_rx_handler(struct ib_cm_id *id, const struct ib_cm_event *event);
void ipoib_cm_rx_work(struct ipoib_cm *cm);
void ipoib_cm_rx_stop(struct ipoib_cm *cm);
u32 ipoib_cm_rx_count(struct ipoib_cm *cm);
unsigned long ipoib_cm_rx_idle(struct ipoib_cm *cm,
			       struct ipoib_cm_rx **oldest);
void ipoib_cm_rx_evict(struct ipoib_cm *cm, struct ipoib_cm_rx *rx);
void ipoib_cm_rx_wc(struct ipoib_cm_rx *rx, const struct ib_wc *wc,
		    struct ipoib_cm_lane *lane);

#endif /* IPOIB_CM_CONN_H */
