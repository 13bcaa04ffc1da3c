/* SPDX-License-Identifier: GPL-2.0-only */
/* Lanes of connected mode: a NAPI each, with the CQs of its connections. */
#ifndef IPOIB_CM_LANE_H
#define IPOIB_CM_LANE_H

#include <linux/netdevice.h>
#include <linux/timer.h>
#include <rdma/ib_verbs.h>

#include "ipoib_ring.h"

struct ipoib_cm;
struct ipoib_cm_conn;

/* Lanes of an interface, and CQs of a lane, at most. */
#define IPOIB_CM_LANES		8
#define IPOIB_CM_LANE_CQS	32
/* Entries of a CQ, unless the receive ring needs more. */
#define IPOIB_CM_CQES		4096

/**
 * struct ipoib_cm_cq - one CQ of a lane
 * @cq: the CQ
 * @size: entries
 * @used: entries promised to connections, so that it cannot overflow
 */
struct ipoib_cm_cq {
	struct ib_cq *cq;
	u32 size;
	u32 used;
};

/**
 * struct ipoib_cm_lane - a NAPI with the CQs of its connections
 * @cm: connected mode of the interface
 * @index: number; decides the completion vector
 * @n_conns: connections; worker
 * @n_cqs: CQs; only grows while the NAPI runs
 * @next: CQ that is polled first, in turn; NAPI
 * @napi: polls all CQs
 * @watch: runs the NAPI now and then, see struct ipoib_queue
 * @starved: a receive ring of one connection found no memory; NAPI
 * @cqs: the CQs
 * @wc: completions of one poll
 * @rx: counters of receives; written by the NAPI
 * @tx: counters of sends; written by the NAPI
 */
struct ipoib_cm_lane {
	struct ipoib_cm *cm;
	u32 index;
	u32 n_conns;
	u32 n_cqs;
	u32 next;
	struct napi_struct napi;
	struct timer_list watch;
	bool starved;
	struct ipoib_cm_cq cqs[IPOIB_CM_LANE_CQS];
	struct ib_wc wc[IPOIB_POLL_BATCH];
	struct ipoib_rx_stats rx;
	struct ipoib_tx_stats tx;
};

void ipoib_cm_lanes_init(struct ipoib_cm *cm);
void ipoib_cm_lanes_exit(struct ipoib_cm *cm);
void ipoib_cm_lanes_stop(struct ipoib_cm *cm);
int ipoib_cm_lane_take(struct ipoib_cm_conn *c, u32 cqes);
void ipoib_cm_lane_give(struct ipoib_cm_conn *c);

#endif /* IPOIB_CM_LANE_H */
