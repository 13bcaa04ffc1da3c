// SPDX-License-Identifier: GPL-2.0-only
/*
 * Send and receive rings.
 *
 * Send ring: the posting side fills slots and chains work requests; one
 * doorbell posts the chain and only its last request asks for a completion.
 * The completion of slot i ends all slots up to i, since a send queue
 * completes in order. Slots whose post failed are marked and counted as
 * errors when the tail reaches them.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <net/netdev_queues.h>
#include <net/page_pool/helpers.h>

#include "ipoib_proto.h"
#include "ipoib_ring.h"

#if !IS_ENABLED(CONFIG_PAGE_POOL)
#error "ib_ipoib needs a kernel with CONFIG_PAGE_POOL"
#endif

/* Do not ask for a memory reserve, or for noise, when a refill can wait. */
#define IPOIB_RX_GFP	(__GFP_NOWARN | __GFP_NOMEMALLOC)

/**
 * ipoib_tx_ring_init() - allocate a send ring
 * @r: ring, all zero
 * @hca: device that maps the packets
 * @txq: netdev queue to account to, or NULL
 * @depth: number of slots, a power of two
 * @limit: sends in flight at most, up to @depth
 * @max_sge: pieces of one packet that the QP takes
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM; then nothing is allocated.
 */
int ipoib_tx_ring_init(struct ipoib_tx_ring *r, struct ib_device *hca,
		       struct netdev_queue *txq, u32 depth, u32 limit,
		       u32 max_sge)
{
	u32 i;

	r->hca = hca;
	r->txq = txq;
	r->depth = depth;
	r->limit = limit;
	r->max_sge = max_sge;
	u64_stats_init(&r->post.syncp);
	u64_stats_init(&r->stats.syncp);
	r->slots = kvcalloc(depth, sizeof(*r->slots), GFP_KERNEL);
	r->dma = kvcalloc(size_mul(depth, max_sge), sizeof(*r->dma),
			  GFP_KERNEL);
	r->chain = kcalloc(IPOIB_TX_BURST, sizeof(*r->chain), GFP_KERNEL);
	r->sge = kcalloc(IPOIB_TX_BURST * max_sge, sizeof(*r->sge),
			 GFP_KERNEL);
	if (!r->slots || !r->dma || !r->chain || !r->sge) {
		ipoib_tx_ring_free(r);
		return -ENOMEM;
	}
	for (i = 0; i < IPOIB_TX_BURST; i++)
		r->chain[i].wr.sg_list = r->sge + i * max_sge;
	return 0;
}

/**
 * ipoib_tx_ring_free() - free what ipoib_tx_ring_init() allocated
 * @r: ring with nothing in flight
 *
 * Context: may sleep; may be called twice.
 */
void ipoib_tx_ring_free(struct ipoib_tx_ring *r)
{
	WARN_ON_ONCE(r->head != r->tail);
	kvfree(r->slots);
	kvfree(r->dma);
	kfree(r->chain);
	kfree(r->sge);
	r->slots = NULL;
	r->dma = NULL;
	r->chain = NULL;
	r->sge = NULL;
}

static void tx_unmap(struct ipoib_tx_ring *r, const struct sk_buff *skb,
		     u32 skip, const u64 *dma, u32 n)
{
	u32 lin = skb_headlen(skb) > skip ? 1 : 0;
	u32 i;

	if (lin && n)
		ib_dma_unmap_single(r->hca, dma[0], skb_headlen(skb) - skip,
				    DMA_TO_DEVICE);
	for (i = lin; i < n; i++) {
		const skb_frag_t *f = &skb_shinfo(skb)->frags[i - lin];

		ib_dma_unmap_page(r->hca, dma[i], skb_frag_size(f),
				  DMA_TO_DEVICE);
	}
}

/* Maps the linear part behind @skip and the fragments. Returns the number of
 * pieces, or -EIO with nothing mapped.
 */
