/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Send and receive rings: slots, DMA, posting, stop and wake, statistics.
 * A ring knows its QP, its netdev queue and its page pool, not the interface.
 */
#ifndef IPOIB_RING_H
#define IPOIB_RING_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <rdma/ib_verbs.h>

#include "ipoib_path.h"
#include "ipoib_stats.h"

struct page_pool;

/* Work requests chained before the doorbell at most. */
#define IPOIB_TX_BURST		16
/* Receives posted in one call at most. */
#define IPOIB_RX_BURST		32
/* Completions polled in one call. */
#define IPOIB_POLL_BATCH	16
/* Frames up to this length, in bytes with the GRH area, are copied. */
#define IPOIB_RX_COPY		320

/**
 * struct ipoib_tx_slot - one send in flight
 * @skb: the packet; NULL: free
 * @ah: reference held by the send, or NULL (connected mode)
 * @skip: bytes of the linear part that are not mapped (the LSO header)
 * @packets: packets on the wire, more than one with LSO
 * @unposted: the post failed, so no completion will come; written by the
 *	posting side, read by the completion side
 */
struct ipoib_tx_slot {
	struct sk_buff *skb;
	struct ipoib_ah *ah;
	u16 skip;
	u16 packets;
	bool unposted;
};

/**
 * struct ipoib_tx_ring - sends of one QP
 * @head: next slot to fill; written under the tx queue lock
 * @limit: sends in flight at most; written under the tx queue lock
 * @depth: number of slots, a power of two, the depth of the QP
 * @max_sge: pieces of one packet that the QP takes
 * @closed: nothing may be posted, and the queue must not be woken; written
 *	under the tx queue lock
 * @n_chain: work requests built and not posted; tx queue lock
 * @chain: those requests, IPOIB_TX_BURST of them
 * @sge: their scatter entries, @max_sge for each
 * @qp: where they are posted
 * @hca: for DMA mapping
 * @txq: the netdev queue that feeds this ring; NULL for a connection, which
 *	any queue may feed
 * @slots: @depth of them
 * @dma: DMA addresses of the mapped pieces, @max_sge for each slot
 * @post: counters of the posting side
 * @tail: oldest slot in flight; written by the tx NAPI
 * @stats: counters of the completion side
 *
 * The posting side (tx queue lock) and the completion side (tx NAPI, or
 * teardown once both are stopped) share nothing but @head and @tail, which
 * each publishes with a release that the other acquires.
 */
struct ipoib_tx_ring {
	u32 head;
	u32 limit;
	u32 depth;
	u32 max_sge;
	bool closed;
	u32 n_chain;
	struct ib_ud_wr *chain;
	struct ib_sge *sge;
	struct ib_qp *qp;
	struct ib_device *hca;
	struct netdev_queue *txq;
	struct ipoib_tx_slot *slots;
	u64 *dma;
	struct ipoib_tx_post_stats post;

	u32 tail ____cacheline_aligned_in_smp;
	struct ipoib_tx_stats stats;
};

/**
 * struct ipoib_rx_slot - one receive posted
 * @page: the buffer, from the ring's page pool; NULL: not posted
 * @dma: address of the page for the HCA
 */
struct ipoib_rx_slot {
	struct page *page;
	u64 dma;
};

/**
 * struct ipoib_rx_ring - receives of one QP
 * @limit: receives to keep posted; may change at any time, so READ_ONCE()
 * @depth: number of slots, the depth of the QP
 * @n_free: free slots
 * @free: their numbers, a stack
 * @slots: @depth of them
 * @wr: requests of one burst
 * @sge: their scatter entries
 * @qp: where they are posted
 * @hca: for DMA
 * @pool: pages; maps them too, unless the HCA wants kernel addresses
 * @frame_len: bytes that the HCA may write: GRH, encapsulation, payload
 * @order: page order of a buffer
 * @stats: counters
 *
 * Everything but @limit belongs to the rx NAPI, or to start and stop while
 * the NAPI is disabled.
 */
struct ipoib_rx_ring {
	u32 limit;
	u32 depth;
	u32 n_free;
	u32 *free;
	struct ipoib_rx_slot *slots;
	struct ib_recv_wr *wr;
	struct ib_sge *sge;
	struct ib_qp *qp;
	struct ib_device *hca;
	struct page_pool *pool;
	u32 frame_len;
	u32 order;
	struct ipoib_rx_stats stats;
};

int ipoib_tx_ring_init(struct ipoib_tx_ring *r, struct ib_device *hca,
		       struct netdev_queue *txq, u32 depth, u32 limit,
		       u32 max_sge);
void ipoib_tx_ring_free(struct ipoib_tx_ring *r);
struct ib_ud_wr *ipoib_tx_ring_add(struct ipoib_tx_ring *r,
				   struct sk_buff *skb, u32 skip);
void ipoib_tx_ring_commit(struct ipoib_tx_ring *r, struct sk_buff *skb,
			  struct ipoib_ah *ah, u32 skip, u16 packets);
int ipoib_tx_ring_doorbell(struct ipoib_tx_ring *r);
void ipoib_tx_ring_reap(struct ipoib_tx_ring *r, u32 last, bool ok,
			int budget);
void ipoib_tx_ring_reap_unposted(struct ipoib_tx_ring *r, int budget);
void ipoib_tx_ring_purge(struct ipoib_tx_ring *r);

int ipoib_rx_ring_init(struct ipoib_rx_ring *r, struct ib_device *hca,
		       u32 depth, u32 limit, u32 frame_len);
void ipoib_rx_ring_free(struct ipoib_rx_ring *r);
int ipoib_rx_ring_fill(struct ipoib_rx_ring *r, gfp_t gfp);
struct sk_buff *ipoib_rx_ring_take(struct ipoib_rx_ring *r, u32 slot, u32 len);
void ipoib_rx_ring_sync(struct ipoib_rx_ring *r, u32 slot, u32 len);
void ipoib_rx_ring_drop(struct ipoib_rx_ring *r, u32 slot);
void ipoib_rx_ring_purge(struct ipoib_rx_ring *r);

/**
 * ipoib_tx_ring_room() - sends that may still be posted
 * @r: the ring
 *
 * Context: exact under the tx queue lock, a hint elsewhere.
 * Return: number of packets.
 */
static inline u32 ipoib_tx_ring_room(const struct ipoib_tx_ring *r)
{
	/* Pairs with the completion side: the slots before it are free. */
	u32 tail = smp_load_acquire(&r->tail);
	u32 used = READ_ONCE(r->head) - tail;
	u32 limit = READ_ONCE(r->limit);

	return used < limit ? limit - used : 0;
}

/**
 * ipoib_rx_ring_posted() - receives posted now
 * @r: the ring
 *
 * Context: exact in the rx NAPI, a hint elsewhere.
 * Return: number of buffers.
 */
static inline u32 ipoib_rx_ring_posted(const struct ipoib_rx_ring *r)
{
	return r->depth - READ_ONCE(r->n_free);
}

/**
 * ipoib_rx_ring_frame() - where the GRH area of a received frame starts
 * @r: the ring
 * @slot: slot number, from the completion
 *
 * Context: rx NAPI, before take or drop of that slot.
 * Return: kernel address of @frame_len bytes.
 */
static inline u8 *ipoib_rx_ring_frame(const struct ipoib_rx_ring *r, u32 slot)
{
	return page_address(r->slots[slot].page) + NET_SKB_PAD;
}

#endif /* IPOIB_RING_H */
