// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "cases/lib/flood.h"
#include "cases/lib/two_hosts.h"

namespace cases {

/// What is disturbed while traffic runs, and how often it was.
struct Disturbances {
    unsigned ring_resizes = 0;
    unsigned link_flaps = 0;
    unsigned neighbour_flushes = 0;
    /// Packets that the second host received.
    uint64_t received = 0;

    [[nodiscard]] unsigned sum() const { return ring_resizes + link_flaps + neighbour_flushes; }
};

/// Mixed traffic between three hosts while rings are resized, the link of the
/// third host flaps and neighbours are flushed. The same seed gives the same
/// disturbances.
class DisturbedTraffic {
  public:
    DisturbedTraffic(Hosts& hosts, uint32_t seed) : hosts_(hosts), random_(seed) {}

    /// Lets it run until @p enough says so. It is asked after each disturbance and
    /// hears what this run has had so far.
    void run(const std::function<bool(const Disturbances&)>& enough);

    /// Puts rings and links back as they were and waits until all can talk.
    void settle();

  private:
    [[nodiscard]] std::vector<Process> start_loads();
    void disturb();
    void resize_rings(Host& host);
    void flap_link();

    Hosts& hosts_;
    /// Drawn from without distributions, which differ between libraries.
    std::mt19937 random_;
    Disturbances counts_;
};

/// Memory and objects that must not grow with the time that traffic runs.
class Inventory {
  public:
    /// Takes the interfaces of all hosts down, looks, and brings them up again.
    explicit Inventory(Hosts& hosts);

    /// What has changed from @p start to here beyond what the kernel keeps for
    /// later use; empty when nothing has.
    [[nodiscard]] std::string change_since(const Inventory& start) const {
        return changed_counts(start.counts_, counts_);
    }

  private:
    Counts counts_;
};

}  // namespace cases
