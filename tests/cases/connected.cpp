// SPDX-License-Identifier: GPL-2.0-only
// Connected mode: whole packets of 64 KiB, TCP, and the switch between modes.
#include "cases/lib/connected.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

namespace {

using namespace cases;
using testing::HasSubstr;
using testing::StartsWith;

constexpr uint64_t kTcpBytes = 32 << 20;

class Connected : public ConnectedHosts {};

TEST_F(Connected, CarriesWholePacketsBothWays) {
    // The stack drops, and newer kernels count, what it sends before the link is up.
    const StatsSince here(a().dev);
    const StatsSince there(b().dev);
    ping_whole(a(), b());
    ping_whole(b(), a());
    ping_long(a(), b().ip6, kConnectedMtu - 48, 3);
    ping_long(b(), a().ip6, kConnectedMtu - 48, 3);
    // All sizes around the bounds of copying and of pages.
    for (const unsigned bytes : {28U, 500U, 511U, 512U, 513U, 4091U, 4092U, 4093U, 4096U, 4097U,
                                 8191U, 8192U, 8193U, 61440U, 65519U}) {
        ping_whole(a(), b(), bytes, 1);
    }
    EXPECT_EQ(cm_lines(a(), {"to", "connected"}), 1U);
    EXPECT_EQ(cm_lines(a(), {"from", "connected"}), 1U);
    EXPECT_EQ(cm_lines(b(), {"to", "connected"}), 1U);
    EXPECT_GT(ethtool_stat(a(), "cm_tx_bytes"), 10U * 65000U);
    EXPECT_EQ(ethtool_stat(a(), "cm_tx_errors"), 0U);
    EXPECT_EQ(ethtool_stat(a(), "cm_req"), 1U);
    EXPECT_EQ(here["tx_dropped"] + there["tx_dropped"], 0U);
}

TEST_F(Connected, LosesNothingWhileItConnects) {
    // The very first packets are too long for datagrams.
    UdpSocket receiver(b(), 7000, AF_INET);
    UdpSocket sender(a(), 0, AF_INET);
    std::vector<std::string> sent;
    for (const auto& number : numbered(1, 15)) {
        sent.push_back(number + std::string(5000, '.'));
        sender.send(b().ip4, 7000, sent.back());
    }
    EXPECT_EQ(receive_all(receiver, sent.size(), seconds(30)), sent);
    EXPECT_GE(ethtool_stat(a(), "cm_parked"), 10U);
}

TEST_F(Connected, CarriesTcpBothWays) {
    tcp_transfer(a(), b(), b().ip4, kTcpBytes);
    tcp_transfer(b(), a(), a().ip4, kTcpBytes);
    tcp_transfer(a(), b(), b().ip6, kTcpBytes);
    tcp_transfer(b(), a(), b().ip4, kTcpBytes, true);
    EXPECT_GT(ethtool_stat(a(), "cm_tx_bytes"), kTcpBytes);
    EXPECT_GT(ethtool_stat(b(), "cm_tx_bytes"), kTcpBytes);
    // Far fewer packets than with a datagram's MTU.
    EXPECT_LT(ethtool_stat(a(), "cm_tx_packets"), 3 * kTcpBytes / 16384);
    EXPECT_EQ(a().dev.stats().tx_errors + b().dev.stats().rx_errors, 0U);
}

TEST_F(Connected, CarriesManySmallPackets) {
    connect_both();
    const StatsSince here(a().dev);
    const StatsSince there(b().dev);
    // How many packets the other side's stack answers, and whether ping's own socket
    // takes all answers, is not the driver's matter.
    for (const char* size : {"0", "4000"}) {
        (void)a().ns.run({"ping", "-n", "-q", "-f", "-c", "1000", "-s", size, b().ip4},
                         seconds(120));
    }
    there.wait("cm_rx_packets", 2000);
    wait_until("all answers are in",
               [&] { return here["cm_rx_packets"] == there["cm_tx_packets"]; });
    EXPECT_GT(here["cm_rx_packets"], 1000U);
    EXPECT_EQ(here["tx_dropped"] + here["tx_errors"] + there["rx_dropped"], 0U);
}

TEST_F(Connected, ShowsItselfAndBoundsItsMtu) {
    connect_both();
    EXPECT_EQ(host_sysfs(a(), "mode"), "connected");
    EXPECT_THAT(a().ns.must({"ip", "-d", "link", "show", a().dev.name()}),
                HasSubstr("pkey 0xffff mode connected umcast 0000"));
    EXPECT_THAT(driver_dump(a(), "cm"), StartsWith("mode connected mtu 65520, srq"));
    EXPECT_EQ(cm_number(a(), "sending"), 1U);
    EXPECT_EQ(cm_number(a(), "receiving"), 1U);
    EXPECT_GE(cm_number(a(), "bytes"), 100U * 65536U);
    EXPECT_THAT(must_refuse(a(), {"ip", "link", "set", a().dev.name(), "mtu", "65521"}),
                HasSubstr("mtu greater than device maximum"));
    const std::string features = a().ns.must({"ethtool", "-k", a().dev.name()});
    EXPECT_THAT(features, HasSubstr("tx-tcp-segmentation: off"));
    EXPECT_THAT(features, HasSubstr("tx-checksum-ipv4: off"));
}

TEST_F(Connected, ModeDoesNotChangeTheAddress) {
    const std::string address = a().dev.state().address;
    EXPECT_THAT(address, StartsWith("80:"));
    const auto changes = host_sysfs(a(), "carrier_changes");
    datagram_mode(a());
    EXPECT_EQ(a().dev.state().address, address);
    EXPECT_EQ(a().dev.state().mtu, 4092U);
    EXPECT_EQ(host_sysfs(a(), "carrier_changes"), changes);
    EXPECT_THAT(must_refuse(a(), {"ip", "link", "set", a().dev.name(), "mtu", "4093"}),
                HasSubstr("mtu greater than device maximum"));
    const std::string features = a().ns.must({"ethtool", "-k", a().dev.name()});
    EXPECT_THAT(features, HasSubstr("tx-tcp-segmentation: on"));
    // The peer still has its connection to us, and we answer by datagram.
    b().ping(a().ip4, 3);
    wait_until("the connection is drained", [&] { return cm_number(a(), "sending") == 0; });
    must_run({"ip", "netns", "exec", a().ns.name(), "sh", "-c",
              fmt::format("echo connected > /sys/class/net/{}/mode", a().dev.name())});
    a().dev.set_mtu(kConnectedMtu);
    EXPECT_EQ(a().dev.state().address, address);
    ping_whole(a(), b());
}

TEST_F(Connected, FlipsItsModeUnderTcp) {
    const TcpLoad forth(a(), b(), b().ip4);
    must_run({"ip", "netns", "exec", a().ns.name(), "sh", "-c",
              fmt::format("cd /sys/class/net/{} && for i in $(seq 100); do "
                          "echo datagram >mode && echo connected >mode && echo {} >mtu || "
                          "exit 1; done",
                          a().dev.name(), kConnectedMtu)},
             seconds(180));
    for (int i = 0; i < 3; i++) {
        datagram_mode(a());
        connect_mode(a());
    }
    const auto before = b().dev.stats().rx_bytes;
    wait_until(
        "TCP goes on", [&] { return b().dev.stats().rx_bytes > before + (8 << 20); }, seconds(120));
}

}  // namespace
