// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <vector>

#include "cases/lib/netdev.h"

namespace cases {

/// One queue as the netlink family "netdev" knows it (Linux 6.9 and later).
struct GenlQueue {
    uint32_t id = 0;
    bool tx = false;
    /// NAPI instance that serves it; 0: none is known.
    uint32_t napi = 0;
    uint64_t packets = 0;
    uint64_t bytes = 0;
};

/// True when the kernel has the family.
bool have_netdev_genl();

/// The queues of a device with their NAPI instances and counters, receive queues
/// first, each kind in order.
std::vector<GenlQueue> genl_queues(const Netdev& dev);

/// Number of NAPI instances of a device.
size_t genl_napis(const Netdev& dev);

}  // namespace cases