static int tx_map(struct ipoib_tx_ring *r, const struct sk_buff *skb, u32 skip,
		  u64 *dma, struct ib_sge *sge)
{
	u32 lkey = r->qp->pd->local_dma_lkey;
	u32 len = skb_headlen(skb) - skip;
	u32 n = 0;
	u32 i;

	if (len) {
		dma[n] = ib_dma_map_single(r->hca, skb->data + skip, len,
					   DMA_TO_DEVICE);
		if (unlikely(ib_dma_mapping_error(r->hca, dma[n])))
			return -EIO;
		sge[n] = (struct ib_sge){ dma[n], len, lkey };
		n++;
	}
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *f = &skb_shinfo(skb)->frags[i];

		len = skb_frag_size(f);
		dma[n] = ib_dma_map_page(r->hca, skb_frag_page(f),
					 skb_frag_off(f), len, DMA_TO_DEVICE);
		if (unlikely(ib_dma_mapping_error(r->hca, dma[n]))) {
			tx_unmap(r, skb, skip, dma, n);
			return -EIO;
		}
		sge[n] = (struct ib_sge){ dma[n], len, lkey };
		n++;
	}
	return n;
}

/**
 * ipoib_tx_ring_add() - map a packet and start a work request for it
 * @r: ring with room
 * @skb: packet of at most @max_sge pieces behind @skip
 * @skip: bytes at the front that the request carries by itself (LSO header)
 *
 * The caller fills in the rest of the request and calls
 * ipoib_tx_ring_commit(); until then nothing has happened.
 *
 * Context: tx queue lock.
 * Return: the request with scatter list and wr_id, or NULL if the packet
 * could not be mapped.
 */
struct ib_ud_wr *ipoib_tx_ring_add(struct ipoib_tx_ring *r,
				   struct sk_buff *skb, u32 skip)
{
	struct ib_ud_wr *wr = &r->chain[r->n_chain];
	u32 i = r->head & (r->depth - 1);
	int n;

	n = tx_map(r, skb, skip, r->dma + i * r->max_sge, wr->wr.sg_list);
	if (unlikely(n < 0))
		return NULL;
	wr->wr.next = NULL;
	wr->wr.wr_id = r->head;
	wr->wr.num_sge = n;
	return wr;
}

/**
 * ipoib_tx_ring_commit() - chain the request of ipoib_tx_ring_add()
 * @r: the ring
 * @skb: the packet, the ring's from now on
 * @ah: reference of this send, the ring's from now on; or NULL
 * @skip: as given to ipoib_tx_ring_add()
 * @packets: packets on the wire
 *
 * Context: tx queue lock.
 */
void ipoib_tx_ring_commit(struct ipoib_tx_ring *r, struct sk_buff *skb,
			  struct ipoib_ah *ah, u32 skip, u16 packets)
{
	struct ipoib_tx_slot *s = &r->slots[r->head & (r->depth - 1)];

	s->ah = ah;
	s->skip = skip;
	s->packets = packets;
	s->unposted = false;
	s->skb = skb;
	if (r->n_chain)
		r->chain[r->n_chain - 1].wr.next = &r->chain[r->n_chain].wr;
	r->n_chain++;
	/* The completion side may look at the slot once it sees the head. */
	smp_store_release(&r->head, r->head + 1);
}

/**
 * ipoib_tx_ring_doorbell() - post the chain
 * @r: the ring
 *
 * Only the last request of a chain is signalled. A send queue that loses the
 * end of a chain would therefore never complete what was posted before it;
 * the return value tells the caller.
 *
 * Context: tx queue lock.
 * Return: 0; -EAGAIN: nothing of the chain was posted, the caller schedules
 * the completion side, which reaps it; -EIO: a part was posted without a
 * signal, the QP must be recovered as well.
 */
int ipoib_tx_ring_doorbell(struct ipoib_tx_ring *r)
{
	const struct ib_send_wr *bad = NULL;
	u32 n = r->n_chain;
	u32 first, i;

	if (!n)
		return 0;
	r->chain[n - 1].wr.send_flags |= IB_SEND_SIGNALED;
	r->n_chain = 0;
	ipoib_stat_add(&r->post.syncp, &r->post.doorbells, 1);
	if (likely(!ib_post_send(r->qp, &r->chain[0].wr, &bad)))
		return 0;

	first = bad ? ud_wr(bad) - r->chain : 0;
	for (i = first; i < n; i++) {
		u32 slot = (u32)r->chain[i].wr.wr_id & (r->depth - 1);

		/* Pairs with ipoib_tx_ring_reap_unposted(). */
		smp_store_release(&r->slots[slot].unposted, true);
	}
	return first ? -EIO : -EAGAIN;
}

