/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters: per ring for the data path, one array for everything rare. */
#ifndef IPOIB_STATS_H
#define IPOIB_STATS_H

#include <linux/atomic.h>
#include <linux/u64_stats_sync.h>

/**
 * struct ipoib_tx_stats - counters of one send ring
 * @syncp: guards the rest for readers on 32-bit machines
 * @packets: packets completed without error
 * @bytes: bytes of those, IPoIB header not counted
 * @errors: completions in error and failed posts
 *
 * Written by the completion side (tx NAPI). The posting side has a structure
 * of its own, so that neither the sequence counter nor the line is shared.
 */
struct ipoib_tx_stats {
	struct u64_stats_sync syncp;
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t errors;
};

/**
 * struct ipoib_tx_post_stats - counters of the posting side of a send ring
 * @syncp: guards the rest; written under the tx queue lock
 * @dropped: packets given up before a post
 * @stopped: times the queue was stopped because the ring was full
 * @doorbells: calls of ib_post_send()
 * @lso: packets segmented by the HCA
 * @csum: packets whose checksum the HCA filled in
 * @linearized: packets copied because they had more pieces than the QP takes
 */
struct ipoib_tx_post_stats {
	struct u64_stats_sync syncp;
	u64_stats_t dropped;
	u64_stats_t stopped;
	u64_stats_t doorbells;
	u64_stats_t lso;
	u64_stats_t csum;
	u64_stats_t linearized;
};

/**
 * struct ipoib_rx_stats - counters of one receive ring
 * @syncp: guards the rest; written by the rx NAPI
 * @packets: packets given to the stack
 * @bytes: bytes of those, IPoIB header not counted
 * @multicast: of the packets, those to a multicast or broadcast MGID
 * @errors: completions in error
 * @malformed: too short, no GRH where one is due, unknown encapsulation
 * @own: own multicast, looped back by the fabric
 * @no_buffer: packets dropped because no buffer could replace theirs
 * @csum: packets whose checksum the HCA verified
 */
struct ipoib_rx_stats {
	struct u64_stats_sync syncp;
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t multicast;
	u64_stats_t errors;
	u64_stats_t malformed;
	u64_stats_t own;
	u64_stats_t no_buffer;
	u64_stats_t csum;
};

/**
 * enum ipoib_reason - why something was given up
 * @IPOIB_R_PATH_MISS: packets parked because their neighbour had no path
 * @IPOIB_R_PATH_FAILED: path queries that ended without an answer
 * @IPOIB_R_NO_AH: packets dropped because no address handle could be made
 * @IPOIB_R_PARK_FULL: packets dropped because the parked queue was full
 * @IPOIB_R_PARK_PURGED: parked packets dropped: no path, no memory, or a flush
 * @IPOIB_R_TOO_LONG: packets longer than the MTU of their transport
 * @IPOIB_R_BAD_ADDR: packets to an address that is not of this subnet
 * @IPOIB_R_BAD_PROTO: packets of an ethertype that IPoIB does not carry
 * @IPOIB_R_NO_QUEUE: packets for a queue that had just gone
 * @IPOIB_R_JOIN_FAILED: multicast joins that failed
 * @IPOIB_R_ATTACH_FAILED: multicast attaches that failed
 * @IPOIB_R_REFILL_FAILED: receive buffers that could not be had, retried
 * @IPOIB_R_QP_RECOVERED: send queues brought back after an error
 * @IPOIB_R_TX_TIMEOUT: transmit timeouts
 * @IPOIB_R_NOMEM: control operations that found no memory, retried
 * @IPOIB_R_DISC_QUERIES: discovery queries sent
 * @IPOIB_R_DISC_ANSWERS: discovery answers sent
 * @IPOIB_R_DISC_LEARNED: discovery answers taken in
 * @IPOIB_R_DISC_BAD: discovery messages that are not well-formed
 * @IPOIB_R_DISC_REFUSED: discovery messages for others, forged or replayed
 * @IPOIB_R_DISC_OVERRUN: discovery messages that came too fast
 * @IPOIB_R_PMTU_SENT: senders that were told a smaller MTU
 * @IPOIB_R_CM_REQ: connections asked for
 * @IPOIB_R_CM_REQ_RCVD: connections that peers asked for
 * @IPOIB_R_CM_CONNECTED: connections made to peers
 * @IPOIB_R_CM_ACCEPTED: connections of peers accepted
 * @IPOIB_R_CM_REJECTED: connections that peers refused
 * @IPOIB_R_CM_REFUSED: connections of peers refused
 * @IPOIB_R_CM_TIMEOUT: connections that peers did not answer
 * @IPOIB_R_CM_DISCONNECTED: connections that peers ended
 * @IPOIB_R_CM_ERROR: connections that broke with an error
 * @IPOIB_R_CM_FLUSHED: connections that broke and only flushed
 * @IPOIB_R_CM_STUCK: connections whose sends did not complete
 * @IPOIB_R_CM_IDLE: connections to peers ended because nobody used them
 * @IPOIB_R_CM_STALE: connections of peers ended because nobody used them
 * @IPOIB_R_CM_EVICTED: idle connections ended to make room
 * @IPOIB_R_CM_LIMIT: connections not made because there were too many
 * @IPOIB_R_CM_NO_RESOURCES: connections not made for want of memory or QPs
 * @IPOIB_R_CM_SRQ_LOW: times the shared receive queue ran low
 * @IPOIB_R_CM_PARKED: packets parked until a connection was made
 * @IPOIB_R_CM_DROPPED: packets dropped because a connection was closed, or
 *	they could not be mapped
 * @IPOIB_R_CM_BACKLOG_FULL: packets dropped because a peer was too slow
 * @IPOIB_R_CM_LOST: packets in flight when a connection ended
 * @IPOIB_NR_REASONS: how many there are
 */
