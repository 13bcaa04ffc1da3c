/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: completion queues. */
#ifndef VIB_CQ_H
#define VIB_CQ_H

#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/smp.h>

#include "vib.h"

#define VIB_MAX_CQE	262144

/**
 * struct vib_cq - completion queue
 * @ibcq: core object
 * @lock: protects the ring and @armed
 * @ring: completions
 * @size: completions that fit
 * @mask: slots - 1
 * @head: next slot to fill, free running
 * @tail: next slot to poll, free running
 * @armed: enum ib_cq_notify_flags that is waited for, or 0
 * @failed: it overflowed
 * @mod_count: completions that make an event, see vib_modify_cq()
 * @mod_usec: longest wait for more, in microseconds
 * @mod_pending: completions that wait for their event
 * @mod_timer: ends the wait
 * @cpu: where the handler runs
 * @kick: carries a notification to @cpu
 * @kicked: it is on its way
 * @task: calls the handler there
 * @error_work: reports the overflow
 */
struct vib_cq {
	struct ib_cq ibcq;
	spinlock_t lock; /* the ring and the event */
	struct ib_wc *ring;
	u32 size;
	u32 mask;
	u32 head;
	u32 tail;
	u8 armed;
	bool failed;
	u16 mod_count;
	u16 mod_usec;
	u16 mod_pending;
	struct hrtimer mod_timer;
	int cpu;
	struct __call_single_data kick;
	int kicked;
	struct tasklet_struct task;
	struct work_struct error_work;
};

static inline struct vib_cq *to_vcq(struct ib_cq *ibcq)
{
	return container_of(ibcq, struct vib_cq, ibcq);
}

int vib_create_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *init,
		  struct vib_cq_udata *udata);
int vib_modify_cq(struct ib_cq *ibcq, u16 count, u16 usec);
int vib_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata);
int vib_poll_cq(struct ib_cq *ibcq, int num, struct ib_wc *wc);
int vib_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags);
void vib_cq_add(struct vib_cq *cq, const struct ib_wc *wc, bool solicited);
void vib_cq_purge(struct vib_cq *cq, const struct ib_qp *qp);

#endif /* VIB_CQ_H */