static void tx_release(struct ipoib_tx_ring *r, u32 index, int budget)
{
	u32 i = index & (r->depth - 1);
	struct ipoib_tx_slot *s = &r->slots[i];
	struct sk_buff *skb = s->skb;
	u32 n = skb_shinfo(skb)->nr_frags +
		(skb_headlen(skb) > s->skip ? 1 : 0);

	tx_unmap(r, skb, s->skip, r->dma + i * r->max_sge, n);
	s->skb = NULL;
	if (s->ah)
		ipoib_ah_put(s->ah);
	s->ah = NULL;
	napi_consume_skb(skb, budget);
}

/* Ends the slots from the tail to @end (not included). */
static void tx_finish(struct ipoib_tx_ring *r, u32 end, bool last_ok,
		      int budget)
{
	u32 packets = 0, bytes = 0, bql_n = 0, bql = 0, errors = 0;
	u32 tail = r->tail;

	for (; tail != end; tail++) {
		struct ipoib_tx_slot *s = &r->slots[tail & (r->depth - 1)];
		bool ok = !READ_ONCE(s->unposted) &&
			  (last_ok || tail + 1 != end);

		bql += s->skb->len;
		bql_n++;
		if (ok) {
			packets += s->packets;
			bytes += s->skb->len - IPOIB_ENCAP_LEN;
		} else {
			errors++;
		}
		tx_release(r, tail, budget);
	}
	u64_stats_update_begin(&r->stats.syncp);
	u64_stats_add(&r->stats.packets, packets);
	u64_stats_add(&r->stats.bytes, bytes);
	u64_stats_add(&r->stats.errors, errors);
	u64_stats_update_end(&r->stats.syncp);
	/* Slots are free before the posting side sees that they are. */
	smp_store_release(&r->tail, tail);
	if (r->txq)
		__netif_txq_completed_wake(r->txq, bql_n, bql,
					   ipoib_tx_ring_room(r),
					   READ_ONCE(r->limit) / 4,
					   READ_ONCE(r->closed));
}

/**
 * ipoib_tx_ring_reap() - end the sends up to a completion
 * @r: the ring
 * @last: low 32 bits of the completion's wr_id
 * @ok: the completion was a success
 * @budget: of the NAPI, 0 outside it
 *
 * Context: tx NAPI; or teardown, with both sides stopped.
 */
void ipoib_tx_ring_reap(struct ipoib_tx_ring *r, u32 last, bool ok, int budget)
{
	/* Pairs with ipoib_tx_ring_commit(): the slots are filled. */
	u32 head = smp_load_acquire(&r->head);

	/* A provider that completes what is not in flight must not make the
	 * driver walk the ring for ever.
	 */
	if (WARN_ON_ONCE(last - r->tail >= head - r->tail))
		return;
	tx_finish(r, last + 1, ok, budget);
}

/**
 * ipoib_tx_ring_reap_unposted() - end sends at the tail whose post failed
 * @r: the ring
 * @budget: of the NAPI
 *
 * Context: tx NAPI.
 */
void ipoib_tx_ring_reap_unposted(struct ipoib_tx_ring *r, int budget)
{
	/* Pairs with ipoib_tx_ring_commit(): the slots are filled. */
	u32 head = smp_load_acquire(&r->head);
	u32 end = r->tail;

	for (; end != head; end++) {
		struct ipoib_tx_slot *s = &r->slots[end & (r->depth - 1)];

		/* Pairs with ipoib_tx_ring_doorbell(). */
		if (!smp_load_acquire(&s->unposted))
			break;
	}
	if (end != r->tail)
		tx_finish(r, end, true, budget);
}

/**
 * ipoib_tx_ring_purge() - end all sends, posted or not, as errors
 * @r: ring whose QP is in RESET, so that the HCA holds nothing
 *
 * Context: process context; posting and completion side stopped.
 */
void ipoib_tx_ring_purge(struct ipoib_tx_ring *r)
{
	u32 i;

	WARN_ON_ONCE(!r->closed);
	r->n_chain = 0;
	for (i = r->tail; i != r->head; i++)
		r->slots[i & (r->depth - 1)].unposted = true;
	if (r->tail != r->head)
		tx_finish(r, r->head, true, 0);
	if (r->txq)
		netdev_tx_reset_queue(r->txq);
}

