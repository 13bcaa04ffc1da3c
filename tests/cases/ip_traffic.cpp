// SPDX-License-Identifier: GPL-2.0-only
// Traffic of the protocols above: TCP, broadcast before there is an address,
// other ethertypes, bursts to a neighbour that nobody knows yet.
#include <gmock/gmock.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "cases/lib/driver_state.h"
#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr uint64_t kTrafficBytes = 16 << 20;
constexpr uint16_t kTrafficPort = 7000;

class IpTraffic : public TwoHosts {
  protected:
    /// Lets A know B's hardware address, so that no ARP comes first.
    void introduce_b_to_a() {
        a().ns.must({"ip", "neigh", "replace", b().ip4, "lladdr", b().dev.state().address, "dev",
                     a().dev.name(), "nud", "permanent"});
    }
    /// OpenSM answers a join before the switch knows of it. Where ARP gets through a
    /// broadcast gets through, too.
    void wait_broadcast() {
        a().ping(b().ip4);
        b().ns.must({"ip", "neigh", "flush", "dev", b().dev.name()});
        b().ping(a().ip4);
    }
    struct Burst {
        std::vector<std::string> sent;
        std::vector<std::string> received;
    };
    /// Sends a burst from A to B, which A has no path to.
    Burst send_burst(int count) {
        UdpSocket receiver(b(), kTrafficPort, AF_INET);
        UdpSocket sender(a(), 0, AF_INET);
        const auto misses = ethtool_stat(a(), "path_miss");
        Burst burst{.sent = numbered(1, count), .received = {}};
        for (const auto& packet : burst.sent) {
            sender.send(b().ip4, kTrafficPort, packet);
        }
        burst.received = receive_all(receiver, burst.sent.size(), seconds(30));
        EXPECT_GT(ethtool_stat(a(), "path_miss"), misses) << "the neighbour was not cold";
        EXPECT_EQ(ethtool_stat(a(), "parked_queue_full"), 0U);
        return burst;
    }
};

TEST_F(IpTraffic, CarriesTcpBothWays) {
    for (const auto& [to_b, to_a] : {std::pair(b().ip4, a().ip4), std::pair(b().ip6, a().ip6)}) {
        SCOPED_TRACE(to_b);
        tcp_transfer(a(), b(), to_b, kTrafficBytes);
        tcp_transfer(b(), a(), to_a, kTrafficBytes);
        // The same direction on a connection that the other side opened.
        tcp_transfer(b(), a(), to_b, kTrafficBytes, true);
    }
    EXPECT_EQ(a().dev.stats().tx_errors, 0U);
    EXPECT_EQ(b().dev.stats().rx_errors, 0U);
}

TEST_F(IpTraffic, ABurstMayEndWithAPacketThatIsNotSent) {
    const std::string& name = a().dev.name();
    // Nothing that the driver sends by itself shall push the packet out.
    for (const Host* host : {&a(), &b()}) {
        host->ns.must({"ethtool", "--set-priv-flags", host->dev.name(), "queue-discovery", "off"});
        host->ns.must({"ethtool", "-L", host->dev.name(), "combined", "1"});
    }
    introduce_b_to_a();
    std::string nowhere = b().dev.state().address;
    nowhere.back() = nowhere.back() == '0' ? '1' : '0';
    a().ns.must({"ip", "neigh", "replace", "10.0.0.99", "lladdr", nowhere, "dev", name, "nud",
                 "permanent"});
    // Two times a second all packets come down at once.
    a().ns.must({"tc", "qdisc", "replace", "dev", name, "root", "netem", "slot", "500ms", "500ms"});
    UdpSocket receiver(b(), kTrafficPort, AF_INET);
    UdpSocket sender(a(), 0, AF_INET);
    for (const auto& packet : numbered(1, 10)) {
        sender.send(b().ip4, kTrafficPort, packet);
        sender.send("10.0.0.99", kTrafficPort, "of no interest");
        EXPECT_EQ(receiver.receive(seconds(30)), packet);
    }
}

TEST_F(IpTraffic, CarriesBroadcastOfAHostWithoutAddress) {
    wait_broadcast();
    a().dev.del_address(a().ip4 + "/24");
    UdpSocket client(a(), 68, AF_INET);
    client.bind_to_device(a());
    UdpSocket server(b(), 67, AF_INET);
    server.bind_to_device(b());
    client.send("255.255.255.255", 67, "discover");
    EXPECT_EQ(server.receive(seconds(30)), "discover");
    server.send("255.255.255.255", 68, "offer");
    EXPECT_EQ(client.receive(seconds(30)), "offer");
}

