// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "cases/lib/two_hosts.h"

namespace cases {

/// Numbers that must be the same before and after traffic: objects in the
/// kernel's caches that packets live in, and the fill of the driver's rings.
using Counts = std::map<std::string, int64_t>;

/// Takes the counts now. The rings are left out when the driver of the hosts
/// does not show them.
Counts take_counts(Hosts& hosts);

/// What has changed, one line each, beyond what the kernel keeps for later use;
/// empty when nothing has.
std::string changed_counts(const Counts& before, const Counts& after);

/// Mixed traffic between the first two hosts: TCP both ways, ping floods of
/// small and of large packets over IPv4 and IPv6, multicast with a member that
/// comes and goes, and neighbours that are forgotten and found again.
class Flood {
  public:
    explicit Flood(Hosts& hosts) : hosts_(hosts) {}

    /// Lets it run for @p time. @p progress is told about every ten seconds how
    /// many packets the first host has sent. Throws when traffic stops.
    void run(std::chrono::seconds time, const std::function<void(uint64_t)>& progress = {});

  private:
    void round(int number);
    void multicast_burst();

    Hosts& hosts_;
};

/// Runs the flood and then waits until the counts are what they were before.
/// A short flood goes first, so that what the first packets allocate once is
/// there already. Throws std::runtime_error with the differences.
void flood_without_leak(Hosts& hosts, std::chrono::seconds time,
                        const std::function<void(uint64_t)>& progress = {});

}  // namespace cases