static struct page_pool *rx_pool_create(struct ib_device *hca, u32 order,
					u32 depth, u32 frame_len)
{
	struct page_pool_params p = {
		.order = order,
		.pool_size = depth,
		.nid = NUMA_NO_NODE,
		.dma_dir = DMA_FROM_DEVICE,
		.offset = NET_SKB_PAD,
		.max_len = frame_len,
	};

	/* A device with virtual DMA takes kernel addresses: nothing to map. */
	if (!ib_uses_virt_dma(hca)) {
		p.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV;
		p.dev = hca->dma_device;
		p.nid = dev_to_node(hca->dma_device);
	}
	return page_pool_create(&p);
}

/**
 * ipoib_rx_ring_init() - allocate a receive ring, without buffers
 * @r: ring, all zero
 * @hca: device that writes the buffers
 * @depth: number of slots
 * @limit: receives to keep posted, up to @depth
 * @frame_len: bytes of the longest frame with its GRH area
 *
 * Context: may sleep.
 * Return: 0 or -errno; then nothing is allocated.
 */
int ipoib_rx_ring_init(struct ipoib_rx_ring *r, struct ib_device *hca,
		       u32 depth, u32 limit, u32 frame_len)
{
	u32 room = SKB_DATA_ALIGN(NET_SKB_PAD + frame_len) +
		   SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	u32 i;

	r->hca = hca;
	r->depth = depth;
	r->limit = limit;
	r->frame_len = frame_len;
	r->order = get_order(room);
	u64_stats_init(&r->stats.syncp);
	r->free = kvcalloc(depth, sizeof(*r->free), GFP_KERNEL);
	r->slots = kvcalloc(depth, sizeof(*r->slots), GFP_KERNEL);
	r->wr = kcalloc(IPOIB_RX_BURST, sizeof(*r->wr), GFP_KERNEL);
	r->sge = kcalloc(IPOIB_RX_BURST, sizeof(*r->sge), GFP_KERNEL);
	if (!r->free || !r->slots || !r->wr || !r->sge) {
		ipoib_rx_ring_free(r);
		return -ENOMEM;
	}
	r->pool = rx_pool_create(hca, r->order, depth, frame_len);
	if (IS_ERR(r->pool)) {
		int err = PTR_ERR(r->pool);

		r->pool = NULL;
		ipoib_rx_ring_free(r);
		return err;
	}
	for (i = 0; i < depth; i++)
		r->free[i] = depth - 1 - i;
	r->n_free = depth;
	return 0;
}

/**
 * ipoib_rx_ring_free() - free what ipoib_rx_ring_init() allocated
 * @r: ring with no buffer posted
 *
 * Pages that the stack still holds keep the pool alive; the pool's own code
 * waits for them, so that this module may be unloaded.
 *
 * Context: may sleep; may be called twice.
 */
void ipoib_rx_ring_free(struct ipoib_rx_ring *r)
{
	WARN_ON_ONCE(r->pool && r->n_free != r->depth);
	if (r->pool)
		page_pool_destroy(r->pool);
	kvfree(r->free);
	kvfree(r->slots);
	kfree(r->wr);
	kfree(r->sge);
	r->pool = NULL;
	r->free = NULL;
	r->slots = NULL;
	r->wr = NULL;
	r->sge = NULL;
}

static void rx_put_slot(struct ipoib_rx_ring *r, u32 slot)
{
	r->slots[slot].page = NULL;
	r->free[r->n_free] = slot;
	WRITE_ONCE(r->n_free, r->n_free + 1);
}

/* Prepares up to @want requests; returns how many got a page. */
static u32 rx_build_burst(struct ipoib_rx_ring *r, u32 want, gfp_t gfp)
{
	u32 n;

	for (n = 0; n < want; n++) {
		struct page *page = page_pool_alloc_pages(r->pool, gfp);
		u32 slot;

		if (unlikely(!page))
			break;
		slot = r->free[r->n_free - 1];
		WRITE_ONCE(r->n_free, r->n_free - 1);
		r->slots[slot].page = page;
		r->slots[slot].dma = ib_uses_virt_dma(r->hca) ?
			(uintptr_t)page_address(page) :
			page_pool_get_dma_addr(page);
		r->sge[n].addr = r->slots[slot].dma + NET_SKB_PAD;
		r->sge[n].length = r->frame_len;
		r->sge[n].lkey = r->qp->pd->local_dma_lkey;
		r->wr[n].wr_id = slot;
		r->wr[n].sg_list = &r->sge[n];
		r->wr[n].num_sge = 1;
		r->wr[n].next = NULL;
		if (n)
			r->wr[n - 1].next = &r->wr[n];
	}
	return n;
}

