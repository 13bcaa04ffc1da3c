// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cases/lib/netdev.h"

namespace cases {

/// One queue of the driver, from its dump in debugfs.
struct QueueState {
    uint32_t qpn = 0;
    uint32_t rx_depth = 0;
    uint32_t rx_limit = 0;
    uint32_t rx_posted = 0;
    uint32_t tx_depth = 0;
    uint32_t tx_limit = 0;
    uint32_t tx_head = 0;
    uint32_t tx_tail = 0;

    /// Sends that the HCA has not completed.
    [[nodiscard]] uint32_t in_flight() const { return tx_head - tx_tail; }
};

/// What the driver says about an interface, from its dump in debugfs.
struct DriverState {
    /// "down", "waiting", "joining" or "running".
    std::string oper;
    uint32_t qkey = 0;
    int address_handles = 0;
    std::vector<QueueState> queues;
};

/// Text of one of the driver's dumps of an interface: "state", "mcg", "path" or
/// "neigh".
std::string driver_dump(const Netdev& dev, const std::string& which);
DriverState driver_state(const Netdev& dev);

/// Waits until no send is in flight and every receive ring is as full as its
/// limit asks: what holds whenever nothing is going on. A ring whose limit was
/// lowered is fuller until packets have come; that is only taken when
/// @p may_be_fuller says so.
void wait_rings_at_rest(const Netdev& dev, Millis limit = seconds(30), bool may_be_fuller = false);

/// Waits until an interface that is down holds no buffer, no send and no address
/// handle.
void wait_nothing_held(const Netdev& dev, Millis limit = seconds(30));

/// Waits until every multicast group of an interface is joined, the one that IPv6
/// reports its groups to among them: from then on the stack starts nothing by itself,
/// for routers are not looked for any more.
void wait_groups_joined(const Netdev& dev, Millis limit = seconds(60));

/// The statistics of `ethtool -S`, by name; those of rings also as their sums,
/// "rx*_packets" and the like.
std::map<std::string, uint64_t> ethtool_stats(const Netdev& dev);

/// How much the statistics of `ethtool -S` have grown.
class StatsSince {
  public:
    explicit StatsSince(Netdev dev) : dev_(std::move(dev)), start_(ethtool_stats(dev_)) {}

    /// Growth of one. Throws when there is none of that name.
    [[nodiscard]] uint64_t operator[](const std::string& name) const;
    /// Waits until one has grown by @p least or more.
    void wait(const std::string& name, uint64_t least, Millis limit = seconds(60)) const;

  private:
    Netdev dev_;
    std::map<std::string, uint64_t> start_;
};

/// Numbers of the RDMA objects of an HCA, "qp", "cq" and so on, as `rdma
/// resource show` has them.
std::map<std::string, unsigned> rdma_resources(const std::string& hca);

}  // namespace cases
