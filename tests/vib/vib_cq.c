// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: completion queues.
 *
 * The handler of a CQ runs in a tasklet on the CPU of the CQ's completion
 * vector, as an interrupt would: never inside a verb of the consumer.
 */

#include <linux/cpu.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "vib_verbs.h"

static void vib_cq_notify(struct tasklet_struct *task)
{
	struct vib_cq *cq = from_tasklet(cq, task, task);

	if (cq->ibcq.comp_handler)
		cq->ibcq.comp_handler(&cq->ibcq, cq->ibcq.cq_context);
}

/* On the CPU of the vector, in hard interrupt context. */
static void vib_cq_kick(void *arg)
{
	struct vib_cq *cq = arg;

	tasklet_schedule(&cq->task);
	/* The last access: vib_destroy_cq() may be waiting for it. */
	smp_store_release(&cq->kicked, 0);
}

static void vib_cq_error(struct work_struct *work)
{
	struct vib_cq *cq = container_of(work, struct vib_cq, error_work);
	struct ib_event event = {
		.device = cq->ibcq.device,
		.element.cq = &cq->ibcq,
		.event = IB_EVENT_CQ_ERR,
	};

	if (cq->ibcq.event_handler)
		cq->ibcq.event_handler(&event, cq->ibcq.cq_context);
}

/* Gets the handler going on the CPU of the vector. */
static void vib_cq_fire(struct vib_cq *cq)
{
	int cpu = get_cpu();

	/* A CPU cannot leave while this one has preemption disabled. */
	if (cpu == cq->cpu || !cpu_online(cq->cpu))
		tasklet_schedule(&cq->task);
	else if (!xchg(&cq->kicked, 1))
		smp_call_function_single_async(cq->cpu, &cq->kick);
	put_cpu();
}

/* The time is up that a completion may wait for others to join it. */
static enum hrtimer_restart vib_cq_moderated(struct hrtimer *timer)
{
	struct vib_cq *cq = container_of(timer, struct vib_cq, mod_timer);
	unsigned long flags;
	bool fire;

	spin_lock_irqsave(&cq->lock, flags);
	fire = cq->armed && cq->mod_pending;
	if (fire)
		cq->armed = 0;
	cq->mod_pending = 0;
	spin_unlock_irqrestore(&cq->lock, flags);
	if (fire)
		vib_cq_fire(cq);
	return HRTIMER_NORESTART;
}

static int vib_vector_cpu(int vector)
{
	int n = vector % num_online_cpus();
	int cpu;

	for_each_online_cpu(cpu)
		if (!n--)
			return cpu;
	return 0;
}

/**
 * vib_create_cq() - ib_device_ops.create_cq
 * @ibcq: the queue
 * @init: size and completion vector
 * @udata: unused
 *
 * Context: process, sleeps.
 * Return: 0 or -errno.
 */
int vib_create_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *init,
		  struct vib_cq_udata *udata)
{
	struct vib_hca *hca = to_vhca(ibcq->device);
	struct vib_cq *cq = to_vcq(ibcq);

	if (init->flags || !init->cqe || init->cqe > VIB_MAX_CQE ||
	    init->comp_vector >= hca->caps.vectors)
		return -EINVAL;
	if (vib_fault_hit(hca, VIB_FAULT_CREATE_CQ, 0))
		return -ENOMEM;
	cq->size = init->cqe;
	cq->mask = roundup_pow_of_two(cq->size) - 1;
	cq->ring = kvcalloc(cq->mask + 1, sizeof(*cq->ring), GFP_KERNEL);
	if (!cq->ring)
		return -ENOMEM;
	spin_lock_init(&cq->lock);
	cpus_read_lock();
	cq->cpu = vib_vector_cpu(init->comp_vector);
	cpus_read_unlock();
	INIT_CSD(&cq->kick, vib_cq_kick, cq);
	tasklet_setup(&cq->task, vib_cq_notify);
	hrtimer_setup(&cq->mod_timer, vib_cq_moderated, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	INIT_WORK(&cq->error_work, vib_cq_error);
	ibcq->cqe = cq->size;
	return 0;
}

/**
 * vib_modify_cq() - ib_device_ops.modify_cq: event moderation
 * @ibcq: the queue
 * @count: completions that make an event; 0 and 1: each does
 * @usec: longest wait for more, in microseconds; 0: no wait
 *
 * Context: any.
 * Return: 0.
 */
int vib_modify_cq(struct ib_cq *ibcq, u16 count, u16 usec)
{
	struct vib_cq *cq = to_vcq(ibcq);
	unsigned long flags;

	spin_lock_irqsave(&cq->lock, flags);
	cq->mod_count = count;
	cq->mod_usec = usec;
	spin_unlock_irqrestore(&cq->lock, flags);
	return 0;
}

/**
 * vib_destroy_cq() - ib_device_ops.destroy_cq
 * @ibcq: the queue; no QP uses it any more, so nothing completes to it
 * @udata: unused
 *
 * Context: process, sleeps until a running handler has returned.
 * Return: 0.
 */
int vib_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata)
{
	struct vib_cq *cq = to_vcq(ibcq);

	hrtimer_cancel(&cq->mod_timer);
	/* At most the time of an interrupt on another CPU. */
	while (smp_load_acquire(&cq->kicked))
		cpu_relax();
	tasklet_kill(&cq->task);
	cancel_work_sync(&cq->error_work);
	kvfree(cq->ring);
	return 0;
}

