// SPDX-License-Identifier: GPL-2.0-only
// Several queues per interface: how many there are, changing that while packets
// flow, and what ethtool says about it.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "cases/lib/faults.h"
#include "cases/lib/feature.h"
#include "cases/lib/kernel_log.h"
#include "cases/lib/netdev_genl.h"
#include "cases/lib/queues.h"
#include "cases/lib/traffic.h"
#include "cases/lib/udp_flows.h"

namespace {

using namespace cases;
using testing::AnyOf;
using testing::ContainsRegex;
using testing::Eq;
using testing::HasSubstr;

class MultiQueue : public MultiQueueHosts {};

/// Pairs of CQs that the connections of a host share.
size_t lanes(const Host& host) {
    const std::string dump = driver_dump(host, "cm");
    const auto end = dump.find(" lanes, ");
    return std::stoul(dump.substr(dump.rfind(' ', end - 1)));
}

TEST_F(MultiQueue, TellsAndTakesTheNumberOfQueues) {
    const std::string& name = a().dev.name();
    const std::string channels = a().ns.must({"ethtool", "-l", name});
    EXPECT_THAT(channels, ContainsRegex("RX:[\t ]*n/a"));
    EXPECT_THAT(channels, ContainsRegex("Combined:[\t ]*4\n.*\n.*\n.*\n.*\nCombined:[\t ]*4\n"));
    const std::string address = a().dev.state().address;
    for (const int n : {3, 1, 2, 4}) {
        set_queues(a(), n);
        EXPECT_EQ(queues(a()), n);
        EXPECT_EQ(a().dev.state().address, address);
        EXPECT_THAT(a().ns.must({"ethtool", "-x", name}),
                    HasSubstr(fmt::format("with {} RX ring(s)", n)));
        a().ping(b().ip4, 2);
        b().ping(a().ip6, 2);
    }
    for (const char* refused : {"0", "5", "4294967295"}) {
        must_refuse(a(), {"ethtool", "-L", name, "combined", refused});
    }
    must_refuse(a(), {"ethtool", "-L", name, "rx", "2"});
    must_refuse(a(), {"ethtool", "-L", name, "tx", "2"});
    must_refuse(a(), {"ethtool", "-L", name, "other", "1"});
    EXPECT_EQ(queues(a()), kQueues);
}

TEST_F(MultiQueue, TakesTheNumberWhileDownToo) {
    // Its peer sends to the queues it knew until it hears of the new ones, so
    // the first answers may be lost.
    a().dev.down();
    set_queues(a(), 1);
    set_queues(a(), 3);
    a().dev.up();
    a().dev.wait_running();
    EXPECT_EQ(queues(a()), 3);
    a().wait_reaches(b().ip4);
    a().ping(b().ip4);
    set_queues(a(), 2);
    a().dev.down();
    a().dev.up();
    a().dev.wait_running();
    a().wait_reaches(b().ip4);
    a().ping(b().ip4);
}

TEST_F(MultiQueue, SendsOnEveryQueue) {
    UdpFlows flows(a(), b(), 64);
    const StatsSince since(a().dev);
    for (int i = 0; i < 20; i++) {
        flows.round();
    }
    EXPECT_EQ(flows.received(), flows.sent());
    EXPECT_EQ(flows.disordered(), 0U);
    for (const uint64_t packets : per_queue(since, "tx", "packets")) {
        EXPECT_GE(packets, 20U);
    }
}

TEST_F(MultiQueue, ChangesUnderLoadLoseNothing) {
    const std::array<std::string, 2> addresses = {a().dev.state().address, b().dev.state().address};
    UdpFlows there(a(), b(), 16);
    UdpFlows back(b(), a(), 16, 21000);
    {
        UdpLoad load_there(there);
        UdpLoad load_back(back);
        const TcpLoad tcp(a(), b(), b().ip4, 8);
        for (int i = 0; i < 50; i++) {
            const auto before = load_there.rounds() + load_back.rounds();
            set_queues(i % 2 == 0 ? a() : b(), 1 + (i * 7 + i / 4) % kQueues);
            wait_until("packets flow",
                       [&] { return load_there.rounds() + load_back.rounds() >= before + 4; });
        }
        load_there.stop();
        load_back.stop();
    }
    // Or the load was more than the rings take, which is none of this case's.
    for (const Host* host : {&a(), &b()}) {
        EXPECT_EQ(Fabric::query(host->hca + "/no_receive"), "0") << host->hca;
    }
    EXPECT_EQ(there.received(), there.sent());
    EXPECT_EQ(back.received(), back.sent());
    EXPECT_EQ(a().dev.state().address, addresses[0]);
    EXPECT_EQ(b().dev.state().address, addresses[1]);
    a().ping(b().ip4);
}

TEST_F(MultiQueue, CountersSurviveTheirQueues) {
    UdpFlows flows(a(), b(), 64);
    flows.round(4);
    const LinkStats before = a().dev.stats();
    const unsigned qps = rdma_resources(a().hca).at("qp");
    set_queues(a(), 1);
    wait_until(
        "the retired queues are freed",
        [&] { return rdma_resources(a().hca).at("qp") == qps - (kQueues - 1); }, seconds(60));
    EXPECT_EQ(driver_state(a().dev).queues.size(), 1U);
    const LinkStats after = a().dev.stats();
    EXPECT_GE(after.tx_packets, before.tx_packets);
    EXPECT_GE(after.tx_bytes, before.tx_bytes);
    EXPECT_GE(after.rx_packets, before.rx_packets);
    set_queues(a(), kQueues);
    EXPECT_EQ(rdma_resources(a().hca).at("qp"), qps);
    a().ping(b().ip4);
}

TEST_F(MultiQueue, WhatTheHcaRefusesChangesNothing) {
    set_queues(a(), 1);
    wait_until(
        "the retired queues are freed", [&] { return driver_state(a().dev).queues.size() == 1; },
        seconds(60));
    const KernelLogMark messages;
    {
        const FaultRule fault("create_qp fail hca=0 skip=1");
        must_refuse(a(), {"ethtool", "-L", a().dev.name(), "combined", "4"});
    }
    messages.wait_for("no 4 queues: -12; it stays at 1");
    EXPECT_EQ(queues(a()), 1);
    a().ping(b().ip4);
    set_queues(a(), kQueues);
    a().ping(b().ip4);
}

TEST_F(MultiQueue, ShowsQueuesNapisAndCountersByNetlink) {
    REQUIRE_FEATURE("netdev-genl");
    UdpFlows flows(a(), b(), 64);
    flows.round(4);
    // Connections have some of their own, which rest as long as there are none, and
    // newer kernels do not show those that rest. Those that only transmit have no
    // number, so that nobody polls them busily.
    constexpr size_t kOfQueues = kQueues;
    EXPECT_THAT(genl_napis(a().dev), AnyOf(Eq(kOfQueues), Eq(kOfQueues + lanes(a()))));
    for (const int count : {kQueues, 2}) {
        set_queues(a(), count);
        const auto queues = genl_queues(a().dev);
        ASSERT_EQ(queues.size(), 2U * static_cast<size_t>(count));
        const auto stats = ethtool_stats(a().dev);
        std::set<uint32_t> napis;
        for (const auto& queue : queues) {
            const auto name = fmt::format("{}{}", queue.tx ? "tx" : "rx", queue.id);
            SCOPED_TRACE(name);
            // Something may have been sent in between.
            EXPECT_LE(queue.packets, stats.at(name + "_packets"));
            EXPECT_LE(queue.bytes, stats.at(name + "_bytes"));
            if (queue.tx) {
                EXPECT_GT(queue.packets, 0U);
                EXPECT_EQ(queue.napi, 0U);
            } else {
                EXPECT_NE(queue.napi, 0U);
                napis.insert(queue.napi);
            }
        }
        EXPECT_EQ(napis.size(), static_cast<size_t>(count));
    }
}

TEST_F(MultiQueue, ModeratesEachQueueByItself) {
    const std::string& name = a().dev.name();
    a().ns.must({"ethtool", "-C", name, "rx-usecs", "10", "rx-frames", "4"});
    a().ns.must({"ethtool", "-Q", name, "queue_mask", "0x2", "--coalesce", "rx-usecs", "50"});
    const std::string text =
        a().ns.must({"ethtool", "-Q", name, "queue_mask", "0x3", "--show-coalesce"});
    EXPECT_THAT(text.substr(0, text.find("Queue: 1")), HasSubstr("rx-usecs: 10\n"));
    EXPECT_THAT(text.substr(text.find("Queue: 1")), HasSubstr("rx-usecs: 50\n"));
    // A queue that comes is like the others.
    set_queues(a(), 1);
    set_queues(a(), kQueues);
    a().ping(b().ip4);
}

TEST_F(MultiQueue, ShowsAndTakesTheIndirection) {
    const std::string& name = a().dev.name();
    const auto table = [&] { return a().ns.must({"ethtool", "-x", name}); };
    EXPECT_THAT(table(), HasSubstr("    0:      0     1     2     3     0     1     2     3\n"));
    a().ns.must({"ethtool", "-X", name, "weight", "1", "1", "2", "4"});
    EXPECT_THAT(table(), HasSubstr("  120:      3     3     3     3     3     3     3     3\n"));
    // Buckets name queues that would be no more.
    must_refuse(a(), {"ethtool", "-L", name, "combined", "2"});
    must_refuse(a(), {"ethtool", "-X", name, "equal", "5"});
    must_refuse(a(), {"ethtool", "-X", name, "hkey", "01:02:03:04"});
    must_refuse(a(), {"ethtool", "-X", name, "hfunc", "toeplitz"});
    a().ns.must({"ethtool", "-X", name, "equal", "2"});
    EXPECT_THAT(table(), HasSubstr("    0:      0     1     0     1     0     1     0     1\n"));
    set_queues(a(), 2);
    a().ns.must({"ethtool", "-X", name, "default"});
    set_queues(a(), kQueues);
    EXPECT_THAT(table(), HasSubstr("    0:      0     1     2     3     0     1     2     3\n"));
}

TEST_F(MultiQueue, AWedgedQueueIsResetAlone) {
    UdpFlows flows(a(), b(), 64);
    flows.round();
    const auto before = driver_state(a().dev).queues;
    const StatsSince since(a().dev);
    {
        const FaultRule fault(fmt::format("stall hca=0 qp={}", before.at(1).qpn));
        // What hangs is not waited for; the flows of other queues go on. About
        // 160 packets are more than the queue takes.
        for (int i = 0; i < 10; i++) {
            flows.round(1, std::chrono::milliseconds(20));
        }
        EXPECT_LT(flows.received(), flows.sent());
        EXPECT_GT(since["tx0_packets"] + since["tx2_packets"] + since["tx3_packets"], 0U);
        // No more packets: those that wait for the queue go out in one burst
        // when it is back, and shall fit into the other host's receive ring.
        since.wait("tx_timeout", 1, seconds(180));
    }
    since.wait("qp_recovered", 1);
    for (const int other : {0, 2, 3}) {
        EXPECT_EQ(since[fmt::format("tx{}_errors", other)], 0U);
    }
    const auto after = driver_state(a().dev).queues;
    for (size_t i = 0; i < kQueues; i++) {
        EXPECT_EQ(after.at(i).qpn, before.at(i).qpn);
    }
    wait_rings_at_rest(a().dev);
    UdpFlows fresh(a(), b(), 64, 22000);
    fresh.round();
    EXPECT_EQ(fresh.received(), fresh.sent());
}

/// Not a test of speed: prints the table of docs/multiqueue.md.
TEST_F(MultiQueue, ThroughputSideBySide) {
    wait_queues_known(a(), b(), kQueues);
    auto server = b().ns.start({"iperf3", "-s"});
    for (int round = 0; round < 3; round++) {
        for (const int n : {1, 2, 4}) {
            set_queues(a(), n);
            set_queues(b(), n);
            wait_queues_known(a(), b(), n);
            const auto text = a().ns.must({"iperf3", "-J", "-c", b().ip4, "-P", "8", "-t", "3"});
            const auto result = nlohmann::json::parse(text);
            const auto rate = result.at("end").at("sum_received").at("bits_per_second");
            EXPECT_GT(rate.get<double>(), 0);
            fmt::print("{} queues: {:.1f} Mbit/s\n", n, rate.get<double>() / 1e6);
        }
    }
    server.kill(SIGKILL);
    server.wait(patience(seconds(10)));
}

/// The parameter by itself.
class NumQueues : public testing::Test {
  protected:
    static HostsOptions with(const std::string& queues, const std::string& vectors) {
        return {.fabric = {.vib = {{"num_comp_vectors", vectors}}},
                .driver_params = {{"num_queues", queues}}};
    }
};

TEST_F(NumQueues, NonsenseIsRefusedWithAMessage) {
    for (const char* refused : {"-1", "17", "1000000"}) {
        const KernelLogMark messages;
        EXPECT_ANY_THROW(Module::built("ib_ipoib", {{"num_queues", refused}})) << refused;
        messages.wait_for(fmt::format("num_queues={}: not in 0 to 16", refused));
    }
}

TEST_F(NumQueues, OneIsASingleQueueInterface) {
    Hosts hosts(with("1", "4"));
    must_refuse(hosts[0], {"ethtool", "-l", hosts[0].dev.name()});
    must_refuse(hosts[0], {"ethtool", "-x", hosts[0].dev.name()});
    EXPECT_EQ(driver_state(hosts[0].dev).queues.size(), 1U);
    hosts[0].ping(hosts[1].ip4);
    hosts.take_down();
}

TEST_F(NumQueues, SixteenShareTheVectorsThereAre) {
    Hosts hosts(with("16", "2"));
    EXPECT_EQ(driver_state(hosts[0].dev).queues.size(), 16U);
    hosts[0].ping(hosts[1].ip4);
    hosts[0].ns.must({"ethtool", "-L", hosts[0].dev.name(), "combined", "5"});
    hosts[1].ping(hosts[0].ip6);
    hosts.take_down();
}

TEST_F(NumQueues, WithoutAChoiceItFollowsVectorsAndCpus) {
    Hosts hosts({.fabric = {.vib = {{"num_comp_vectors", "1"}}}});
    EXPECT_EQ(driver_state(hosts[0].dev).queues.size(), 1U);
    hosts[0].ping(hosts[1].ip4);
    hosts.take_down();
}

}  // namespace
