/* SPDX-License-Identifier: GPL-2.0-only */
/* Receive buffers of connected mode: pages, posted to an SRQ or a QP. */
#ifndef IPOIB_CM_BUF_H
#define IPOIB_CM_BUF_H

#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <rdma/ib_verbs.h>

#include "ipoib_cm_proto.h"

struct ipoib_cm;
struct page_pool;

/* Pages of a receive buffer, one scatter entry each. */
#define IPOIB_CM_PAGES		DIV_ROUND_UP(IPOIB_CM_MAX_FRAME, PAGE_SIZE)
/* Receives posted in one call at most. */
#define IPOIB_CM_RX_BURST	8

/**
 * struct ipoib_cm_slot - one receive buffer
 * @page: its pages; a page that went to the stack is NULL until the refill
 * @dma: their addresses for the HCA
 */
struct ipoib_cm_slot {
	struct page *page[IPOIB_CM_PAGES];
	u64 dma[IPOIB_CM_PAGES];
};

/**
 * struct ipoib_cm_rq - receive buffers: the SRQ's, or those of one connection
 * @lock: guards all but the slots that a completion names; BHs off
 * @hca: for DMA
 * @srq: where they are posted, or NULL
 * @qp: where they are posted if @srq is NULL
 * @lkey: of the buffers
 * @pool: pages; order 0
 * @depth: buffers
 * @pages: pages of a buffer
 * @live: has been filled for the first time, and may be refilled
 * @n_free: buffers not posted
 * @free: their numbers, a stack
 * @slots: the buffers
 * @wr: requests of one burst
 * @sge: their scatter entries
 */
struct ipoib_cm_rq {
	spinlock_t lock;	/* see above */
	struct ib_device *hca;
	struct ib_srq *srq;
	struct ib_qp *qp;
	u32 lkey;
	struct page_pool *pool;
	u32 depth;
	u32 pages;
	bool live;
	u32 n_free;
	u32 *free;
	struct ipoib_cm_slot *slots;
	struct ib_recv_wr *wr;
	struct ib_sge *sge;
};

int ipoib_cm_rq_init(struct ipoib_cm_rq *rq, struct ipoib_cm *cm, u32 depth);
void ipoib_cm_rq_free(struct ipoib_cm_rq *rq);
int ipoib_cm_rq_fill(struct ipoib_cm_rq *rq, gfp_t gfp);
int ipoib_cm_rq_begin(struct ipoib_cm_rq *rq);
int ipoib_cm_rq_refill(struct ipoib_cm_rq *rq, u32 least);
void ipoib_cm_rq_put(struct ipoib_cm_rq *rq, u32 slot);
struct sk_buff *ipoib_cm_rq_take(struct ipoib_cm_rq *rq, u32 slot, u32 len);
void ipoib_cm_rq_sync(struct ipoib_cm_rq *rq, u32 slot, u32 len);
u32 ipoib_cm_rq_pages(struct ipoib_cm_rq *rq);

#endif /* IPOIB_CM_BUF_H */