enum ipoib_reason {
	IPOIB_R_PATH_MISS,
	IPOIB_R_PATH_FAILED,
	IPOIB_R_NO_AH,
	IPOIB_R_PARK_FULL,
	IPOIB_R_PARK_PURGED,
	IPOIB_R_TOO_LONG,
	IPOIB_R_BAD_ADDR,
	IPOIB_R_BAD_PROTO,
	IPOIB_R_NO_QUEUE,
	IPOIB_R_JOIN_FAILED,
	IPOIB_R_ATTACH_FAILED,
	IPOIB_R_REFILL_FAILED,
	IPOIB_R_QP_RECOVERED,
	IPOIB_R_TX_TIMEOUT,
	IPOIB_R_NOMEM,
	IPOIB_R_DISC_QUERIES,
	IPOIB_R_DISC_ANSWERS,
	IPOIB_R_DISC_LEARNED,
	IPOIB_R_DISC_BAD,
	IPOIB_R_DISC_REFUSED,
	IPOIB_R_DISC_OVERRUN,
	IPOIB_R_PMTU_SENT,
	IPOIB_R_CM_REQ,
	IPOIB_R_CM_REQ_RCVD,
	IPOIB_R_CM_CONNECTED,
	IPOIB_R_CM_ACCEPTED,
	IPOIB_R_CM_REJECTED,
	IPOIB_R_CM_REFUSED,
	IPOIB_R_CM_TIMEOUT,
	IPOIB_R_CM_DISCONNECTED,
	IPOIB_R_CM_ERROR,
	IPOIB_R_CM_FLUSHED,
	IPOIB_R_CM_STUCK,
	IPOIB_R_CM_IDLE,
	IPOIB_R_CM_STALE,
	IPOIB_R_CM_EVICTED,
	IPOIB_R_CM_LIMIT,
	IPOIB_R_CM_NO_RESOURCES,
	IPOIB_R_CM_SRQ_LOW,
	IPOIB_R_CM_PARKED,
	IPOIB_R_CM_DROPPED,
	IPOIB_R_CM_BACKLOG_FULL,
	IPOIB_R_CM_LOST,
	IPOIB_NR_REASONS
};

const char *ipoib_reason_name(enum ipoib_reason reason);

/**
 * struct ipoib_reasons - one counter per reason
 * @n: the counters, indexed by enum ipoib_reason
 *
 * Shared atomics: only for paths that are slow anyway.
 */
struct ipoib_reasons {
	atomic64_t n[IPOIB_NR_REASONS];
};

/**
 * ipoib_count() - count one event
 * @r: counters of the interface
 * @reason: what happened
 *
 * Context: any.
 */
static inline void ipoib_count(struct ipoib_reasons *r,
			       enum ipoib_reason reason)
{
	atomic64_inc(&r->n[reason]);
}

static inline void ipoib_count_n(struct ipoib_reasons *r,
				 enum ipoib_reason reason, u32 n)
{
	atomic64_add(n, &r->n[reason]);
}

/**
 * ipoib_stat_add() - add to one counter
 * @syncp: of the structure that the counter is in
 * @counter: the counter
 * @v: how much
 *
 * Context: the writer's, see the structure.
 */
static inline void ipoib_stat_add(struct u64_stats_sync *syncp,
				  u64_stats_t *counter, u64 v)
{
	u64_stats_update_begin(syncp);
	u64_stats_add(counter, v);
	u64_stats_update_end(syncp);
}

#endif /* IPOIB_STATS_H */
