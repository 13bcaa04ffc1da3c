// SPDX-License-Identifier: GPL-2.0-only
// Connected mode with many peers: all to all, limits, idle connections, and the
// end of everything while connections are alive.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>

#include <thread>

#include "cases/lib/connected.h"
#include "cases/lib/faults.h"
#include "cases/lib/traffic.h"

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

/// One packet from each host to each other; their number is a multiple of 16.
void greet_all(Hosts& hosts) {
    constexpr uint16_t kPort = 7000;
    std::vector<UdpSocket> sockets;
    sockets.reserve(hosts.size());
    for (size_t i = 0; i < hosts.size(); i++) {
        sockets.emplace_back(hosts[i], kPort, AF_INET);
    }
    // Few at a time: each asks for an address by broadcast, and the receive
    // rings are small.
    constexpr size_t kBatch = 16;
    for (size_t n = 0; n < hosts.size() * (hosts.size() - 1); n += kBatch) {
        for (size_t k = n; k < n + kBatch; k++) {
            const size_t from = k % hosts.size();
            const size_t to = (from + 1 + k / hosts.size()) % hosts.size();
            sockets[from].send(hosts[to].ip4, kPort, "hello");
        }
        for (size_t k = n; k < n + kBatch; k++) {
            const size_t to = (k % hosts.size() + 1 + k / hosts.size()) % hosts.size();
            EXPECT_TRUE(sockets[to].receive(seconds(60))) << "greeting " << k << " to host " << to;
        }
    }
}

/// The kernel's limit for the neighbours of all namespaces together.
class NeighbourLimit {
  public:
    explicit NeighbourLimit(size_t most) : before_(read_text(kFile)) {
        write_text(kFile, std::to_string(most));
    }
    NeighbourLimit(const NeighbourLimit&) = delete;
    NeighbourLimit& operator=(const NeighbourLimit&) = delete;
    NeighbourLimit(NeighbourLimit&&) = delete;
    NeighbourLimit& operator=(NeighbourLimit&&) = delete;
    ~NeighbourLimit() { write_text(kFile, before_); }

  private:
    static constexpr const char* kFile = "/proc/sys/net/ipv4/neigh/default/gc_thresh3";
    std::string before_;
};

/// Five times: connections from all to all, and nothing left of them.
void come_and_go(size_t count) {
    const NeighbourLimit limit(2 * count * count + 1024);
    Hosts hosts(many(static_cast<int>(count)));
    connect_all(hosts);
    for (int round = 0; round < 5; round++) {
        SCOPED_TRACE(round);
        greet_all(hosts);
        fmt::print("round {}: all have greeted each other\n", round);
        for (size_t i = 0; i < count; i++) {
            wait_until(
                fmt::format("host {} has all connections", i),
                [&] {
                    return cm_lines(hosts[i], {"to", "connected"}) == count - 1 &&
                           cm_lines(hosts[i], {"from", "connected"}) == count - 1;
                },
                seconds(60));
        }
        fmt::print("round {}: all {} connections stand\n", round, count * (count - 1));
        for (size_t i = 0; i < count; i++) {
            hosts[i].dev.down();
        }
        for (size_t i = 0; i < count; i++) {
            EXPECT_EQ(cm_number(hosts[i], "sending"), 0U);
            EXPECT_EQ(cm_number(hosts[i], "receiving"), 0U);
            EXPECT_EQ(cm_number(hosts[i], "bytes"), 0U);
            hosts[i].dev.up();
        }
        for (size_t i = 0; i < count; i++) {
            hosts[i].dev.wait_running();
        }
    }
    hosts.take_down();
}

TEST(ConnectedMany, AllToAllComesAndGoes) {
    come_and_go(16);
}

/// Takes long on an emulated machine: the kernels' lists leave it to --full.
TEST(ConnectedMany, AllToAllOf64ComesAndGoes) {
    struct sysinfo memory {};
    ASSERT_EQ(::sysinfo(&memory), 0);
    // What the kernel keeps for itself is not in it.
    ASSERT_GE((memory.totalram * memory.mem_unit) >> 20, 7000U)
        << "MiB are too few; give the VM --memory 8192";
    come_and_go(64);
}

/// One host with connections from and to all others.
class ConnectedHub : public testing::Test {
  protected:
    static constexpr size_t kHosts = 32;

    void SetUp() override {
        hosts_ = std::make_unique<Hosts>(many(kHosts));
        connect_all(*hosts_);
        std::vector<std::pair<size_t, size_t>> pairs;
        for (size_t i = 0; i < kHosts; i++) {
            if (i != kHub) {
                pairs.emplace_back(kHub, i);
            }
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

    /// Not the one with the subnet manager.
    static constexpr size_t kHub = 1;

    Host& hub() { return (*hosts_)[kHub]; }
    Hosts& hosts() { return *hosts_; }

  private:
    std::unique_ptr<Hosts> hosts_;
};

TEST_F(ConnectedHub, GoesQuicklyWithItsHca) {
    // Nobody answers any more, and nobody hears a goodbye.
    hosts().opensm().kill();
    FaultRule mute("drop class=cm");
    // Returns later than the interface is gone: the RDMA core then waits for
    // answers to its last words to the subnet manager.
    std::jthread removal([this] { Fabric::control("remove", hub().hca); });
    // Connections end side by side. One after the other, each waiting for an
    // answer that does not come, 62 would take minutes.
    const auto took = wait_until(
        "the interface is gone", [this] { return !hub().dev.exists(); }, seconds(60));
    fmt::print("62 connections went with the HCA in {} ms\n", took.count());
    removal.join();
    mute.remove();
    hosts().opensm().start();
    hosts().take_down();
}

TEST_F(ConnectedHub, GoesWithTheDriver) {
    const auto flood = hosts()[0].ns.start({"ping", "-n", "-q", "-f", hub().ip4});
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
            EXPECT_LE(cm_lines(hosts[0], {"rc"}), 5U);
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
