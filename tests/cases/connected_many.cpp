// SPDX-License-Identifier: GPL-2.0-only
// Connected mode with many peers: all to all, limits, idle connections, and the
// end of everything while connections are alive.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cases/lib/connected.h"

namespace {

using namespace cases;
using testing::HasSubstr;

/// Small rings: a VM has not got the memory of as many machines.
HostsOptions many(int nhca, const ModuleParams& params = {}) {
    HostsOptions options;
    options.fabric.nhca = nhca;
    options.driver_params = {{"recv_queue_size", "64"}, {"send_queue_size", "64"}};
    options.driver_params.insert(params.begin(), params.end());
    return options;
}

void connect_all(Hosts& hosts) {
    for (size_t i = 0; i < hosts.size(); i++) {
        connect_mode(hosts[i]);
    }
}

/// Pings from one host to others, until each has answered once.
void ping_each(Hosts& hosts, const std::vector<std::pair<size_t, size_t>>& pairs) {
    std::vector<Process> pings;
    pings.reserve(pairs.size());
    for (const auto& [from, to] : pairs) {
        pings.push_back(hosts[from].ns.start(
            {"ping", "-n", "-q", "-c", "2", "-i", "0.2", "-W", "30", hosts[to].ip4}));
    }
    for (size_t i = 0; i < pairs.size(); i++) {
        EXPECT_EQ(pings[i].wait(patience(seconds(90))), 0)
            << pairs[i].first << " to " << pairs[i].second << "\n"
            << pings[i].output();
    }
}

TEST(ConnectedMany, MixedClusterReachesEachOther) {
    // Two hosts in connected, two in datagram mode.
    Hosts hosts(many(4));
    connect_mode(hosts[0]);
    connect_mode(hosts[1]);
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++) {
            if (i == k) {
                continue;
            }
            SCOPED_TRACE(fmt::format("{} to {}", i, k));
            hosts[i].ping(hosts[k].ip4);
            hosts[i].ping(hosts[k].ip6);
        }
    }
    // A host in connected mode asks all, for all have the flag. The others
    // answer in datagrams, as long as those may be.
    ping_whole(hosts[0], hosts[1]);
    ping_whole(hosts[1], hosts[0]);
    for (const size_t k : {2U, 3U}) {
        tcp_transfer(hosts[0], hosts[k], hosts[k].ip4, 4 << 20);
        tcp_transfer(hosts[k], hosts[1], hosts[1].ip4, 4 << 20);
        wait_connected(hosts[0], hosts[k]);
        EXPECT_EQ(cm_number(hosts[k], "sending"), 0U);
    }
    EXPECT_EQ(cm_number(hosts[0], "sending"), 3U);
    hosts.take_down();
}

TEST(ConnectedMany, AllToAllComesAndGoes) {
    constexpr size_t kHosts = 12;
    Hosts hosts(many(kHosts));
    connect_all(hosts);
    for (int round = 0; round < 5; round++) {
        SCOPED_TRACE(round);
        for (size_t step = 1; step < kHosts; step++) {
            std::vector<std::pair<size_t, size_t>> pairs;
            for (size_t i = 0; i < kHosts; i++) {
                pairs.emplace_back(i, (i + step) % kHosts);
            }
            ping_each(hosts, pairs);
        }
        for (size_t i = 0; i < kHosts; i++) {
            wait_until(
                fmt::format("host {} has all connections", i),
                [&] {
                    return cm_lines(hosts[i], {"to", "connected"}) == kHosts - 1 &&
                           cm_lines(hosts[i], {"from", "connected"}) == kHosts - 1;
                },
                seconds(60));
        }
        for (size_t i = 0; i < kHosts; i++) {
            hosts[i].dev.down();
        }
        for (size_t i = 0; i < kHosts; i++) {
            EXPECT_EQ(cm_number(hosts[i], "sending"), 0U);
            EXPECT_EQ(cm_number(hosts[i], "receiving"), 0U);
            EXPECT_EQ(cm_number(hosts[i], "bytes"), 0U);
            hosts[i].dev.up();
        }
        for (size_t i = 0; i < kHosts; i++) {
            hosts[i].dev.wait_running();
        }
    }
    hosts.take_down();
}

/// One host with connections from and to all others.
class ConnectedHub : public testing::Test {
  protected:
    static constexpr size_t kHosts = 32;

    void SetUp() override {
        hosts_ = std::make_unique<Hosts>(many(kHosts));
        connect_all(*hosts_);
        std::vector<std::pair<size_t, size_t>> pairs;
        for (size_t i = 1; i < kHosts; i++) {
            pairs.emplace_back(0, i);
        }
        ping_each(*hosts_, pairs);
        wait_until(
            "the hub has all connections",
            [&] {
                return cm_lines(hub(), {"to", "connected"}) == kHosts - 1 &&
                       cm_lines(hub(), {"from", "connected"}) == kHosts - 1;
            },
            seconds(90));
    }

    Host& hub() { return (*hosts_)[0]; }
    Hosts& hosts() { return *hosts_; }

  private:
    std::unique_ptr<Hosts> hosts_;
};

TEST_F(ConnectedHub, GoesQuicklyWithItsHca) {
    // The subnet manager runs on this HCA; nobody answers any more.
    const auto start = std::chrono::steady_clock::now();
    Fabric::control("remove", "vib1");
    hub().dev.down();
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took, patience(seconds(5))) << "62 connections on one host";
    EXPECT_EQ(cm_number(hub(), "sending"), 0U);
    EXPECT_EQ(cm_number(hub(), "receiving"), 0U);
    hosts().take_down();
}

TEST_F(ConnectedHub, GoesWithTheDriver) {
    const auto flood = hosts()[1].ns.start({"ping", "-n", "-q", "-f", hub().ip4});
    hosts().driver().unload();
    EXPECT_FALSE(Module::loaded("ib_ipoib"));
}

/// Few connections are allowed, and they do not stay long.
class ConnectedLimits : public testing::Test {};

TEST_F(ConnectedLimits, NewPeersReplaceIdleOnes) {
    Hosts hosts(many(6, {{"max_connections", "4"}}));
    connect_all(hosts);
    const StatsSince since(hosts[0].dev);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 1; i < hosts.size(); i++) {
            wait_connected(hosts[0], hosts[i]);
            EXPECT_LE(cm_number(hosts[0], "sending") + cm_number(hosts[0], "receiving"), 5U);
        }
    }
    since.wait("cm_evicted", 4);
    // All reach each other all the time.
    for (size_t i = 1; i < hosts.size(); i++) {
        hosts[0].ping(hosts[i].ip4);
        hosts[i].ping(hosts[0].ip4);
    }
    hosts.take_down();
}

TEST_F(ConnectedLimits, IdleConnectionsGo) {
    Hosts hosts(many(2, {{"connection_idle", "2"}}));
    connect_all(hosts);
    const StatsSince since(hosts[0].dev);
    wait_connected(hosts[0], hosts[1]);
    since.wait("cm_idle", 1);
    wait_until("both sides have forgotten it", [&] {
        return cm_number(hosts[0], "sending") + cm_number(hosts[0], "receiving") +
                   cm_number(hosts[1], "sending") + cm_number(hosts[1], "receiving") ==
               0;
    });
    ping_whole(hosts[0], hosts[1]);
    hosts.take_down();
}

}  // namespace
