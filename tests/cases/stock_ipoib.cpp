// SPDX-License-Identifier: GPL-2.0-only
// The kernel's own IPoIB driver on the virtual fabric: proof that the fabric
// behaves as hardware does.
#include "cases/lib/feature.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;

class StockIpoib : public TwoHosts {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.driver = Driver::kStock;
        return options;
    }
    void SetUp() override {
        REQUIRE_FEATURE("stock-ipoib");
        TwoHosts::SetUp();
    }

    /// Pings until an answer comes, and from then on loses nothing. Until it
    /// has a path, or a connection, the stock driver keeps three packets for a
    /// neighbour and drops what comes after them.
    static void warm_ping(const Host& from, const std::string& address,
                          const std::vector<std::string>& more = {}) {
        from.wait_reaches(address);
        from.ping(address, 3, more);
    }
};

TEST_F(StockIpoib, PingsInDatagramMode) {
    warm_ping(a(), b().ip4);
    warm_ping(b(), a().ip4);
    warm_ping(a(), b().ip6);
    const unsigned mtu = a().dev.state().mtu;
    EXPECT_EQ(mtu, 4092U);
    // 20 bytes of IPv4 and 8 of ICMP header.
    warm_ping(a(), b().ip4, {"-M", "do", "-s", std::to_string(mtu - 28)});
}

TEST_F(StockIpoib, CarriesTcp) {
    const auto server = b().ns.start({"iperf3", "-s", "-1"});
    wait_until("iperf3 listens", [&] {
        return b().ns.run({"ss", "-ltn"}).output.find(":5201") != std::string::npos;
    });
    a().ns.must({"iperf3", "-c", b().ip4, "-n", "20M"});
}

TEST_F(StockIpoib, PingsInConnectedMode) {
    for (size_t i = 0; i < hosts().size(); i++) {
        const auto& host = hosts()[i];
        host.dev.down();
        host.ns.must({"ip", "link", "set", host.dev.name(), "type", "ipoib", "mode", "connected"});
        host.dev.set_mtu(65520);
        host.dev.up();
        host.dev.wait_running();
        host.dev.add_address(host.ip6 + "/64");
    }
    warm_ping(a(), b().ip4);
    warm_ping(b(), a().ip4);
    a().ping(b().ip4, 3, {"-M", "do", "-s", "60000", "-i", "1"});
}

class StockIpoibPartition : public StockIpoib {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options = StockIpoib::options();
        options.opensm.partitions += "test=0x0001, ipoib : ALL=full;\n";
        return options;
    }
};

TEST_F(StockIpoibPartition, PingsOnAChild) {
    for (size_t i = 0; i < hosts().size(); i++) {
        const auto& host = hosts()[i];
        const std::string child = host.dev.name() + ".8001";
        host.ns.must({"ip", "link", "add", "link", host.dev.name(), "name", child, "type", "ipoib",
                      "pkey", "0x8001"});
        const Netdev dev(child, host.ns.name());
        dev.up();
        dev.add_address("10.1.0." + std::to_string(i + 1) + "/24");
        dev.wait_running();
    }
    warm_ping(a(), "10.1.0.2");
}

}  // namespace
