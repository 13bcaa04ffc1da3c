// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive buffers of connected mode.
 *
 * A buffer is a list of single pages, so that 64 KiB need no contiguous memory.
 * What a packet has filled goes to the stack page by page; the pages behind it
 * stay in their slot for the next one. A short packet is copied and leaves all
 * of them.
 *
 * A page pool must not be asked from two CPUs at once, and several lanes refill
 * one SRQ; so allocation and posting are under the lock. The slot that a
 * completion names belongs to the lane that polled it until it is put back.
 */
#include <linux/slab.h>
#include <net/page_pool/helpers.h>

#include "ipoib.h"
#include "ipoib_cm_conn.h"

/* See ipoib_ring.c. */
#define IPOIB_CM_GFP	(__GFP_NOWARN | __GFP_NOMEMALLOC)
/* Bytes that are copied into the linear part: the headers, and all of a packet
 * up to IPOIB_CM_COPY.
 */
#define IPOIB_CM_HEAD	128
#define IPOIB_CM_COPY	512

static struct page_pool *rq_pool(struct ib_device *hca, u32 pages)
{
	struct page_pool_params p = {
		.pool_size = min_t(u32, pages, 8192),
		.nid = NUMA_NO_NODE,
		.dma_dir = DMA_FROM_DEVICE,
		.max_len = PAGE_SIZE,
	};

	if (!ib_uses_virt_dma(hca)) {
		p.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV;
		p.dev = hca->dma_device;
		p.nid = dev_to_node(hca->dma_device);
	}
	return page_pool_create(&p);
}

/**
 * ipoib_cm_rq_init() - allocate a ring of receive buffers, without pages
 * @rq: all zero but for @lock and @srq or @qp
 * @cm: connected mode of the interface
 * @depth: buffers
 *
 * Context: process context; sleeps.
 * Return: 0 or -errno; then nothing is allocated.
 */
int ipoib_cm_rq_init(struct ipoib_cm_rq *rq, struct ipoib_cm *cm, u32 depth)
{
	u32 i;

	rq->hca = cm->priv->hca;
	rq->lkey = cm->priv->pd->local_dma_lkey;
	rq->depth = depth;
	rq->pages = cm->pages;
	rq->free = kvcalloc(depth, sizeof(*rq->free), GFP_KERNEL);
	rq->slots = kvcalloc(depth, sizeof(*rq->slots), GFP_KERNEL);
	rq->wr = kcalloc(IPOIB_CM_RX_BURST, sizeof(*rq->wr), GFP_KERNEL);
	rq->sge = kcalloc(IPOIB_CM_RX_BURST * rq->pages, sizeof(*rq->sge),
			  GFP_KERNEL);
	if (!rq->free || !rq->slots || !rq->wr || !rq->sge) {
		ipoib_cm_rq_free(rq);
		return -ENOMEM;
	}
	rq->pool = rq_pool(rq->hca, depth * rq->pages);
	if (IS_ERR(rq->pool)) {
		int err = PTR_ERR(rq->pool);

		rq->pool = NULL;
		ipoib_cm_rq_free(rq);
		return err;
	}
	for (i = 0; i < depth; i++)
		rq->free[i] = depth - 1 - i;
	rq->n_free = depth;
	return 0;
}

/**
 * ipoib_cm_rq_free() - free all buffers and the ring
 * @rq: nothing of it is posted any more: its QP or SRQ was destroyed
 *
 * Context: process context; sleeps; may be called twice.
 */
void ipoib_cm_rq_free(struct ipoib_cm_rq *rq)
{
	u32 i, k;

	for (i = 0; rq->pool && i < rq->depth; i++) {
		for (k = 0; k < rq->pages; k++) {
			if (rq->slots[i].page[k])
				page_pool_put_full_page(rq->pool,
							rq->slots[i].page[k],
							false);
		}
	}
	if (rq->pool)
		page_pool_destroy(rq->pool);
	kvfree(rq->free);
	kvfree(rq->slots);
	kfree(rq->wr);
	kfree(rq->sge);
	rq->pool = NULL;
	rq->free = NULL;
	rq->slots = NULL;
	rq->wr = NULL;
	rq->sge = NULL;
	rq->live = false;
	rq->depth = 0;
	rq->n_free = 0;
}

