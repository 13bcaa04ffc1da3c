// SPDX-License-Identifier: GPL-2.0-only
// What an interface looks like to tools, and what it lets them change.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <regex>

#include "cases/lib/kernel_log.h"
#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

/// QPN of the driver's QP as the RDMA core knows it.
unsigned qpn_by_rdma_tool(const Host& host) {
    const std::string text = must_run({"rdma", "resource", "show", "qp", "link", host.hca + "/1"});
    std::smatch match;
    if (!std::regex_search(text, match, std::regex(R"(lqpn (\d+) type UD [^\n]*\[ib_ipoib\])"))) {
        throw std::runtime_error("no QP of ib_ipoib:\n" + text);
    }
    return static_cast<unsigned>(std::stoul(match[1]));
}

/// A GID as "fe:80:...".
std::string with_colons(std::string gid) {
    std::erase(gid, ':');
    for (size_t at = 2; at < gid.size(); at += 3) {
        gid.insert(at, ":");
    }
    return gid;
}

/// The group of values in an output of ethtool -g that starts with @p title.
std::string section(const std::string& text, const std::string& title) {
    const auto at = text.find(title);
    return at == std::string::npos ? "" : text.substr(at);
}

class Interface : public TwoHosts {};

TEST_F(Interface, HasTheAddressAndTheNamesOfIpoib) {
    for (size_t i = 0; i < hosts().size(); i++) {
        const Host& host = hosts()[i];
        const LinkState state = host.dev.state();
        EXPECT_EQ(host.dev.name(), fmt::format("ib{}", i));
        EXPECT_EQ(state.kind, "ipoib");
        const unsigned qpn = qpn_by_rdma_tool(host);
        EXPECT_EQ(
            state.address,
            fmt::format("80:{:02x}:{:02x}:{:02x}:", qpn >> 16, (qpn >> 8) & 0xff, qpn & 0xff) +
                with_colons(read_text("/sys/class/infiniband/" + host.hca + "/ports/1/gids/0")));
        EXPECT_EQ(host_sysfs(host, "type"), "32");
        EXPECT_EQ(host_sysfs(host, "addr_len"), "20");
        EXPECT_EQ(host_sysfs(host, "dev_id"), "0x0");
        EXPECT_EQ(host_sysfs(host, "dev_port"), "0");
        EXPECT_EQ(host_sysfs(host, "mode"), "datagram");
        EXPECT_EQ(host_sysfs(host, "pkey"), "0xffff");
        EXPECT_EQ(host_sysfs(host, "umcast"), "0");
        EXPECT_EQ(host_sysfs(host, "broadcast"),
                  "00:ff:ff:ff:ff:12:40:1b:ff:ff:00:00:00:00:00:00:ff:ff:ff:ff");
        const std::string link = host.ns.must({"ip", "-d", "link", "show", host.dev.name()});
        EXPECT_THAT(link, HasSubstr("<BROADCAST,MULTICAST,UP,LOWER_UP>"));
        EXPECT_THAT(link, HasSubstr("link/infiniband"));
        EXPECT_THAT(link, HasSubstr("minmtu 72 maxmtu 4092"));
        EXPECT_THAT(link, ContainsRegex("ipoib pkey *0xffff mode *datagram umcast"));
    }
    // IPv6 takes its interface identifier from the GUID.
    EXPECT_THAT(a().ns.must({"ip", "-6", "addr", "show", "dev", a().dev.name(), "scope", "link"}),
                HasSubstr("fe80::256:4200:0:11/64"));
}

