// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/verbs.h"

#include <arpa/inet.h>

#include <algorithm>
#include <stdexcept>

#include "cases/lib/verbs_object.h"

namespace cases {
namespace {

constexpr int kUdDepth = 4;

ibv_ah_attr attributes_of(const UdAddress& to) {
    ibv_ah_attr attr{};
    attr.dlid = to.dlid;
    attr.port_num = 1;
    if (to.gid) {
        attr.is_global = 1;
        attr.grh.hop_limit = 1;
        std::copy(to.gid->begin(), to.gid->end(), std::begin(attr.grh.dgid.raw));
    }
    return attr;
}

}  // namespace

UdSender::UdSender(const std::string& hca, uint32_t qkey, uint16_t pkey_index)
    : context_(open_hca(hca)),
      pd_(own(ibv_alloc_pd(context_.get()), ibv_dealloc_pd, "PD")),
      cq_(own(ibv_create_cq(context_.get(), kUdDepth, nullptr, nullptr, 0), ibv_destroy_cq, "CQ")),
      buffer_(kMaxBytes + 1),
      mr_(own(ibv_reg_mr(pd_.get(), buffer_.data(), buffer_.size(), 0), ibv_dereg_mr, "MR")) {
    ibv_qp_init_attr init{};
    init.send_cq = cq_.get();
    init.recv_cq = cq_.get();
    init.qp_type = IBV_QPT_UD;
    init.sq_sig_all = 1;
    init.cap.max_send_wr = kUdDepth;
    init.cap.max_recv_wr = 1;
    init.cap.max_send_sge = 1;
    init.cap.max_recv_sge = 1;
    qp_ = own(ibv_create_qp(pd_.get(), &init), ibv_destroy_qp, "QP");
    to_ready(qkey, pkey_index);
}

void UdSender::to_ready(uint32_t qkey, uint16_t pkey_index) const {
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_INIT;
    attr.pkey_index = pkey_index;
    attr.port_num = 1;
    attr.qkey = qkey;
    check_verb(ibv_modify_qp(qp_.get(), &attr,
                             IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY),
               "QP to INIT");
    attr.qp_state = IBV_QPS_RTR;
    check_verb(ibv_modify_qp(qp_.get(), &attr, IBV_QP_STATE), "QP to RTR");
    attr.qp_state = IBV_QPS_RTS;
    check_verb(ibv_modify_qp(qp_.get(), &attr, IBV_QP_STATE | IBV_QP_SQ_PSN), "QP to RTS");
}

ibv_wc_status UdSender::send(const UdAddress& to, uint32_t qkey, std::span<const uint8_t> bytes) {
    if (bytes.size() > buffer_.size()) {
        throw std::runtime_error("a datagram longer than any");
    }
    std::copy(bytes.begin(), bytes.end(), buffer_.begin());
    ibv_ah_attr attr = attributes_of(to);
    const auto ah = own(ibv_create_ah(pd_.get(), &attr), ibv_destroy_ah, "address handle");
    ibv_sge sge{.addr = reinterpret_cast<uintptr_t>(buffer_.data()),
                .length = static_cast<uint32_t>(bytes.size()),
                .lkey = mr_->lkey};
    ibv_send_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = bytes.empty() ? 0 : 1;
    wr.opcode = IBV_WR_SEND;
    wr.send_flags = IBV_SEND_SIGNALED;
    wr.wr.ud.ah = ah.get();
    wr.wr.ud.remote_qpn = to.qpn;
    wr.wr.ud.remote_qkey = qkey;
    ibv_send_wr* bad = nullptr;
    check_verb(ibv_post_send(qp_.get(), &wr, &bad), "posting a send");
    return next_completion(cq_.get()).status;
}

ibv_port_attr UdSender::port() const {
    ibv_port_attr attr{};
    check_verb(ibv_query_port(context_.get(), 1, &attr), "asking for the port's state");
    return attr;
}

std::array<uint8_t, 16> gid_of(const std::string& hwaddr) {
    std::array<uint8_t, 16> gid{};
    for (size_t i = 0; i < gid.size(); i++) {
        // Flags and QPN are the first four bytes.
        gid.at(i) = static_cast<uint8_t>(std::stoul(hwaddr.substr((i + 4) * 3, 2), nullptr, 16));
    }
    return gid;
}

std::array<uint8_t, 16> parse_gid(const std::string& text) {
    std::array<uint8_t, 16> gid{};
    if (::inet_pton(AF_INET6, text.c_str(), gid.data()) != 1) {
        throw std::runtime_error("not a GID: " + text);
    }
    return gid;
}

}  // namespace cases
