// SPDX-License-Identifier: GPL-2.0-only
// Reachability with IPv4 and IPv6, and packets at the edge of the MTU.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cases/lib/faults.h"
#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"
#include "vm/cache.h"

namespace {

using namespace cases;
using testing::HasSubstr;

// What ping adds to its payload: IP header and ICMP header.
constexpr unsigned kPing4 = 28;
constexpr unsigned kPing6 = 48;

/// Sends the largest packet the MTU allows, and one that is a byte too long.
void expect_edge(const Host& from, const Host& to, unsigned mtu) {
    ASSERT_EQ(from.dev.state().mtu, mtu);
    from.ping(to.ip4, 3, {"-M", "do", "-s", std::to_string(mtu - kPing4)});
    from.ping(to.ip6, 3, {"-M", "do", "-s", std::to_string(mtu - kPing6)});
    for (const auto& [address, overhead] : {std::pair(to.ip4, kPing4), std::pair(to.ip6, kPing6)}) {
        EXPECT_THAT(must_refuse(from, {"ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s",
                                       std::to_string(mtu - overhead + 1), address}),
                    HasSubstr("message too long"))
            << address;
    }
    // Longer ones go as fragments, in both directions.
    from.ping(to.ip4, 2, {"-s", std::to_string(3 * mtu)});
    from.ping(to.ip6, 2, {"-s", std::to_string(3 * mtu)});
}

class Ping : public TwoHosts {};

TEST_F(Ping, GoesBothWaysWithBothProtocols) {
    a().ping(b().ip4);
    b().ping(a().ip4);
    a().ping(b().ip6);
    b().ping(a().ip6);
    // All hosts of the link answer; -L keeps the asker itself out of it.
    wait_until("b listens to all hosts of the link", [&] {
        return a().ns.run({"ping", "-L", "-c1", "-W1", "ff02::1%" + a().dev.name()}).ok();
    });
    const std::string all = a().ping("ff02::1%" + a().dev.name(), 3, {"-L"});
    EXPECT_THAT(all, HasSubstr("from fe80::256:4200:0:21%"));
    // Odd sizes and empty packets.
    a().ping(b().ip4, 20, {"-i", "0.002", "-s", "0"});
    a().ping(b().ip4, 20, {"-i", "0.002", "-s", "1001"});
}

// Of the means of the other cases: they judge by the packets that ping numbers.
TEST_F(Ping, AnAnswerThatIsOvertakenIsNotLost) {
    a().ping(b().ip4);
    const FaultRule late("delay ms=1000 class=ud dir=tx hca=1 count=1");
    a().ping(b().ip4, 2);
    EXPECT_EQ(late.hits(), 1U);
}

TEST_F(Ping, FillsTheMtuOf4092) {
    expect_edge(a(), b(), 4092);
}

/// Groups of the default IB MTU of 2048.
class PingMtu2044 : public TwoHosts {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.opensm.partitions = "Default=0x7fff, ipoib : ALL=full;\n";
        return options;
    }
};

TEST_F(PingMtu2044, FillsIt) {
    expect_edge(a(), b(), 2044);
}

class Mtu : public TwoHosts {
  protected:
    /// Restarts the subnet manager with another MTU code for groups: 4 is 2048
    /// bytes, 5 is 4096.
    void restart_with_mtu(int code) {
        opensm().stop();
        vmtest::write_file(opensm().dir() + "/partitions.conf",
                           fmt::format("Default=0x7fff, ipoib, mtu={} : ALL=full;\n", code));
        opensm().start();
        opensm().wait_subnet_up();
    }
    static void wait_mtu(const Host& host, unsigned mtu) {
        wait_until(fmt::format("{} has MTU {}", host.dev.name(), mtu),
                   [&] { return host.dev.state().mtu == mtu; });
    }
};

TEST_F(Mtu, FollowsTheSubnetManager) {
    const std::string changes = host_sysfs(a(), "carrier_changes");
    restart_with_mtu(4);
    wait_mtu(a(), 2044);
    wait_mtu(b(), 2044);
    expect_edge(a(), b(), 2044);
    restart_with_mtu(5);
    wait_mtu(a(), 4092);
    wait_mtu(b(), 4092);
    expect_edge(a(), b(), 4092);
    EXPECT_EQ(host_sysfs(a(), "carrier_changes"), changes) << "the carrier was lost meanwhile";
}

TEST_F(Mtu, KeepsToWhatTheAdministratorAsksFor) {
    a().dev.set_mtu(1500);
    expect_edge(a(), b(), 1500);
    b().ping(a().ip4, 3, {"-s", "1400"});
    // A smaller wish outlives changes of the group.
    restart_with_mtu(4);
    wait_mtu(b(), 2044);
    EXPECT_EQ(a().dev.state().mtu, 1500U);
    // A wish above what the group allows waits for a larger group.
    a().dev.set_mtu(4092);
    wait_mtu(a(), 2044);
    a().ping(b().ip4);
    restart_with_mtu(5);
    wait_mtu(a(), 4092);
    // More than the port can ever do, or less than IPv4 needs, is refused.
    EXPECT_THAT(must_refuse(a(), {"ip", "link", "set", a().dev.name(), "mtu", "4093"}),
                HasSubstr("mtu greater than device maximum"));
    EXPECT_THAT(must_refuse(a(), {"ip", "link", "set", a().dev.name(), "mtu", "71"}),
                HasSubstr("mtu less than device minimum"));
    EXPECT_EQ(a().dev.state().mtu, 4092U);
    wait_mtu(b(), 4092);
    a().ping(b().ip4);
}

}  // namespace
