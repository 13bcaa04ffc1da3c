// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vm/deadline.h"
#include "vm/fd.h"

namespace cases {

/// Asks management agents from user space as a subnet manager does: directed
/// route SMPs through an HCA's umad device.
class SmpSender {
  public:
    /// @param hca the HCA that sends, say "vib0"
    explicit SmpSender(const std::string& hca);

    /// Sends one Get(NodeInfo).
    /// @param ports the way: for each node on it the port by which the SMP leaves,
    /// the sender's own first; at most 63
    /// @return false when the kernel does not take it
    bool ask(const std::vector<uint8_t>& ports);
    /// The same, and waits for the answer. False when there is none.
    bool answers(const std::vector<uint8_t>& ports, vmtest::Millis limit);

  private:
    bool send(const std::vector<uint8_t>& ports, vmtest::Millis limit);

    vmtest::Fd fd_;
    uint32_t agent_ = 0;
    uint32_t tid_ = 0;
};

}  // namespace cases
