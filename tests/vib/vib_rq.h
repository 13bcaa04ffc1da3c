/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: receive queues, of a QP or shared. */
#ifndef VIB_RQ_H
#define VIB_RQ_H

#include "vib_mr.h"

#define VIB_MAX_SGE	32
#define VIB_MAX_QP_WR	16384

struct vib_qp;

/**
 * struct vib_rwqe - receive request
 * @wr_id: from the consumer
 * @num_sge: entries in @sge
 * @length: sum of their lengths
 * @sge: scatter list; a ring slot holds only as many as the queue allows
 */
struct vib_rwqe {
	u64 wr_id;
	u32 num_sge;
	u32 length;
	struct ib_sge sge[VIB_MAX_SGE];
};

/**
 * struct vib_rq - receive queue of a QP, or an SRQ
 * @lock: protects all below but the constants
 * @ring: slots of @stride bytes, each the head of a struct vib_rwqe
 * @mask: slots - 1
 * @stride: bytes of a slot
 * @max_wr: requests that may wait; constant but for ib_modify_srq()
 * @max_sge: scatter entries of a request; constant
 * @head: next slot to fill, free running
 * @tail: next slot to take, free running
 * @limit: SRQ: raise the limit event when fewer wait, 0 = not armed
 * @mem: whose memory the requests name; constant
 */
struct vib_rq {
	spinlock_t lock; /* the ring */
	void *ring;
	u32 mask;
	u32 stride;
	u32 max_wr;
	u32 max_sge;
	u32 head;
	u32 tail;
	u32 limit;
	struct vib_mem mem;
};

/**
 * struct vib_srq - shared receive queue
 * @ibsrq: core object
 * @rq: the queue
 * @limit_work: reports that the limit was passed
 */
struct vib_srq {
	struct ib_srq ibsrq;
	struct vib_rq rq;
	struct work_struct limit_work;
};

static inline struct vib_srq *to_vsrq(struct ib_srq *ibsrq)
{
	return container_of(ibsrq, struct vib_srq, ibsrq);
}

int vib_rq_init(struct vib_rq *rq, u32 max_wr, u32 max_sge);
void vib_rq_free(struct vib_rq *rq);
int vib_rq_post(struct vib_rq *rq, const struct ib_recv_wr *wr);
bool vib_rq_take(struct vib_qp *qp, struct vib_rwqe *rwqe);
void vib_rq_reset(struct vib_rq *rq);
void vib_rq_flush(struct vib_qp *qp);

int vib_create_srq(struct ib_srq *ibsrq, struct ib_srq_init_attr *init,
		   struct ib_udata *udata);
int vib_modify_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr,
		   enum ib_srq_attr_mask mask, struct ib_udata *udata);
int vib_query_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr);
int vib_destroy_srq(struct ib_srq *ibsrq, struct ib_udata *udata);
int vib_post_srq_recv(struct ib_srq *ibsrq, const struct ib_recv_wr *wr,
		      const struct ib_recv_wr **bad);

#endif /* VIB_RQ_H */