/* Gives a slot the pages it lacks. */
static bool rq_complete(struct ipoib_cm_rq *rq, struct ipoib_cm_slot *s,
			gfp_t gfp)
{
	u32 k;

	for (k = 0; k < rq->pages; k++) {
		struct page *page;

		if (s->page[k])
			continue;
		page = page_pool_alloc_pages(rq->pool, gfp);
		if (unlikely(!page))
			return false;
		s->page[k] = page;
		s->dma[k] = ib_uses_virt_dma(rq->hca) ?
			    (uintptr_t)page_address(page) :
			    page_pool_get_dma_addr(page);
	}
	return true;
}

/* Prepares up to a burst of requests; returns how many got their pages. */
static u32 rq_build(struct ipoib_cm_rq *rq, gfp_t gfp)
{
	u32 want = min_t(u32, rq->n_free, IPOIB_CM_RX_BURST);
	u32 n, k;

	for (n = 0; n < want; n++) {
		u32 slot = rq->free[rq->n_free - 1];
		struct ib_sge *sge = rq->sge + n * rq->pages;

		if (!rq_complete(rq, &rq->slots[slot], gfp))
			break;
		rq->n_free--;
		for (k = 0; k < rq->pages; k++)
			sge[k] = (struct ib_sge){ rq->slots[slot].dma[k],
						  PAGE_SIZE, rq->lkey };
		rq->wr[n].wr_id = slot | IPOIB_CM_WR_RECV;
		rq->wr[n].sg_list = sge;
		rq->wr[n].num_sge = rq->pages;
		rq->wr[n].next = NULL;
		if (n)
			rq->wr[n - 1].next = &rq->wr[n];
	}
	return n;
}

/**
 * ipoib_cm_rq_fill() - post all buffers that are free
 * @rq: the ring
 * @gfp: GFP_ATOMIC under the lock; GFP_KERNEL before anybody else uses @rq
 *
 * Context: rq->lock, or nobody else uses @rq yet.
 * Return: 0; -ENOMEM or the provider's -errno when it is not full.
 */
int ipoib_cm_rq_fill(struct ipoib_cm_rq *rq, gfp_t gfp)
{
	gfp |= IPOIB_CM_GFP;
	while (rq->n_free) {
		const struct ib_recv_wr *bad = NULL;
		u32 n = rq_build(rq, gfp);
		u32 first;
		int err;

		if (!n)
			return -ENOMEM;
		if (rq->srq)
			err = ib_post_srq_recv(rq->srq, rq->wr, &bad);
		else
			err = ib_post_recv(rq->qp, rq->wr, &bad);
		if (likely(!err))
			continue;
		first = bad ? bad - rq->wr : 0;
		while (n-- > first)
			rq->free[rq->n_free++] = (u32)rq->wr[n].wr_id;
		return err;
	}
	return 0;
}

/**
 * ipoib_cm_rq_begin() - post all buffers for the first time
 * @rq: the ring
 *
 * A part of them is enough to begin with; the rest follows when there is
 * memory.
 *
 * Context: process context; sleeps.
 * Return: 0; -errno when not even one could be posted.
 */
int ipoib_cm_rq_begin(struct ipoib_cm_rq *rq)
{
	int err = ipoib_cm_rq_fill(rq, GFP_KERNEL);

	if (err && rq->n_free == rq->depth)
		return err;
	spin_lock_bh(&rq->lock);
	rq->live = true;
	spin_unlock_bh(&rq->lock);
	return 0;
}

/**
 * ipoib_cm_rq_refill() - post the buffers that are free if they are many
 * @rq: the ring
 * @least: how many make it worth while
 *
 * Context: NAPI, or process context.
 * Return: as ipoib_cm_rq_fill().
 */
