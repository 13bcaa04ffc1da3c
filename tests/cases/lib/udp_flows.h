// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include "cases/lib/two_hosts.h"
#include "vm/fd.h"

namespace cases {

/// Parallel UDP flows from one host to another, each with a pair of sockets of
/// its own. Each packet is waited for, so that none is lost for want of room.
class UdpFlows {
  public:
    /// What came of one flow.
    struct Flow {
        vmtest::Fd sender;
        vmtest::Fd receiver;
        uint32_t sent = 0;
        uint32_t received = 0;
        /// Packets that came before one that was sent earlier.
        uint32_t disordered = 0;
        /// NAPI instances of the receiver that the flow came through.
        std::set<unsigned> napis;
    };

    UdpFlows(const Host& from, const Host& to, int count, uint16_t first_port = 20000);

    /// Sends @p burst packets on every flow, then receives what comes of them.
    /// Gives up what has not come within patience(@p limit).
    void round(int burst = 1, Millis limit = seconds(30));

    [[nodiscard]] const std::vector<Flow>& flows() const { return flows_; }
    [[nodiscard]] uint64_t sent() const;
    [[nodiscard]] uint64_t received() const;
    [[nodiscard]] uint64_t disordered() const;

  private:
    std::vector<Flow> flows_;
};

/// Keeps flows busy from another thread until stop(), or its own end.
class UdpLoad {
  public:
    explicit UdpLoad(UdpFlows& flows);
    UdpLoad(UdpLoad&&) = delete;
    UdpLoad& operator=(UdpLoad&&) = delete;
    UdpLoad(const UdpLoad&) = delete;
    UdpLoad& operator=(const UdpLoad&) = delete;
    ~UdpLoad() { stop(); }

    /// Returns when every packet on its way has come or is given up.
    void stop();
    /// Rounds that are over.
    [[nodiscard]] uint64_t rounds() const { return rounds_; }

  private:
    std::atomic<bool> stop_ = false;
    std::atomic<uint64_t> rounds_ = 0;
    std::thread thread_;
};

}  // namespace cases