TEST_F(IpTraffic, CarriesTheEthertypesOfIpoibAndNoOther) {
    constexpr uint16_t kTipc = 0x88ca;
    constexpr uint16_t kLldp = 0x88cc;
    wait_broadcast();
    const std::string address = b().dev.state().address;
    const std::string broadcast = "00:ff:ff:ff:ff:12:40:1b:ff:ff:00:00:00:00:00:00:ff:ff:ff:ff";
    for (const uint16_t type : {static_cast<uint16_t>(ETH_P_RARP), kTipc}) {
        SCOPED_TRACE(type);
        FrameSocket receiver(b(), type);
        FrameSocket sender(a(), type);
        sender.send(address, "to you");
        EXPECT_EQ(receiver.receive(seconds(30)), "to you");
        sender.send(broadcast, "to all");
        EXPECT_EQ(receiver.receive(seconds(30)), "to all");
    }
    const auto dropped = ethtool_stat(a(), "bad_protocol");
    FrameSocket receiver(b(), kLldp);
    FrameSocket sender(a(), kLldp);
    sender.send(address, "to you");
    sender.send(broadcast, "to all");
    EXPECT_EQ(ethtool_stat(a(), "bad_protocol"), dropped + 2);
    a().ping(b().ip4);
    EXPECT_EQ(receiver.receive(Millis(0)), std::nullopt);
}

TEST_F(IpTraffic, DropsAndCountsFramesToNoAddressOfTheSubnet) {
    const auto dropped = ethtool_stat(a(), "bad_address");
    FrameSocket sender(a(), ETH_P_IP);
    // A multicast address, but of Ethernet's kind of mapping.
    sender.send("00:ff:ff:ff:ff:12:12:34:ff:ff:00:00:00:00:00:00:00:00:00:01", "x");
    EXPECT_EQ(ethtool_stat(a(), "bad_address"), dropped + 1);
    // A unicast address of a port that does not exist: parked, then given up.
    const auto failed = ethtool_stat(a(), "path_failed");
    sender.send("00:00:00:48:fe:80:00:00:00:00:00:00:02:56:42:00:00:00:ff:ff", "x");
    wait_until("the SA says no", [&] { return ethtool_stat(a(), "path_failed") > failed; });
    a().ping(b().ip4);
}

TEST_F(IpTraffic, LosesNothingOfABurstToAColdNeighbour) {
    introduce_b_to_a();
    const auto burst = send_burst(50);
    EXPECT_THAT(burst.received, ElementsAreArray(burst.sent));
}

TEST_F(IpTraffic, LosesNothingOfABurstThatBeginsWithArp) {
    // Once there is an answer, the stack hands on what waited for it one by one,
    // and does not hold up what is sent meanwhile: the order is not the driver's.
    auto burst = send_burst(50);
    std::ranges::sort(burst.sent);
    std::ranges::sort(burst.received);
    EXPECT_EQ(burst.received, burst.sent);
}

TEST_F(IpTraffic, ParksNoMoreThanItsLimit) {
    introduce_b_to_a();
    // Without a subnet manager nobody tells the path to B.
    opensm().kill();
    UdpSocket sender(a(), 0, AF_INET);
    for (const auto& packet : numbered(1, 300)) {
        sender.send(b().ip4, kTrafficPort, packet);
    }
    // The default limit is 128; what is above it is dropped at once.
    wait_until("the rest is dropped",
               [&] { return ethtool_stat(a(), "parked_queue_full") >= 300 - 128; });
    opensm().start();
    opensm().wait_subnet_up();
    a().wait_reaches(b().ip4);
}

TEST_F(IpTraffic, LosesNothingWhileRingsAreResized) {
    a().ping(b().ip4);
    UdpSocket receiver(b(), kTrafficPort, AF_INET);
    UdpSocket sender(a(), 0, AF_INET);
    constexpr int kResizes = 20;
    std::atomic<int> begun = 0;
    std::atomic<bool> done = false;
    std::jthread resizer([&](const std::stop_token& stop) {
        const std::vector<std::string> sizes = {"64", "1024", "128", "2048", "256"};
        for (size_t i = 0; i < kResizes && !stop.stop_requested(); i++) {
            // Each of them meets a batch of its own, however long a batch or a
            // resize takes.
            while (begun <= static_cast<int>(i) && !stop.stop_requested()) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            const Host& host = hosts()[i % 2];
            const auto result =
                host.ns.run({"ethtool", "-G", host.dev.name(), "rx", sizes[i % sizes.size()], "tx",
                             sizes[(i / 2) % sizes.size()]});
            EXPECT_TRUE(result.ok()) << result.output;
        }
        done = true;
    });
    // Never more on the way than the smallest ring holds, so each packet that
    // is missing was lost by the resize.
    std::string lost;
    while (!done && lost.empty()) {
        const auto sent = numbered(begun * 32, 32);
        begun++;
        for (const auto& packet : sent) {
            sender.send(b().ip4, kTrafficPort, packet);
        }
        if (receive_all(receiver, sent.size(), seconds(30)) != sent) {
            lost = "in batch " + std::to_string(begun);
        }
    }
    resizer.request_stop();
    resizer.join();
    EXPECT_EQ(lost, "");
    EXPECT_GE(begun, kResizes);
    const std::string rings = a().ns.must({"ethtool", "-g", a().dev.name()});
    EXPECT_THAT(rings.substr(rings.find("Current")), HasSubstr("RX:\t\t2048\n"));
    tcp_transfer(a(), b(), b().ip4, kTrafficBytes);
}

