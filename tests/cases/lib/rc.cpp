// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/rc.h"

#include <poll.h>

#include <stdexcept>

#include "cases/lib/wait.h"

namespace cases {
namespace {

constexpr int kQueueDepth = 32;
/// 4.096 us * 2^12: a lost packet is repeated after 17 ms.
constexpr uint8_t kTimeout = 12;
/// 0.64 ms until a request that found no receive is repeated.
constexpr uint8_t kRnrTimer = 12;

/// Waits until @p fd has something to read.
bool readable(int fd, int limit_ms) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, limit_ms) == 1;
}

ibv_port_attr port_of(ibv_context* context) {
    ibv_port_attr attr{};
    check_verb(ibv_query_port(context, 1, &attr), "asking for the port's state");
    return attr;
}

Owned<ibv_srq> make_srq(ibv_pd* pd, bool wanted) {
    if (!wanted) {
        return {nullptr, [](void*) {}};
    }
    ibv_srq_init_attr init{};
    init.attr.max_wr = kQueueDepth;
    init.attr.max_sge = 1;
    return own(ibv_create_srq(pd, &init), ibv_destroy_srq, "SRQ");
}

}  // namespace

RcQp::RcQp(const std::string& hca, const RcOptions& options)
    : options_(options),
      memory_(std::make_unique<std::array<uint8_t, kMemory>>()),
      context_(open_hca(hca)),
      pd_(own(ibv_alloc_pd(context_.get()), ibv_dealloc_pd, "PD")),
      mr_(own(ibv_reg_mr(pd_.get(), memory_->data(), memory_->size(),
                         IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ),
              ibv_dereg_mr, "MR")),
      channel_(
          own(ibv_create_comp_channel(context_.get()), ibv_destroy_comp_channel, "event channel")),
      send_cq_(own(ibv_create_cq(context_.get(), kQueueDepth, nullptr, nullptr, 0), ibv_destroy_cq,
                   "CQ of sends")),
      recv_cq_(own(ibv_create_cq(context_.get(), kQueueDepth, nullptr, channel_.get(), 0),
                   ibv_destroy_cq, "CQ of receives")),
      srq_(make_srq(pd_.get(), options.srq)) {
    ibv_qp_init_attr init{};
    init.send_cq = send_cq_.get();
    init.recv_cq = recv_cq_.get();
    init.srq = srq_.get();
    init.qp_type = IBV_QPT_RC;
    init.sq_sig_all = 1;
    init.cap.max_send_wr = kQueueDepth;
    init.cap.max_recv_wr = options.srq ? 0 : kQueueDepth;
    init.cap.max_send_sge = 1;
    init.cap.max_recv_sge = options.srq ? 0 : 1;
    qp_ = own(ibv_create_qp(pd_.get(), &init), ibv_destroy_qp, "QP");
}

void RcQp::connect(const RcQp& peer) const {
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_INIT;
    attr.pkey_index = options_.pkey_index;
    attr.port_num = 1;
    attr.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    check_verb(ibv_modify_qp(qp_.get(), &attr,
                             IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS),
               "QP to INIT");
    attr = {};
    attr.qp_state = IBV_QPS_RTR;
    attr.path_mtu = IBV_MTU_2048;
    attr.dest_qp_num = peer.qpn();
    attr.max_dest_rd_atomic = 1;
    attr.min_rnr_timer = kRnrTimer;
    attr.ah_attr.dlid = port_of(peer.context_.get()).lid;
    attr.ah_attr.port_num = 1;
    check_verb(ibv_modify_qp(qp_.get(), &attr,
                             IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
                                 IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER),
               "QP to RTR");
    attr = {};
    attr.qp_state = IBV_QPS_RTS;
    attr.timeout = kTimeout;
    attr.retry_cnt = options_.retry;
    attr.rnr_retry = options_.rnr_retry;
    attr.max_rd_atomic = 1;
    check_verb(ibv_modify_qp(qp_.get(), &attr,
                             IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
                                 IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC),
               "QP to RTS");
}

void RcQp::fail() const {
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_ERR;
    check_verb(ibv_modify_qp(qp_.get(), &attr, IBV_QP_STATE), "QP to ERR");
}

ibv_qp_state RcQp::state() const {
    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    check_verb(ibv_query_qp(qp_.get(), &attr, IBV_QP_STATE, &init), "asking for the QP's state");
    return attr.qp_state;
}

ibv_sge RcQp::piece(size_t offset, uint32_t length) const {
    return {.addr = reinterpret_cast<uintptr_t>(memory_->data() + offset),
            .length = length,
            .lkey = mr_->lkey};
}

void RcQp::post_receive(uint64_t id, size_t offset, uint32_t length) const {
    ibv_sge sge = piece(offset, length);
    ibv_recv_wr wr{};
    wr.wr_id = id;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    ibv_recv_wr* bad = nullptr;
    check_verb(
        srq_ ? ibv_post_srq_recv(srq_.get(), &wr, &bad) : ibv_post_recv(qp_.get(), &wr, &bad),
        "posting a receive");
}

void RcQp::post(ibv_send_wr& wr) const {
    ibv_send_wr* bad = nullptr;
    check_verb(ibv_post_send(qp_.get(), &wr, &bad), "posting a send");
}

void RcQp::post_send(uint64_t id, size_t offset, uint32_t length, uint32_t immediate) const {
    ibv_sge sge = piece(offset, length);
    ibv_send_wr wr{};
    wr.wr_id = id;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = immediate == 0 ? IBV_WR_SEND : IBV_WR_SEND_WITH_IMM;
    wr.imm_data = immediate;
    post(wr);
}

void RcQp::post_rdma(ibv_wr_opcode opcode, uint64_t id, size_t offset, uint32_t length,
                     const RcQp& peer, uint32_t rkey) const {
    ibv_sge sge = piece(offset, length);
    ibv_send_wr wr{};
    wr.wr_id = id;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = opcode;
    wr.wr.rdma.remote_addr = reinterpret_cast<uintptr_t>(peer.memory_->data() + offset);
    wr.wr.rdma.rkey = rkey;
    post(wr);
}

bool RcQp::completion_event(int limit_ms) const {
    if (!readable(channel_->fd, limit_ms)) {
        return false;
    }
    ibv_cq* cq = nullptr;
    void* context = nullptr;
    check_verb(ibv_get_cq_event(channel_.get(), &cq, &context), "reading an event");
    ibv_ack_cq_events(cq, 1);
    return cq == recv_cq_.get();
}

ibv_event_type RcQp::async_event() const {
    if (!readable(context_->async_fd, static_cast<int>(patience(seconds(30)).count()))) {
        throw std::runtime_error("no asynchronous event comes");
    }
    ibv_async_event event{};
    check_verb(ibv_get_async_event(context_.get(), &event), "reading an event");
    ibv_ack_async_event(&event);
    return event.event_type;
}

}  // namespace cases
