/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: queue pairs, and what moves packets for them. */
#ifndef VIB_QP_H
#define VIB_QP_H

#include <linux/interrupt.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "vib_rq.h"
#include "vib_sq.h"

#define VIB_MAX_MSG	0x40000000U
#define VIB_MAX_RD_ATOM	16
#define VIB_GRH_LEN	40	/* GRH area in front of a datagram */
#define VIB_MCAST_QPN	0xffffff
#define VIB_GSI_QKEY	0x80010000

/**
 * struct vib_rc_req - requester of an RC QP; only its tasklet touches it
 * @next: index of the WQE that is being sent, free running
 * @off: bytes of it already sent (a READ: already received)
 * @psn: next PSN to send
 * @una: oldest PSN not acknowledged
 * @rd_off: bytes of the oldest READ that have arrived
 * @nreads: READs on their way
 * @retries: retries left
 * @rnr_retries: RNR retries left
 * @wait: nothing is sent until the timer fires
 * @resync: went back for lost READ data and has seen no progress since
 * @timer: acknowledge and RNR timer
 * @expired: the timer fired; set by it, cleared by the tasklet
 */
struct vib_rc_req {
	u32 next;
	u32 off;
	u32 psn;
	u32 una;
	u32 rd_off;
	u32 nreads;
	u8 retries;
	u8 rnr_retries;
	bool wait;
	bool resync;
	struct timer_list timer;
	bool expired;
};

/**
 * struct vib_rc_resp - responder of an RC QP; only its tasklet touches it
 * @psn: next PSN expected
 * @msn: messages completed
 * @nak_sent: a NAK was sent and what it asks for has not come yet
 * @ack_due: an acknowledge is to be sent
 * @have_rwqe: @rwqe is being filled
 * @in_message: the last packet was not the end of its message
 * @comm_est: the communication established event was raised
 * @off: bytes of the message that have arrived
 * @vaddr: next address of the RDMA WRITE in progress
 * @rkey: its key
 * @left: its bytes still to come
 * @rwqe: receive request in use
 * @read: RDMA READ in progress: request packet or NULL
 * @read_off: bytes of it already answered
 */
struct vib_rc_resp {
	u32 psn;
	u32 msn;
	bool nak_sent;
	bool ack_due;
	bool have_rwqe;
	bool in_message;
	bool comm_est;
	u32 off;
	u64 vaddr;
	u32 rkey;
	u32 left;
	struct vib_rwqe rwqe;
	struct vib_pkt *read;
	u32 read_off;
};

/**
 * struct vib_qp - queue pair
 * @ibqp: core object
 * @hca: its HCA
 * @mutex: serialises ib_modify_qp() and destruction
 * @state: enum ib_qp_state; written under @sq_lock, read with READ_ONCE()
 * @attr: attributes, written under @mutex
 * @init: as created, with the capabilities granted
 * @sig_all: every send completes visibly
 * @no_self_mcast: own multicast is not looped back to this QP
 * @last_wqe: the last WQE event was raised since the QP was set up
 * @sqd_event: the consumer wants to know when the send queue is drained
 * @mem: whose memory send requests name
 * @av: path of the connection; RC
 * @sq_lock: producers of the send queue and @state
 * @sq: slots of @sq_stride bytes, each a struct vib_swqe
 * @sq_mask: slots - 1
 * @sq_stride: bytes of a slot
 * @sq_head: next slot to fill, free running; released by producers
 * @sq_tail: oldest incomplete slot, free running; released by the tasklet
 * @rq: receive queue, unused when the QP has an SRQ
 * @recv_lock: datagram QPs: keeps receives in order while data is copied
 * @task: sends, and for RC also receives; the only consumer of the send queue
 * @in_lock: protects @requests and @answers
 * @requests: arrived packets for the responder; RC
 * @answers: arrived packets for the requester; RC
 * @req: requester; RC
 * @resp: responder; RC
 * @events: bit per enum ib_event_type to be raised by @event_work
 * @event_work: raises events in process context
 */
struct vib_qp {
	struct ib_qp ibqp;
	struct vib_hca *hca;
	struct mutex mutex; /* ib_modify_qp() and destruction */
	u8 state;
	struct ib_qp_attr attr;
	struct ib_qp_init_attr init;
	bool sig_all;
	bool no_self_mcast;
	bool last_wqe;
	bool sqd_event;
	struct vib_mem mem;
	struct vib_av av;

	spinlock_t sq_lock; /* producers and the state */
	void *sq;
	u32 sq_mask;
	u32 sq_stride;
	u32 sq_head;
	u32 sq_tail;

	struct vib_rq rq;
	spinlock_t recv_lock; /* datagrams complete in order */

	struct tasklet_struct task;
	spinlock_t in_lock; /* the two lists */
	struct list_head requests;
	struct list_head answers;
	struct vib_rc_req req;
	struct vib_rc_resp resp;

	unsigned long events;
	struct work_struct event_work;
};

static inline struct vib_qp *to_vqp(struct ib_qp *ibqp)
{
	return container_of(ibqp, struct vib_qp, ibqp);
}

static inline struct vib_swqe *vib_sq_slot(struct vib_qp *qp, u32 idx)
{
	return qp->sq + (size_t)(idx & qp->sq_mask) * qp->sq_stride;
}

static inline struct vib_rq *vib_qp_rq(struct vib_qp *qp)
{
	return qp->ibqp.srq ? &to_vsrq(qp->ibqp.srq)->rq : &qp->rq;
}

/* vib_mcast.c */
int vib_mcast_init(struct vib_hca *hca);
void vib_mcast_free(struct vib_hca *hca);
int vib_attach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid);
int vib_detach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid);
void vib_mcast_deliver(struct vib_port *port, struct vib_pkt *pkt,
		       const struct vib_qp *skip);

/* vib_qp.c */
int vib_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *init,
		  struct ib_udata *udata);
int vib_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		  struct ib_udata *udata);
int vib_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		 struct ib_qp_init_attr *init);
int vib_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata);
void vib_qp_fail(struct vib_qp *qp, enum ib_qp_state state);
void vib_qp_event(struct vib_qp *qp, enum ib_event_type event);

/* vib_recv.c */
void vib_port_send(struct vib_port *port, struct vib_pkt *pkt,
		   const struct vib_qp *qp);
bool vib_pkey_match(u16 a, u16 b);

/* vib_ud.c */
bool vib_ud_run(struct vib_qp *qp);
void vib_ud_address(struct vib_qp *qp, const struct vib_swqe *wqe,
		    struct vib_pkt *pkt);
void vib_ud_receive(struct vib_port *port, struct vib_qp *qp,
		    const struct vib_pkt *pkt);

/* vib_lso.c */
enum ib_wc_status vib_lso_send(struct vib_qp *qp, struct vib_swqe *wqe);
void vib_csum_fill(void *data, u32 len);
bool vib_csum_ok(const void *data, u32 len);

/* vib_rc_req.c, vib_rc_resp.c */
bool vib_rc_run(struct vib_qp *qp);
void vib_rc_receive(struct vib_port *port, struct vib_qp *qp,
		    struct vib_pkt *pkt);
void vib_rc_init(struct vib_qp *qp);
void vib_rc_ready(struct vib_qp *qp, int mask);
void vib_rc_stop(struct vib_qp *qp);

#endif /* VIB_QP_H */