/*
 * A completion has come that is waited for.
 * Return: whether the event is due now; else the timer sees to it.
 */
static bool vib_cq_event_due(struct vib_cq *cq)
{
	lockdep_assert_held(&cq->lock);
	cq->mod_pending++;
	if (cq->mod_usec && cq->mod_pending < cq->mod_count) {
		if (cq->mod_pending == 1)
			hrtimer_start(&cq->mod_timer,
				      ns_to_ktime(cq->mod_usec * NSEC_PER_USEC),
				      HRTIMER_MODE_REL);
		return false;
	}
	cq->mod_pending = 0;
	cq->armed = 0;
	return true;
}

/**
 * vib_cq_add() - put a completion into a CQ
 * @cq: the queue
 * @wc: the completion, copied
 * @solicited: it counts as solicited for whoever waits for those alone
 *
 * Context: any.
 */
void vib_cq_add(struct vib_cq *cq, const struct ib_wc *wc, bool solicited)
{
	struct vib_hca *hca = to_vhca(cq->ibcq.device);
	bool fire = false, overflow = false;
	unsigned long flags;

	spin_lock_irqsave(&cq->lock, flags);
	if (cq->failed) {
		/* An overflown queue is dead until it is destroyed. */
	} else if (cq->head - cq->tail == cq->size) {
		cq->failed = true;
		overflow = true;
	} else {
		cq->ring[cq->head++ & cq->mask] = *wc;
		if (cq->armed == IB_CQ_NEXT_COMP ||
		    (cq->armed && (solicited || wc->status)))
			fire = vib_cq_event_due(cq);
	}
	spin_unlock_irqrestore(&cq->lock, flags);

	if (overflow)
		queue_work(vib_wq, &cq->error_work);
	if (fire && !vib_fault_hit(hca, VIB_FAULT_CQ_NOTIFY, wc->qp->qp_num))
		vib_cq_fire(cq);
}

/**
 * vib_poll_cq() - ib_device_ops.poll_cq
 * @ibcq: the queue
 * @num: room in @wc
 * @wc: filled in
 *
 * Context: any.
 * Return: completions taken.
 */
int vib_poll_cq(struct ib_cq *ibcq, int num, struct ib_wc *wc)
{
	struct vib_cq *cq = to_vcq(ibcq);
	unsigned long flags;
	int n;

	spin_lock_irqsave(&cq->lock, flags);
	for (n = 0; n < num && cq->tail != cq->head; n++)
		wc[n] = cq->ring[cq->tail++ & cq->mask];
	spin_unlock_irqrestore(&cq->lock, flags);
	return n;
}

/**
 * vib_req_notify_cq() - ib_device_ops.req_notify_cq
 * @ibcq: the queue
 * @flags: what to wait for
 *
 * Context: any.
 * Return: 1 when completions wait and IB_CQ_REPORT_MISSED_EVENTS is set,
 * else 0.
 */
int vib_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags)
{
	struct vib_cq *cq = to_vcq(ibcq);
	unsigned long irq;
	int missed;

	spin_lock_irqsave(&cq->lock, irq);
	/* A request for solicited ones does not weaken one for all. */
	if (cq->armed != IB_CQ_NEXT_COMP)
		cq->armed = flags & IB_CQ_SOLICITED_MASK;
	missed = (flags & IB_CQ_REPORT_MISSED_EVENTS) && cq->head != cq->tail;
	spin_unlock_irqrestore(&cq->lock, irq);
	return missed;
}

/**
 * vib_cq_purge() - forget all completions of a QP
 * @cq: the queue, or NULL
 * @qp: the QP, which is reset or about to go
 *
 * Context: any.
 */
void vib_cq_purge(struct vib_cq *cq, const struct ib_qp *qp)
{
	unsigned long flags;
	u32 from, to;

	if (!cq)
		return;
	spin_lock_irqsave(&cq->lock, flags);
	for (from = to = cq->tail; from != cq->head; from++) {
		struct ib_wc *wc = &cq->ring[from & cq->mask];

		if (wc->qp == qp)
			continue;
		if (from != to)
			cq->ring[to & cq->mask] = *wc;
		to++;
	}
	cq->head = to;
	spin_unlock_irqrestore(&cq->lock, flags);
}