int ipoib_cm_rq_refill(struct ipoib_cm_rq *rq, u32 least)
{
	int err = 0;

	if (READ_ONCE(rq->n_free) < least)
		return 0;
	spin_lock_bh(&rq->lock);
	if (rq->live)
		err = ipoib_cm_rq_fill(rq, GFP_ATOMIC);
	spin_unlock_bh(&rq->lock);
	return err;
}

/**
 * ipoib_cm_rq_put() - a buffer is free again
 * @rq: the ring
 * @slot: its number, from a completion
 *
 * Context: NAPI.
 */
void ipoib_cm_rq_put(struct ipoib_cm_rq *rq, u32 slot)
{
	spin_lock_bh(&rq->lock);
	rq->free[rq->n_free] = slot;
	WRITE_ONCE(rq->n_free, rq->n_free + 1);
	spin_unlock_bh(&rq->lock);
}

/**
 * ipoib_cm_rq_sync() - make a received message visible to the CPU
 * @rq: the ring
 * @slot: number of its buffer
 * @len: its length, bytes
 *
 * Context: NAPI, before the message is read.
 */
void ipoib_cm_rq_sync(struct ipoib_cm_rq *rq, u32 slot, u32 len)
{
	const struct ipoib_cm_slot *s = &rq->slots[slot];
	u32 k;

	for (k = 0; len; k++) {
		u32 part = min_t(u32, len, PAGE_SIZE);

		ib_dma_sync_single_for_cpu(rq->hca, s->dma[k], part,
					   DMA_FROM_DEVICE);
		len -= part;
	}
}

/* Gives the pages behind @skip bytes to the skb. */
static void rq_give_pages(struct ipoib_cm_slot *s, struct sk_buff *skb,
			  u32 skip, u32 len)
{
	u32 off = skip;
	u32 k;

	for (k = 0; len; k++) {
		u32 part = min_t(u32, len, PAGE_SIZE - off);

		skb_add_rx_frag(skb, k, s->page[k], off, part, PAGE_SIZE);
		s->page[k] = NULL;
		len -= part;
		off = 0;
	}
	skb_mark_for_recycle(skb);
}

/**
 * ipoib_cm_rq_take() - turn a received message into an skb
 * @rq: the ring
 * @slot: number of its buffer; stays the caller's, to be put back
 * @len: bytes received, with the encapsulation header
 *
 * Context: NAPI.
 * Return: skb whose data starts at the encapsulation header, with room for the
 * pseudo header in front; NULL when there was no memory.
 */
struct sk_buff *ipoib_cm_rq_take(struct ipoib_cm_rq *rq, u32 slot, u32 len)
{
	u32 head = len <= IPOIB_CM_COPY ? len : IPOIB_CM_HEAD;
	struct ipoib_cm_slot *s = &rq->slots[slot];
	/* 20 and 4 bytes in front of it: the IP header stays aligned. */
	u32 room = NET_SKB_PAD + IPOIB_PSEUDO_LEN;
	struct sk_buff *skb;

	skb = __alloc_skb(room + head, GFP_ATOMIC | __GFP_NOWARN,
			  SKB_ALLOC_NAPI, NUMA_NO_NODE);
	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, room);
	skb_put_data(skb, page_address(s->page[0]), head);
	if (head < len)
		rq_give_pages(s, skb, head, len - head);
	return skb;
}

/**
 * ipoib_cm_rq_pages() - pages that the ring holds now
 * @rq: the ring
 *
 * Context: any but hard interrupt. Slots of messages that are being received
 * are counted as whole.
 * Return: number of pages.
 */
u32 ipoib_cm_rq_pages(struct ipoib_cm_rq *rq)
{
	u32 n = 0, i, k;

	spin_lock_bh(&rq->lock);
	for (i = 0; rq->pool && i < rq->depth; i++) {
		for (k = 0; k < rq->pages; k++)
			n += !!READ_ONCE(rq->slots[i].page[k]);
	}
	spin_unlock_bh(&rq->lock);
	return n;
}