TEST_F(Interface, TellsEthtoolAboutItself) {
    const std::string& name = a().dev.name();
    const std::string info = a().ns.must({"ethtool", "-i", name});
    EXPECT_THAT(info, HasSubstr("driver: ib_ipoib\n"));
    EXPECT_THAT(info, HasSubstr("version: " + read_text("/sys/module/ib_ipoib/version") + "\n"));
    EXPECT_THAT(info, HasSubstr("bus-info: vib.0\n"));
    // "40 Gb/sec (4X QDR)"
    const auto gbps = std::stoul(read_text("/sys/class/infiniband/vib0/ports/1/rate"));
    const std::string link = a().ns.must({"ethtool", name});
    EXPECT_THAT(link, HasSubstr(fmt::format("Speed: {}Mb/s", gbps * 1000)));
    EXPECT_THAT(link, HasSubstr("Duplex: Full"));
    EXPECT_THAT(link, HasSubstr("Link detected: yes"));
    b().dev.down();
    const std::string down = b().ns.must({"ethtool", b().dev.name()});
    EXPECT_THAT(down, HasSubstr("Speed: Unknown!"));
    EXPECT_THAT(down, HasSubstr("Link detected: no"));
    for (const char* counter :
         {"rx_packets", "tx_packets", "rx0_packets", "tx0_packets", "rx0_own", "rx0_malformed",
          "path_miss", "no_address_handle", "parked_queue_full", "too_long", "join_failed",
          "refill_failed", "tx_timeout"}) {
        EXPECT_NO_THROW(ethtool_stat(a(), counter)) << counter;
    }
    EXPECT_EQ(ethtool_stat(a(), "join_failed"), 0U);
    EXPECT_EQ(ethtool_stat(a(), "tx_timeout"), 0U);
}

TEST_F(Interface, ChangesRingsAndSaysWhatItCannot) {
    const std::string& name = a().dev.name();
    const auto rings = [&] { return a().ns.must({"ethtool", "-g", name}); };
    EXPECT_THAT(section(rings(), "Current"), HasSubstr("RX:\t\t256\n"));
    EXPECT_THAT(section(rings(), "Current"), HasSubstr("TX:\t\t128\n"));
    a().ns.must({"ethtool", "-G", name, "rx", "1024", "tx", "512"});
    EXPECT_THAT(section(rings(), "Current"), HasSubstr("RX:\t\t1024\n"));
    EXPECT_THAT(section(rings(), "Current"), HasSubstr("TX:\t\t512\n"));
    // Up to the next power of two, of 64 at least.
    a().ns.must({"ethtool", "-G", name, "rx", "300", "tx", "1"});
    EXPECT_THAT(section(rings(), "Current"), HasSubstr("RX:\t\t512\n"));
    EXPECT_THAT(section(rings(), "Current"), HasSubstr("TX:\t\t64\n"));
    must_refuse(a(), {"ethtool", "-G", name, "rx", "1000000"});
    must_refuse(a(), {"ethtool", "-G", name, "rx-jumbo", "64"});
    EXPECT_THAT(section(rings(), "Current"), HasSubstr("RX:\t\t512\n"));
    // Rings keep their sizes when the interface goes down and up.
    a().dev.down();
    a().dev.up();
    a().dev.wait_running();
    EXPECT_THAT(section(rings(), "Current"), HasSubstr("RX:\t\t512\n"));
    a().ping(b().ip4);
}

TEST_F(Interface, HoldsReceiveEventsBackWhenToldTo) {
    const std::string& name = a().dev.name();
    const auto moderation = [&] { return a().ns.must({"ethtool", "-c", name}); };
    EXPECT_THAT(moderation(), ContainsRegex("rx-usecs:[\t ]*0\n"));
    a().ns.must({"ethtool", "-C", name, "rx-usecs", "50", "rx-frames", "8"});
    EXPECT_THAT(moderation(), ContainsRegex("rx-usecs:[\t ]*50\n"));
    EXPECT_THAT(moderation(), ContainsRegex("rx-frames:[\t ]*8\n"));
    a().ping(b().ip4);
    tcp_transfer(b(), a(), a().ip4, 1 << 20);
    EXPECT_THAT(must_refuse(a(), {"ethtool", "-C", name, "rx-usecs", "70000"}),
                HasSubstr("rx-usecs and rx-frames are at most 65535"));
    must_refuse(a(), {"ethtool", "-C", name, "tx-usecs", "10"});
    EXPECT_THAT(moderation(), ContainsRegex("rx-usecs:[\t ]*50\n"));
    a().ns.must({"ethtool", "-C", name, "rx-usecs", "0", "rx-frames", "0"});
    a().ping(b().ip4);
}

