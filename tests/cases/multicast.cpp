// SPDX-License-Identifier: GPL-2.0-only
// Multicast: memberships as the subnet manager sees them, and who gets what.
#include <gmock/gmock.h>
#include <netinet/in.h>

#include "cases/lib/sa.h"
#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;
using testing::ElementsAreArray;

constexpr uint16_t kGroupPort = 7000;

/// A group of one IP version and the MGID it is mapped to (RFC 4391 section 4).
struct Group {
    int family;
    std::string address;
    std::string mgid;
};
const Group kGroup4{AF_INET, "239.5.6.7", "ff12:401b:ffff::f05:607"};
const Group kGroup6{AF_INET6, "ff15::1234:5678", "ff12:601b:ffff::1234:5678"};

class Multicast : public TwoHosts {
  protected:
    /// Waits until packets of one host reach a member. The subnet manager
    /// answers a join before it has told the switches.
    static void wait_flow(UdpSocket& sender, UdpSocket& member, const Group& group) {
        int probes = 0;
        wait_until("packets reach " + group.address, [&] {
            sender.send(group.address, kGroupPort, "probe " + std::to_string(++probes));
            return member.receive(Millis(200)).has_value();
        });
        // What is still on the way ends with this one.
        sender.send(group.address, kGroupPort, "end of probes");
        wait_until("all probes are in",
                   [&] { return member.receive(seconds(1)) == "end of probes"; });
    }
    /// Waits until the driver has joined a group and attached to it.
    static void wait_attached(const Host& host, const std::string& mgid_part) {
        wait_until(host.dev.name() + " attached to " + mgid_part, [&] {
            std::istringstream in(driver_dump(host, "mcg"));
            for (std::string line; std::getline(in, line);) {
                if (line.find(mgid_part) != std::string::npos &&
                    line.find(" member attached") != std::string::npos) {
                    return true;
                }
            }
            return false;
        });
    }
};

TEST_F(Multicast, JoinsWhatTheStackWantsAndLeavesAgain) {
    for (size_t i = 0; i < hosts().size(); i++) {
        EXPECT_EQ(sa_join_state(hosts()[i], kBroadcastMgid), kFullMember);
        // All hosts, IPv4 and IPv6.
        wait_member(hosts()[i], "ff12:401b:ffff::1", kFullMember);
        wait_member(hosts()[i], "ff12:601b:ffff::1", kFullMember);
    }
    for (const Group& group : {kGroup4, kGroup6}) {
        SCOPED_TRACE(group.address);
        {
            UdpSocket socket(b(), kGroupPort, group.family);
            socket.join(group.address, b());
            wait_member(b(), group.mgid, kFullMember);
            EXPECT_EQ(sa_join_state(a(), group.mgid), 0U);
        }
        wait_no_member(b(), group.mgid);
    }
    // An interface that goes down leaves everything.
    b().dev.down();
    wait_no_member(b(), kBroadcastMgid);
    EXPECT_EQ(sa_join_state(a(), kBroadcastMgid), kFullMember);
    b().dev.up();
    wait_member(b(), kBroadcastMgid, kFullMember);
}

TEST_F(Multicast, CarriesPacketsToMembersAlone) {
    for (const Group& group : {kGroup4, kGroup6}) {
        SCOPED_TRACE(group.address);
        UdpSocket member(b(), kGroupPort, group.family);
        member.join(group.address, b());
        wait_attached(b(), group.family == AF_INET ? ":0f05:0607" : ":1234:5678");
        UdpSocket sender(a(), 0, group.family);
        sender.multicast_from(a());
        wait_flow(sender, member, group);
        const auto sent = numbered(1, 50);
        for (const auto& packet : sent) {
            sender.send(group.address, kGroupPort, packet);
        }
        EXPECT_THAT(receive_all(member, sent.size(), seconds(30)), ElementsAreArray(sent));
        // The sender is not a listener: send-only, whatever the SM calls it.
        const unsigned state = sa_join_state(a(), group.mgid);
        EXPECT_NE(state & kSendOnly, 0U);
        EXPECT_EQ(state & kFullMember, 0U);
    }
}