TEST_F(IpTraffic, IsCountedTheSameEverywhere) {
    const StatsSince here(a().dev);
    const StatsSince there(b().dev);
    a().ns.must({"ping", "-n", "-f", "-c", "500", "-s", "972", b().ip4});
    // The answer to the last may be back before its own send has completed. 1000
    // bytes of IP; the header of IPoIB is not the stack's.
    constexpr uint64_t kBytes = 500'000;
    here.wait("tx_packets", 500);
    there.wait("rx_packets", 500);
    here.wait("tx_bytes", kBytes);
    there.wait("rx_bytes", kBytes);
    EXPECT_LT(here["tx_bytes"], kBytes + 5000);
    EXPECT_LT(there["rx_bytes"], kBytes + 5000);
    for (const Host* host : {&a(), &b()}) {
        SCOPED_TRACE(host->dev.name());
        // All three views at one moment: until nothing came in between.
        wait_until("ip -s, ethtool -S and its rings agree", [&] {
            const auto link = host->dev.stats();
            return link.rx_packets == ethtool_stat(*host, "rx_packets") &&
                   link.rx_packets == ethtool_stat(*host, "rx*_packets") &&
                   link.tx_packets == ethtool_stat(*host, "tx_packets") &&
                   link.tx_packets == ethtool_stat(*host, "tx*_packets") &&
                   link.rx_bytes == ethtool_stat(*host, "rx*_bytes") &&
                   link.tx_bytes == ethtool_stat(*host, "tx*_bytes") &&
                   link.rx_bytes == ethtool_stat(*host, "rx_bytes") &&
                   link.tx_bytes == ethtool_stat(*host, "tx_bytes");
        });
        EXPECT_EQ(ethtool_stat(*host, "rx_errors"), host->dev.stats().rx_errors);
        EXPECT_EQ(ethtool_stat(*host, "tx_errors"), host->dev.stats().tx_errors);
        EXPECT_EQ(ethtool_stat(*host, "tx_dropped"), host->dev.stats().tx_dropped);
    }
}

TEST_F(IpTraffic, IsSeenByTcpdump) {
    auto capture = b().ns.start({"tcpdump", "-n", "-l", "-c", "6", "-i", b().dev.name(), "icmp"});
    wait_until("tcpdump listens",
               [&] { return capture.output().find("listening on") != std::string::npos; });
    a().ping(b().ip4);
    EXPECT_EQ(capture.wait(patience(seconds(30))), 0);
    EXPECT_THAT(capture.output(), HasSubstr("10.0.0.1 > 10.0.0.2: ICMP echo request"));
    EXPECT_THAT(capture.output(), HasSubstr("10.0.0.2 > 10.0.0.1: ICMP echo reply"));
}

TEST_F(IpTraffic, CanBeLookedIntoAllTheTime) {
    a().ping(b().ip4);
    const TcpLoad load(a(), b(), b().ip4);
    for (int i = 0; i < 100; i++) {
        for (const Host* host : {&a(), &b()}) {
            for (const char* dump : {"mcg", "path", "neigh", "state"}) {
                ASSERT_FALSE(driver_dump(*host, dump).empty()) << dump;
            }
        }
    }
    EXPECT_THAT(driver_dump(a(), "state"), HasSubstr("state: running"));
    EXPECT_THAT(driver_dump(a(), "state"), HasSubstr("hca: vib0 port 1, ib, verbs"));
    EXPECT_THAT(driver_dump(a(), "mcg"),
                HasSubstr("ff12:401b:ffff:0000:0000:0000:ffff:ffff full member attached"));
    EXPECT_THAT(driver_dump(a(), "neigh"), HasSubstr("0256:4200:0000:0021 qpn 0x"));
    EXPECT_THAT(driver_dump(a(), "path"), HasSubstr("dlid 0x" + std::to_string(port_lid("vib1"))));
}

}  // namespace