TEST_F(Interface, RefusesWhatItHasNotGotWithAReason) {
    const std::string& name = a().dev.name();
    EXPECT_THAT(must_refuse(a(), {"ip", "link", "set", name, "type", "ipoib", "pkey", "0x8001"}),
                HasSubstr("the P_Key of an interface cannot change"));
    EXPECT_THAT(must_refuse(a(), {"ip", "link", "add", "link", name, "name", "child", "type",
                                  "ipoib", "pkey", "0x8001"}),
                HasSubstr("P_Key child interfaces: not in this version"));
    EXPECT_THAT(must_refuse(a(), {"ip", "link", "add", "link", name, "name", "child", "type",
                                  "ipoib", "pkey", "0x8000"}),
                HasSubstr("the low 15 bits of a P_Key cannot be zero"));
    // Naming what it has already is no change.
    a().ns.must({"ip", "link", "set", name, "type", "ipoib", "mode", "datagram"});
    EXPECT_TRUE(a().dev.exists());
    EXPECT_EQ(host_sysfs(a(), "mode"), "datagram");
    a().ping(b().ip4);
}

TEST_F(Interface, StaysWhenItIsDeletedByHand) {
    const KernelLogMark mark;
    a().ns.must({"ip", "link", "delete", a().dev.name()});
    mark.wait_for("not deleted: it goes with its HCA");
    EXPECT_TRUE(a().dev.exists());
    a().ping(b().ip4);
}

TEST_F(Interface, HasNoFunctionsBelowItAndNoPhy) {
    const std::string& name = a().dev.name();
    const std::string guid = "00:02:00:00:00:00:00:77";
    must_refuse(a(), {"ip", "link", "set", name, "vf", "0", "state", "enable"});
    must_refuse(a(), {"ip", "link", "set", name, "vf", "0", "node_guid", guid});
    must_refuse(a(), {"ip", "link", "set", name, "vf", "0", "port_guid", guid});
    const NamespaceScope here(a().ns.name());
    const vmtest::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    name.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    EXPECT_EQ(::ioctl(socket.get(), SIOCGMIIPHY, &request), -1);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST(InterfaceFiles, TakeOnlyWhatMakesSense) {
    const Fabric fabric;
    const auto driver = Module::built("ib_ipoib");
    const Netdev dev = wait_ipoib("vib0");
    write_text(dev.sysfs("mode"), "connected\n");
    EXPECT_EQ(read_text(dev.sysfs("mode")), "connected");
    EXPECT_THROW(write_text(dev.sysfs("mode"), "quick\n"), std::system_error);
    EXPECT_EQ(read_text(dev.sysfs("mode")), "connected");
    write_text(dev.sysfs("mode"), "datagram\n");
    EXPECT_EQ(read_text(dev.sysfs("mode")), "datagram");
    EXPECT_THROW(write_text(dev.sysfs("umcast"), "2\n"), std::system_error);
    EXPECT_THROW(write_text(dev.sysfs("umcast"), "-1\n"), std::system_error);
    EXPECT_THROW(write_text(dev.sysfs("umcast"), "yes\n"), std::system_error);
    write_text(dev.sysfs("umcast"), "1\n");
    EXPECT_EQ(read_text(dev.sysfs("umcast")), "1");
    EXPECT_THROW(write_text(dev.sysfs("pkey"), "0x8001\n"), std::system_error);
}

TEST_F(Interface, TakesAnotherName) {
    const std::string folder = "/sys/kernel/debug/ipoib/";
    a().dev.down();
    a().dev.rename("storage");
    a().dev.up();
    a().dev.wait_running();
    EXPECT_THAT(read_text(folder + "storage_state"), HasSubstr("hca: vib0"));
    EXPECT_ANY_THROW(read_text(folder + "ib0_state"));
    a().ping(b().ip4);
    // Two interfaces may have one name, in different namespaces.
    b().dev.down();
    b().dev.rename("storage");
    b().dev.up();
    b().dev.wait_running();
    EXPECT_THAT(read_text(folder + "storage@vib1:1_state"), HasSubstr("hca: vib1"));
    a().ping(b().ip4);
}

}  // namespace
