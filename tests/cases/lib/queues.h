// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "cases/lib/driver_state.h"
#include "cases/lib/two_hosts.h"

namespace cases {

/// Queues that each interface of MultiQueue starts with.
inline constexpr int kQueues = 4;

/// `ethtool -L` and `ethtool -l`: the number of queues of a host's device.
void set_queues(const Host& host, int count);
int queues(const Host& host);

/// Growth of one counter such as "packets" of direction "rx" or "tx", queue by
/// queue.
std::vector<uint64_t> per_queue(const StatsSince& since, const std::string& direction,
                                const std::string& counter);

/// How many queues of @p peer a host sends to, as its driver says; 0 when it does
/// not know the peer.
int queues_known(const Host& host, const Host& peer);

/// Pings until the host knows so many queues of @p peer.
void wait_queues_known(const Host& host, const Host& peer, int count, Millis limit = seconds(30));

/// Base of cases whose hosts have kQueues queues each.
class MultiQueueHosts : public TwoHosts {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        return {.fabric = {.vib = {{"num_comp_vectors", std::to_string(kQueues)}}},
                .driver_params = {{"num_queues", std::to_string(kQueues)}}};
    }

    void SetUp() override {
        TwoHosts::SetUp();
        // While addresses are looked up, only so many packets can wait.
        a().ping(b().ip4, 1);
        b().ping(a().ip4, 1);
    }
};

}  // namespace cases
