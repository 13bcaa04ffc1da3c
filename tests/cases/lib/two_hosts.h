// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cases/lib/fabric.h"
#include "cases/lib/module.h"
#include "cases/lib/netdev.h"
#include "cases/lib/netns.h"
#include "cases/lib/opensm.h"

namespace cases {

/// Which IPoIB driver a case runs.
enum class Driver {
    /// The one of this tree.
    kOurs,
    /// The kernel's own.
    kStock,
};

/// How a pair (or more) of hosts is set up.
struct HostsOptions {
    FabricOptions fabric;
    OpenSmOptions opensm;
    Driver driver = Driver::kOurs;
    /// Parameters of ib_ipoib.
    ModuleParams driver_params;
};

/// One host: a namespace with the IPoIB device of one HCA in it.
struct Host {
    std::string hca;
    Namespace ns;
    Netdev dev;
    /// Addresses of the device, without the prefix length.
    std::string ip4;
    std::string ip6;

    /// Pings @p address: the first @p count packets must come back, all within the
    /// time they take, half a minute for what a busy host does meanwhile, and the
    /// seconds of -W (5). More words for ping go into @p more. Throws with ping's
    /// output otherwise.
    std::string ping(const std::string& address, int count = 3,
                     const std::vector<std::string>& more = {}) const;
    /// Pings until an answer comes, within two minutes.
    void wait_reaches(const std::string& address) const;
};

/// Hosts on a running fabric with an OpenSM: everything up, with carrier and
/// addresses 10.0.0.N and fd00::N for host N (from 1).
class Hosts {
  public:
    explicit Hosts(const HostsOptions& options = {});
    Hosts(Hosts&&) = delete;
    Hosts& operator=(Hosts&&) = delete;
    Hosts(const Hosts&) = delete;
    Hosts& operator=(const Hosts&) = delete;
    ~Hosts() = default;

    /// Host by index from 0.
    Host& operator[](size_t index) { return *hosts_.at(index); }
    [[nodiscard]] size_t size() const { return hosts_.size(); }

    Fabric& fabric() { return fabric_; }
    OpenSm& opensm() { return opensm_; }
    Module& driver() { return driver_; }

    /// Puts a host's device into its namespace and configures it; for a device
    /// that came back after its HCA had gone.
    void adopt(size_t index);

    /// Prints the driver's dumps and counters of every host that has them.
    void show() const;

    /// Takes everything down again in order. Throws when something does not go.
    void take_down();

  private:
    void add_host(int index);

    Fabric fabric_;
    OpenSm opensm_;
    Module driver_;
    std::vector<std::unique_ptr<Host>> hosts_;
};

/// Base of cases with two hosts. A case that wants something else than the
/// defaults derives a fixture and overrides options().
class TwoHosts : public testing::Test {
  protected:
    [[nodiscard]] virtual HostsOptions options() const { return {}; }

    void SetUp() override { hosts_ = std::make_unique<Hosts>(options()); }
    /// Takes the hosts down. Of a case that failed, tells first what the driver
    /// knew and counted.
    void TearDown() override;

    Hosts& hosts() { return *hosts_; }
    Host& a() { return hosts()[0]; }
    Host& b() { return hosts()[1]; }
    Fabric& fabric() { return hosts().fabric(); }
    OpenSm& opensm() { return hosts().opensm(); }
    Module& driver() { return hosts().driver(); }

  private:
    std::unique_ptr<Hosts> hosts_;
};

}  // namespace cases
