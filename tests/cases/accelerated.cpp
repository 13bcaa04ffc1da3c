// SPDX-License-Identifier: GPL-2.0-only
// Interfaces whose packets the HCA's own driver moves (struct rdma_netdev): the
// driver keeps to addresses, paths and groups, and out of the provider's way.
#include <gmock/gmock.h>
#include <netinet/in.h>

#include "cases/lib/driver_state.h"
#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;
using testing::HasSubstr;

/// What the HCAs offer, and to whom.
struct Offer {
    std::string name;
    /// vib's parameter: 1 with a QP of its own, 2 over the driver's primary.
    std::string accel;
    bool enhanced;
};

void PrintTo(const Offer& offer, std::ostream* out) {
    *out << offer.name;
}

class Accelerated : public TwoHosts, public testing::WithParamInterface<Offer> {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.fabric.vib = {{"accel", GetParam().accel}};
        options.driver_params = {{"num_queues", "2"},
                                 {"ipoib_enhanced", GetParam().enhanced ? "1" : "0"}};
        return options;
    }

    void expect_refused(const std::vector<std::string>& command) {
        const auto result = b().ns.run(command);
        EXPECT_FALSE(result.ok()) << result.output;
    }
    /// Only what both sides count.
    void expect_counted(uint64_t packets) {
        EXPECT_GE(a().dev.stats().tx_packets, packets);
        EXPECT_GE(b().dev.stats().rx_packets, packets);
    }
};

TEST_P(Accelerated, CarriesEverything) {
    a().ping(b().ip4, 3, {"-M", "do", "-s", std::to_string(a().dev.state().mtu - 28)});
    b().ping(a().ip6, 3);
    tcp_transfer(a(), b(), b().ip4, 8 << 20);
    tcp_transfer(b(), a(), a().ip6, 8 << 20);
    // 8 MiB in packets of the largest MTU.
    expect_counted(2000);

    UdpSocket receiver(b(), 7200, AF_INET);
    receiver.join("239.1.2.3", b());
    UdpSocket sender(a(), 0, AF_INET);
    sender.multicast_from(a());
    wait_until("the group carries packets", [&] {
        sender.send("239.1.2.3", 7200, "hello");
        return receiver.receive(std::chrono::milliseconds(200)).has_value();
    });
    EXPECT_EQ(a().dev.stats().tx_errors + b().dev.stats().rx_errors, 0U);
}

TEST_P(Accelerated, SurvivesWhatHappensToAnInterface) {
    b().dev.down();
    b().dev.up();
    b().dev.wait_running();
    a().wait_reaches(b().ip4);

    Fabric::control("vib1/link", "0");
    b().dev.wait_no_carrier();
    Fabric::control("vib1/link", "1");
    b().dev.wait_running();
    a().wait_reaches(b().ip4);

    opensm().kill();
    opensm().start();
    opensm().wait_subnet_up();
    a().wait_reaches(b().ip4);

    Fabric::control("remove", "vib1");
    Fabric::control("add", "idx=1");
    fabric().wait_active();
    hosts().adopt(1);
    a().wait_reaches(b().ip4);
}

TEST_P(Accelerated, LeavesTheQueuesToTheProvider) {
    const bool ours = !GetParam().enhanced;
    const std::string& name = b().dev.name();
    EXPECT_THAT(driver_dump(b().dev, "state"), HasSubstr(ours ? ", verbs" : ", accelerated"));
    if (ours) {
        b().ns.must({"ethtool", "-L", name, "combined", "1"});
        b().ns.must({"ip", "link", "set", name, "type", "ipoib", "mode", "connected"});
        return;
    }
    expect_refused({"ethtool", "-L", name, "combined", "1"});
    expect_refused({"ethtool", "-X", name, "equal", "1"});
    expect_refused({"ethtool", "-C", name, "rx-usecs", "10"});
    expect_refused({"ip", "link", "set", name, "type", "ipoib", "mode", "connected"});
    expect_refused({"ethtool", "--show-priv-flags", name});
    EXPECT_EQ(ethtool_stat(b(), "discovery_queries"), 0U);
    // The flag for connections would be a promise that is not kept.
    EXPECT_EQ(b().dev.state().address.substr(0, 2), "00");
}

INSTANTIATE_TEST_SUITE_P(
    Offer, Accelerated,
    testing::Values(Offer{.name = "own_qp", .accel = "1", .enhanced = true},
                    Offer{.name = "over_ours", .accel = "2", .enhanced = true},
                    Offer{.name = "not_wanted", .accel = "1", .enhanced = false}),
    [](const auto& info) { return info.param.name; });

}  // namespace