TEST_F(Multicast, BecomesFullMemberOfAGroupItHasOnlySentTo) {
    UdpSocket member(b(), kGroupPort, AF_INET);
    member.join(kGroup4.address, b());
    wait_attached(b(), ":0f05:0607");
    UdpSocket sender(a(), 0, AF_INET);
    sender.multicast_from(a());
    wait_flow(sender, member, kGroup4);
    EXPECT_EQ(sa_join_state(a(), kGroup4.mgid) & kFullMember, 0U);

    UdpSocket listener(a(), kGroupPort, AF_INET);
    listener.join(kGroup4.address, a());
    wait_member(a(), kGroup4.mgid, kFullMember);
    wait_attached(a(), ":0f05:0607");
    UdpSocket peer(b(), 0, AF_INET);
    peer.multicast_from(b());
    wait_flow(peer, listener, kGroup4);
    EXPECT_EQ(member.receive(Millis(0)), std::nullopt) << "b got its own packet";
}

/// HCAs that send a host's own multicast back to it, or keep it away.
class MulticastLoop : public Multicast, public testing::WithParamInterface<bool> {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.fabric.vib = {{"block_mcast_loop", GetParam() ? "1" : "0"}};
        // An HCA keeps a QP's copies from that QP, not from others of its owner.
        if (GetParam()) {
            options.driver_params = {{"num_queues", "1"}};
        }
        return options;
    }
};

TEST_P(MulticastLoop, BringsNothingBackToTheSender) {
    UdpSocket own(a(), kGroupPort, AF_INET);
    own.join(kGroup4.address, a());
    UdpSocket member(b(), kGroupPort, AF_INET);
    member.join(kGroup4.address, b());
    wait_attached(a(), ":0f05:0607");
    UdpSocket sender(a(), 0, AF_INET);
    sender.multicast_from(a());
    wait_flow(sender, member, kGroup4);
    const auto looped = ethtool_stat(a(), "rx*_own");
    const auto sent = numbered(1, 20);
    for (const auto& packet : sent) {
        sender.send(kGroup4.address, kGroupPort, packet);
    }
    EXPECT_THAT(receive_all(member, sent.size(), seconds(30)), ElementsAreArray(sent));
    if (GetParam()) {
        EXPECT_EQ(ethtool_stat(a(), "rx*_own"), looped);
    } else {
        // The copies did come, and nobody but the driver saw them.
        wait_until("the copies are back",
                   [&] { return ethtool_stat(a(), "rx*_own") >= looped + sent.size(); });
    }
    EXPECT_EQ(own.receive(Millis(0)), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Hca, MulticastLoop, testing::Bool(), [](const auto& info) {
    return info.param ? "keeps_copies_away" : "sends_copies_back";
});

/// A third host, so that a group works before the sender has heard of it.
class MulticastBurst : public Multicast {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.fabric.nhca = 3;
        return options;
    }
};

TEST_F(MulticastBurst, WaitsForTheJoinWithoutLoss) {
    UdpSocket member(b(), kGroupPort, AF_INET);
    member.join(kGroup4.address, b());
    Host& c = hosts()[2];
    UdpSocket other(c, kGroupPort, AF_INET);
    other.join(kGroup4.address, c);
    UdpSocket feeder(c, 0, AF_INET);
    feeder.multicast_from(c);
    wait_flow(feeder, member, kGroup4);

    UdpSocket sender(a(), 0, AF_INET);
    sender.multicast_from(a());
    const auto misses = ethtool_stat(a(), "path_miss");
    const auto sent = numbered(1, 100);
    for (const auto& packet : sent) {
        sender.send(kGroup4.address, kGroupPort, packet);
    }
    EXPECT_THAT(receive_all(member, sent.size(), seconds(30)), ElementsAreArray(sent));
    EXPECT_GT(ethtool_stat(a(), "path_miss"), misses) << "the group was known";
    EXPECT_EQ(ethtool_stat(a(), "parked_queue_full"), 0U);
}

TEST_F(Multicast, LeavesGroupsToUserSpaceWhenToldTo) {
    a().ns.must({"ip", "link", "set", a().dev.name(), "type", "ipoib", "umcast", "1"});
    EXPECT_EQ(host_sysfs(a(), "umcast"), "1");
    // A group that nobody in user space has joined is joined as ever.
    UdpSocket socket(a(), kGroupPort, AF_INET);
    socket.join(kGroup4.address, a());
    wait_member(a(), kGroup4.mgid, kFullMember);
    a().ns.must({"ip", "link", "set", a().dev.name(), "type", "ipoib", "umcast", "0"});
    EXPECT_EQ(host_sysfs(a(), "umcast"), "0");
    a().ping(b().ip4);
}

}  // namespace
