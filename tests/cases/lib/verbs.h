// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <infiniband/verbs.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cases/lib/verbs_object.h"

namespace cases {

/// Where a datagram goes.
struct UdAddress {
    uint32_t qpn = 0;
    uint16_t dlid = 0;
    /// Destination GID: the datagram has a GRH. Without: it has none.
    std::optional<std::array<uint8_t, 16>> gid;
};

/// A queue pair of type UD in user space that sends whatever bytes it is given,
/// as no IPoIB driver would.
class UdSender {
  public:
    /// @param hca HCA, say "vib0"
    /// @param qkey the QP's own Q_Key
    /// @param pkey_index entry of the port's P_Key table that its packets carry
    explicit UdSender(const std::string& hca, uint32_t qkey, uint16_t pkey_index = 0);

    /// Sends one datagram and waits for its completion.
    ibv_wc_status send(const UdAddress& to, uint32_t qkey, std::span<const uint8_t> bytes);
    /// State of its port, with the counters of P_Key and Q_Key violations.
    [[nodiscard]] ibv_port_attr port() const;

    /// Longest datagram.
    static constexpr size_t kMaxBytes = 4096;

  private:
    void to_ready(uint32_t qkey, uint16_t pkey_index) const;

    // Freed from the last to the first.
    Owned<ibv_context> context_;
    Owned<ibv_pd> pd_;
    Owned<ibv_cq> cq_;
    std::vector<uint8_t> buffer_;
    Owned<ibv_mr> mr_;
    Owned<ibv_qp> qp_;
};

/// The GID in a hardware address of IPoIB ("80:00:...", 20 bytes).
std::array<uint8_t, 16> gid_of(const std::string& hwaddr);
/// A GID as text, such as "ff12:401b:ffff::ffff:ffff", in bytes.
std::array<uint8_t, 16> parse_gid(const std::string& text);

}  // namespace cases
