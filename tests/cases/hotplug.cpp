// SPDX-License-Identifier: GPL-2.0-only
// Coming and going under traffic: HCAs, the driver, interfaces, namespaces.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>

#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;

constexpr uint64_t kUnplugBytes = 4 << 20;

class Hotplug : public TwoHosts {
  protected:
    void wait_traffic() {
        a().wait_reaches(b().ip4);
        a().ping(b().ip4);
        b().ping(a().ip4);
    }
};

TEST_F(Hotplug, HcaGoesAndReturnsUnderTcp) {
    for (int i = 0; i < 2; i++) {
        SCOPED_TRACE(i);
        {
            const TcpLoad load(a(), b(), b().ip4);
            Fabric::control("remove", "vib1");
            EXPECT_FALSE(b().dev.exists());
            EXPECT_TRUE(a().dev.state().carrier);
        }
        Fabric::control("add", "idx=1");
        fabric().wait_active();
        hosts().adopt(1);
        wait_traffic();
        tcp_transfer(a(), b(), b().ip4, kUnplugBytes);
    }
}

TEST_F(Hotplug, SendingHcaGoesUnderTcp) {
    const TcpLoad load(b(), a(), a().ip4);
    Fabric::control("remove", "vib1");
    EXPECT_FALSE(b().dev.exists());
    Fabric::control("add", "idx=1");
    fabric().wait_active();
    hosts().adopt(1);
    wait_traffic();
}

TEST_F(Hotplug, DriverGoesAndReturnsUnderTcp) {
    {
        const TcpLoad load(a(), b(), b().ip4);
        driver().unload();
        EXPECT_FALSE(Module::loaded("ib_ipoib"));
        EXPECT_FALSE(a().dev.exists());
        EXPECT_FALSE(b().dev.exists());
    }
    driver() = Module::built("ib_ipoib");
    hosts().adopt(0);
    hosts().adopt(1);
    wait_traffic();
    tcp_transfer(a(), b(), b().ip4, kUnplugBytes);
}

TEST_F(Hotplug, InterfaceGoesDownAndUpUnderTraffic) {
    const TcpLoad load(a(), b(), b().ip4);
    const auto flood = b().ns.start({"ping", "-n", "-f", a().ip4});
    for (int i = 0; i < 10; i++) {
        const Host& host = hosts()[i % 2];
        host.dev.down();
        host.dev.up();
        // Every other time it goes down again before it has come up.
        if (i % 4 >= 2) {
            host.dev.wait_running();
        }
    }
    a().dev.wait_running();
    b().dev.wait_running();
    wait_traffic();
    // The connection has survived.
    const auto before = b().dev.stats().rx_bytes;
    wait_until(
        "TCP goes on", [&] { return b().dev.stats().rx_bytes > before + kUnplugBytes; },
        seconds(120));
}

TEST_F(Hotplug, InterfaceMovesToAnotherNamespaceAndHome) {
    const std::string address = b().dev.state().address;
    {
        const Namespace other("other");
        // It moves while it is up and has traffic.
        const auto flood = a().ns.start({"ping", "-n", "-f", b().ip4});
        Netdev dev = b().dev;
        dev.move_to(other);
        EXPECT_FALSE(b().dev.exists());
        dev.up();
        dev.add_address(b().ip4 + "/24");
        dev.wait_running();
        EXPECT_EQ(dev.state().address, address);
        a().wait_reaches(b().ip4);
    }
    // A namespace that ends gives it back to the first one.
    hosts().adopt(1);
    EXPECT_EQ(b().dev.state().address, address);
    wait_traffic();
}

TEST(ManyHcas, SixteenHostsReachEachOther) {
    Hosts hosts({.fabric = {.nhca = 16}});
    const size_t n = hosts.size();
    ASSERT_EQ(n, 16U);
    // Every host to the next, to the one after that, and across.
    for (const size_t step : {1U, 2U, 8U}) {
        std::vector<std::future<std::string>> pings;
        pings.reserve(n);
        for (size_t i = 0; i < n; i++) {
            pings.push_back(std::async(std::launch::async, [&hosts, i, to = (i + step) % n] {
                return hosts[i].ping(hosts[to].ip4, 3, {"-W", "60"});
            }));
        }
        for (size_t i = 0; i < n; i++) {
            EXPECT_NO_THROW(pings[i].get()) << "host " << i << " step " << step;
        }
    }
    hosts.take_down();
}

}  // namespace
