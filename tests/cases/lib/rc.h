// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "cases/lib/verbs_object.h"

namespace cases {

/// How an RC queue pair is made.
struct RcOptions {
    /// Receives come from a shared receive queue.
    bool srq = false;
    /// Entries of its P_Key table.
    uint16_t pkey_index = 0;
    /// Times a request is repeated that nobody answers, 0 to 7.
    uint8_t retry = 7;
    /// Times a request is repeated that finds no receive; 7 is without end.
    uint8_t rnr_retry = 7;
};

/// A queue pair of type RC in user space, with memory and completion queues of
/// its own. Sends complete in send_cq(), receives in recv_cq().
class RcQp {
  public:
    /// @param hca HCA, say "vib0"
    explicit RcQp(const std::string& hca, const RcOptions& options = {});

    /// To RTS, towards @p peer.
    void connect(const RcQp& peer) const;
    /// To ERR.
    void fail() const;
    [[nodiscard]] ibv_qp_state state() const;

    /// Posts a receive of up to @p length bytes at @p offset of the memory.
    void post_receive(uint64_t id, size_t offset, uint32_t length) const;
    /// Posts a SEND, or with @p immediate a SEND with immediate data.
    void post_send(uint64_t id, size_t offset, uint32_t length, uint32_t immediate = 0) const;
    /// Posts an RDMA WRITE or READ between the same offsets of both memories.
    /// @param rkey key of @p peer's memory, or a wrong one
    void post_rdma(ibv_wr_opcode opcode, uint64_t id, size_t offset, uint32_t length,
                   const RcQp& peer, uint32_t rkey) const;

    [[nodiscard]] std::span<uint8_t> memory() const { return {memory_->data(), memory_->size()}; }
    [[nodiscard]] uint32_t rkey() const { return mr_->rkey; }
    [[nodiscard]] uint32_t qpn() const { return qp_->qp_num; }
    [[nodiscard]] ibv_cq* send_cq() const { return send_cq_.get(); }
    [[nodiscard]] ibv_cq* recv_cq() const { return recv_cq_.get(); }
    [[nodiscard]] ibv_srq* srq() const { return srq_.get(); }

    /// Asks for an event at the next completion of a receive.
    void arm_receives() const { check_verb(ibv_req_notify_cq(recv_cq_.get(), 0), "arming"); }
    /// Waits for that event. Returns false when none comes within @p limit_ms.
    [[nodiscard]] bool completion_event(int limit_ms) const;
    /// Waits for the next asynchronous event of the HCA. Throws when none comes.
    [[nodiscard]] ibv_event_type async_event() const;

  private:
    static constexpr size_t kMemory = 65536;

    [[nodiscard]] ibv_sge piece(size_t offset, uint32_t length) const;
    void post(ibv_send_wr& wr) const;

    RcOptions options_;
    // Freed from the last to the first.
    std::unique_ptr<std::array<uint8_t, kMemory>> memory_;
    Owned<ibv_context> context_;
    Owned<ibv_pd> pd_;
    Owned<ibv_mr> mr_;
    Owned<ibv_comp_channel> channel_;
    Owned<ibv_cq> send_cq_;
    Owned<ibv_cq> recv_cq_;
    Owned<ibv_srq> srq_;
    Owned<ibv_qp> qp_;
};

}  // namespace cases