/**
 * ipoib_rx_ring_fill() - post buffers up to the limit
 * @r: the ring
 * @gfp: GFP_ATOMIC in the NAPI, GFP_KERNEL at start
 *
 * Context: rx NAPI, or start with the NAPI disabled.
 * Return: 0 when the ring is full; -ENOMEM or the provider's -errno when it is
 * not, and the caller must try again later.
 */
int ipoib_rx_ring_fill(struct ipoib_rx_ring *r, gfp_t gfp)
{
	u32 limit = READ_ONCE(r->limit);

	gfp |= IPOIB_RX_GFP;
	while (r->depth - r->n_free < limit) {
		u32 want = min_t(u32, limit - (r->depth - r->n_free),
				 IPOIB_RX_BURST);
		const struct ib_recv_wr *bad = NULL;
		u32 n, first;
		int err;

		n = rx_build_burst(r, want, gfp);
		if (!n)
			return -ENOMEM;
		err = ib_post_recv(r->qp, r->wr, &bad);
		if (unlikely(err)) {
			first = bad ? bad - r->wr : 0;
			while (n-- > first)
				ipoib_rx_ring_drop(r, r->wr[n].wr_id);
			return err;
		}
	}
	return 0;
}

/* A socket is charged for the whole buffer, so a burst of small packets in
 * buffers of a full MTU overruns it; small packets get memory of their size.
 */
static struct sk_buff *rx_copy(const void *frame, u32 len)
{
	struct sk_buff *skb;

	skb = __alloc_skb(NET_SKB_PAD + len, GFP_ATOMIC | __GFP_NOWARN,
			  SKB_ALLOC_NAPI, NUMA_NO_NODE);
	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, NET_SKB_PAD);
	skb_put_data(skb, frame, len);
	return skb;
}

/**
 * ipoib_rx_ring_take() - turn a received buffer into an skb
 * @r: the ring
 * @slot: slot number, from the completion
 * @len: bytes received, with the GRH area
 *
 * Context: rx NAPI.
 * Return: skb whose data starts at the GRH area; NULL when there was no
 * memory. The slot is free either way.
 */
struct sk_buff *ipoib_rx_ring_take(struct ipoib_rx_ring *r, u32 slot, u32 len)
{
	struct page *page = r->slots[slot].page;
	struct sk_buff *skb;

	if (len <= IPOIB_RX_COPY) {
		skb = rx_copy(page_address(page) + NET_SKB_PAD, len);
		ipoib_rx_ring_drop(r, slot);
		return skb;
	}
	skb = napi_build_skb(page_address(page), PAGE_SIZE << r->order);
	if (unlikely(!skb)) {
		ipoib_rx_ring_drop(r, slot);
		return NULL;
	}
	rx_put_slot(r, slot);
	skb_mark_for_recycle(skb);
	skb_reserve(skb, NET_SKB_PAD);
	skb_put(skb, len);
	return skb;
}

/**
 * ipoib_rx_ring_sync() - make a received frame visible to the CPU
 * @r: the ring
 * @slot: slot number, from the completion
 * @len: bytes received
 *
 * Context: rx NAPI, before the frame is read.
 */
void ipoib_rx_ring_sync(struct ipoib_rx_ring *r, u32 slot, u32 len)
{
	ib_dma_sync_single_for_cpu(r->hca, r->slots[slot].dma + NET_SKB_PAD,
				   len, DMA_FROM_DEVICE);
}

/**
 * ipoib_rx_ring_drop() - give a buffer back to the pool
 * @r: the ring
 * @slot: slot number of a buffer that the HCA does not hold
 *
 * Context: rx NAPI, or stop with the NAPI disabled.
 */
void ipoib_rx_ring_drop(struct ipoib_rx_ring *r, u32 slot)
{
	page_pool_put_full_page(r->pool, r->slots[slot].page, false);
	rx_put_slot(r, slot);
}

/**
 * ipoib_rx_ring_purge() - give all buffers back
 * @r: ring whose QP is in RESET, so that the HCA holds nothing
 *
 * Context: process context, NAPI disabled.
 */
void ipoib_rx_ring_purge(struct ipoib_rx_ring *r)
{
	u32 i;

	for (i = 0; i < r->depth; i++) {
		if (r->slots[i].page)
			ipoib_rx_ring_drop(r, i);
	}
}
