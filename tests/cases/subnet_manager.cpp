// SPDX-License-Identifier: GPL-2.0-only
// Subnet managers come and go; traffic does not notice.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>

#include "cases/lib/sa.h"
#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;
using testing::HasSubstr;

constexpr uint16_t kPort = 7000;
constexpr const char* kBroadcast = "ff12:401b:ffff::ffff:ffff";
constexpr const char* kGroup = "239.5.6.7";
constexpr const char* kMgid = "ff12:401b:ffff::f05:607";

unsigned sm_lid(const std::string& hca) {
    return static_cast<unsigned>(
        std::stoul(read_text("/sys/class/infiniband/" + hca + "/ports/1/sm_lid"), nullptr, 16));
}

/// Pings in the background that all have to come back.
class SteadyPing {
  public:
    SteadyPing(const Host& from, const Host& to)
        : process_(from.ns.start({"ping", "-n", "-i", "0.2", "-W", "10", to.ip4})) {}

    /// Ends it. Throws when a packet was lost; the last one may be on its way.
    void expect_all_back() {
        process_.kill(SIGINT);
        process_.wait(patience(seconds(30)));
        const std::string text = process_.output();
        unsigned sent = 0;
        unsigned received = 0;
        const auto at = text.rfind("---\n");
        if (at == std::string::npos ||
            std::sscanf(text.c_str() + at, "---\n%u packets transmitted, %u received", &sent,
                        &received) != 2) {
            throw std::runtime_error("ping says nothing:\n" + text);
        }
        EXPECT_GT(received, 0U);
        EXPECT_LE(sent - received, 1U) << text;
    }

  private:
    Process process_;
};

class SubnetManager : public TwoHosts {
  protected:
    void expect_full_service() {
        a().ping(b().ip4);
        b().ping(a().ip6);
        for (size_t i = 0; i < hosts().size(); i++) {
            wait_member(hosts()[i], kBroadcast, kFullMember);
        }
        // A new group can be joined, and a new path found.
        UdpSocket socket(b(), kPort, AF_INET);
        socket.join(kGroup, b());
        wait_member(b(), kMgid, kFullMember);
        UdpSocket sender(a(), 0, AF_INET);
        sender.multicast_from(a());
        wait_until("the group works", [&] {
            sender.send(kGroup, kPort, "x");
            return socket.receive(seconds(1)).has_value();
        });
    }
};

TEST_F(SubnetManager, MayRestart) {
    a().ping(b().ip4);
    const std::string changes = host_sysfs(a(), "carrier_changes");
    SteadyPing ping(a(), b());
    for (int i = 0; i < 2; i++) {
        SCOPED_TRACE(i);
        opensm().kill();
        // Without any manager known hosts still talk.
        a().ping(b().ip4, 5);
        opensm().start();
        opensm().wait_subnet_up();
        expect_full_service();
    }
    ping.expect_all_back();
    EXPECT_EQ(host_sysfs(a(), "carrier_changes"), changes) << "the carrier was lost meanwhile";
}

TEST_F(SubnetManager, MayBeAwayWhenInterfacesComeUp) {
    a().ping(b().ip4);
    b().dev.down();
    opensm().kill();
    b().dev.up();
    // There is nobody to ask; it waits.
    let_pass(seconds(2));
    EXPECT_FALSE(b().dev.state().carrier);
    opensm().start();
    b().dev.wait_running(seconds(60));
    b().dev.add_address(b().ip6 + "/64");
    expect_full_service();
}

TEST_F(SubnetManager, HandsOverToItsStandby) {
    OpenSmOptions options;
    options.priority = 0;
    OpenSm standby("vib1", options);
    standby.wait_log("Entering STANDBY state");
    a().ping(b().ip4);
    ASSERT_EQ(sm_lid("vib1"), port_lid("vib0"));
    SteadyPing ping(a(), b());
    opensm().kill();
    standby.wait_log("Entering MASTER state", 1, seconds(60));
    wait_until("the standby is the manager of all", [&] {
        return sm_lid("vib0") == port_lid("vib1") && sm_lid("vib1") == port_lid("vib1");
    });
    standby.wait_subnet_up();
    expect_full_service();
    ping.expect_all_back();
    // Leaving the groups needs the manager that is alive.
    a().dev.down();
    b().dev.down();
    driver().unload();
}

TEST_F(SubnetManager, MayAskForARegistrationAnew) {
    a().ping(b().ip4);
    UdpSocket socket(b(), kPort, AF_INET);
    socket.join(kGroup, b());
    wait_member(b(), kMgid, kFullMember);
    const std::string changes = host_sysfs(b(), "carrier_changes");
    opensm().stop();
    opensm().start();
    opensm().wait_subnet_up();
    // The new one started with no members at all.
    wait_member(b(), kMgid, kFullMember);
    wait_member(b(), kBroadcast, kFullMember);
    wait_member(a(), kBroadcast, kFullMember);
    EXPECT_EQ(host_sysfs(b(), "carrier_changes"), changes);
    a().ping(b().ip4);
}

}  // namespace
