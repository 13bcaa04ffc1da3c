// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "cases/lib/two_hosts.h"

namespace cases {

/// Hosts under stress. Shells work on them at the same time, by the name of a
/// host's namespace and whatever device they find there.
class StressedHosts {
  public:
    explicit StressedHosts(Hosts& hosts);

    [[nodiscard]] size_t size() const { return hosts_.size(); }
    [[nodiscard]] std::string hca(size_t host) const { return hosts_[host].hca; }
    [[nodiscard]] const Namespace& ns(size_t host) const { return hosts_[host].ns; }
    [[nodiscard]] std::string ip4(size_t host) const { return hosts_[host].ip4; }
    /// Name of the IPoIB device in the host's namespace; empty when there is none
    /// at the moment.
    [[nodiscard]] std::string device(size_t host) const;
    OpenSm& opensm() { return hosts_.opensm(); }

    /// Held by who takes a host's device, or its HCA, away and brings it back.
    std::mutex& owner_of(size_t host) { return owners_.at(host); }
    std::mutex& owner_of_opensm() { return opensm_owner_; }

    /// Puts a device that has appeared in the first namespace into its own.
    void bring_home(size_t host);
    /// Puts everything back as it was and waits until all hosts can talk.
    void settle();

  private:
    Hosts& hosts_;
    std::array<std::mutex, 8> owners_;
    std::mutex opensm_owner_;
};

/// One of the shells that do random things.
struct StressShell {
    StressedHosts& hosts;
    /// Drawn from without distributions, which differ between libraries.
    std::mt19937 random;
    int number = 0;

    /// A number from 0 to @p limit - 1.
    unsigned draw(unsigned limit) { return static_cast<unsigned>(random() % limit); }
    size_t draw_host() { return draw(static_cast<unsigned>(hosts.size())); }
    /// Runs a program in a host's namespace. It may fail: the device may be gone
    /// by the time, or busy.
    void attempt(size_t host, const std::vector<std::string>& argv);
};

/// Something that users and fabrics do.
struct StressOperation {
    const char* name;
    /// How often it is drawn, relative to others.
    unsigned weight;
    void (*run)(StressShell& shell);
};

/// All there are. A feature adds what can be done to it (stress_table.cpp).
const std::vector<StressOperation>& stress_operations();

/// Numbers of operations done, by name.
using StressCounts = std::map<std::string, unsigned>;

/// Lets four shells do random things for @p time while TCP, UDP and multicast
/// load runs between the hosts. A seed gives each shell the same operations in
/// the same order again. @p only restricts them to those of these names.
StressCounts stress(StressedHosts& hosts, seconds time, uint32_t seed,
                    const std::vector<std::string>& only,
                    const std::function<void(const std::string&)>& say);

}  // namespace cases
