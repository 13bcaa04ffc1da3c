/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: send requests, and the posting and completing of work requests. */
#ifndef VIB_SQ_H
#define VIB_SQ_H

#include "vib_ah.h"

struct vib_qp;

/**
 * struct vib_swqe - send request in a send queue
 * @wr_id: from the consumer
 * @opcode: enum ib_wr_opcode
 * @flags: enum ib_send_flags
 * @imm: immediate data
 * @length: bytes of the message
 * @psn: first PSN; RC, set when sending starts
 * @npsn: PSNs that the message takes; RC
 * @status: error found before its turn to complete; RC
 * @num_sge: entries in @sge
 * @av: where to; UD
 * @qpn: remote QPN; UD
 * @qkey: remote Q_Key; UD
 * @pkey_index: GSI
 * @hlen: bytes of @header; LSO
 * @mss: payload bytes per segment; LSO
 * @header: copied in front of each segment; LSO; the consumer's memory
 * @raddr: remote address; RDMA
 * @rkey: remote key; RDMA
 * @sge: gather list; a ring slot holds only as many as the queue allows
 */
struct vib_swqe {
	u64 wr_id;
	u32 opcode;
	u32 flags;
	__be32 imm;
	u32 length;
	u32 psn;
	u32 npsn;
	enum ib_wc_status status;
	u32 num_sge;
	union {
		struct {
			struct vib_av av;
			u32 qpn;
			u32 qkey;
			u16 pkey_index;
			u16 hlen;
			u32 mss;
			void *header;
		} ud;
		struct {
			u64 raddr;
			u32 rkey;
		} rdma;
	};
	struct ib_sge sge[];
};

int vib_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		  const struct ib_send_wr **bad);
int vib_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		  const struct ib_recv_wr **bad);
struct vib_swqe *vib_sq_peek(struct vib_qp *qp, u32 idx);
void vib_sq_complete(struct vib_qp *qp, enum ib_wc_status status);
void vib_sq_flush(struct vib_qp *qp);
void vib_recv_complete(struct vib_qp *qp, struct ib_wc *wc, bool solicited);

#endif /* VIB_SQ_H */
