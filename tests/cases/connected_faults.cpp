// SPDX-License-Identifier: GPL-2.0-only
// Connected mode when messages get lost, peers refuse, connections break and
// buffers run out: datagrams go on, connections come back, counters say why.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>

#include "cases/lib/connected.h"
#include "cases/lib/faults.h"

namespace {

using namespace cases;
using testing::ElementsAreArray;
using testing::HasSubstr;

// Attribute IDs of the communication manager.
constexpr int kReq = 0x10;
constexpr int kRep = 0x13;
constexpr int kRtu = 0x14;

/// QPN of the sending, or with @p way "from" of the receiving connection of a host.
std::string rc_qpn(const Host& host, const std::string& way = "to") {
    const std::string dump = driver_dump(host, "cm");
    auto at = dump.find("\n" + way + " ");
    at = at == std::string::npos ? at : dump.find(" rc 0x", at);
    if (at == std::string::npos) {
        throw std::runtime_error("no connection in:\n" + dump);
    }
    return dump.substr(at + 4, 8);
}

class ConnectedFaults : public ConnectedHosts {
  protected:
    /// Small packets, of which all must come through.
    void stir(int count = 20) { a().ping(b().ip4, count, {"-i", "0.02"}); }

    /// A connection that breaks soon after its start counts as a failed attempt,
    /// and after two of these senders of long packets are told to be brief.
    void wait_sound() {
        connect_both();
        wait_until(
            "attempts that failed are forgotten",
            [&] {
                return cm_lines(a(), {"connected", "tries 0"}) == 1;
            },
            seconds(60));
    }

    /// Sends of A's connection fail once with @p status; counter @p name says so.
    void break_connection(int status, const std::string& name) {
        wait_sound();
        const StatsSince since(a().dev);
        const FaultRule fault(
            fmt::format("wc_status hca=0 qp={} side=send status={}", rc_qpn(a()), status));
        (void)a().ns.run({"ping", "-n", "-q", "-c", "20", "-i", "0.05", "-W", "1", b().ip4});
        EXPECT_EQ(fault.hits(), 1U);
        since.wait(name, 1);
        wait_traffic();
        EXPECT_LE(since["tx_errors"], 20U);
    }
};

TEST_F(ConnectedFaults, LostMessagesAreRepeated) {
    for (const int attr : {kReq, kRep, kRtu}) {
        SCOPED_TRACE(attr);
        const FaultRule fault(fmt::format("drop class=cm attr={:#x} count=2", attr));
        // Meanwhile datagrams go on, without a loss.
        stir();
        connect_both();
        EXPECT_EQ(fault.hits(), 2U);
        wait_traffic();
        for (const Host* host : {&a(), &b()}) {
            host->dev.down();
            host->dev.up();
            host->dev.wait_running();
            host->dev.add_address(host->ip6 + "/64");
        }
    }
}

TEST_F(ConnectedFaults, DelayedMessagesOnlyDelay) {
    const FaultRule fault("delay class=cm ms=1500");
    stir(50);
    a().ping(b().ip4, 2, {"-W", "60", "-s", "60000", "-M", "do"});
    connect_both();
    wait_traffic();
}

TEST_F(ConnectedFaults, SilentPeersGetDatagramsAndFewQuestions) {
    FaultRule fault("drop class=cm");
    FaultRule requests = FaultRule::counter(fmt::format("class=cm attr={:#x}", kReq));
    const StatsSince since(a().dev);
    // Many flows at once: there is still one question at a time.
    // Each asks as often as a slow kernel can answer them all.
    const std::string pause = fmt::format("{:.1f}", patience(Millis(200)).count() / 1000.0);
    std::vector<Process> flows;
    flows.reserve(40);
    for (int i = 0; i < 40; i++) {
        flows.push_back(a().ns.start({"ping", "-n", "-q", "-i", pause, b().ip4}));
    }
    stir(10);
    since.wait("cm_timeout", 2, seconds(180));
    stir(10);
    EXPECT_LE(since["cm_req"], since["cm_timeout"] + 1);
    // From the second failure on senders of long packets are told to be brief.
    EXPECT_THAT(
        a().ns.run({"ping", "-n", "-c", "2", "-W", "2", "-M", "do", "-s", "60000", b().ip4}).output,
        HasSubstr("mtu"));
    EXPECT_GE(since["pmtu_sent"], 1U);
    for (auto& flow : flows) {
        flow.kill(SIGINT);
        flow.wait(patience(seconds(30)));
    }
    fault.remove();
    requests.remove();
    // The route remembers what it was told; that is not this case's matter.
    a().ns.must({"ip", "route", "flush", "cache"});
    connect_both();
    wait_traffic();
}

TEST_F(ConnectedFaults, RetriesExceeded) {
    break_connection(kRetryExceeded, "cm_error");
    break_connection(kGeneral, "cm_error");
}

TEST_F(ConnectedFaults, FlushesAloneAreNoticed) {
    break_connection(kFlush, "cm_flushed");
}

TEST_F(ConnectedFaults, PostsThatFail) {
    connect_both();
    const StatsSince since(a().dev);
    const FaultRule fault(fmt::format("post_send hca=0 qp={} nth=3", rc_qpn(a())));
    (void)a().ns.run({"ping", "-n", "-q", "-c", "10", "-i", "0.05", "-W", "1", b().ip4});
    EXPECT_EQ(fault.hits(), 1U);
    since.wait("cm_error", 1);
    wait_traffic();
}

TEST_F(ConnectedFaults, PacketsLostOnTheWireAreRepeated) {
    connect_both();
    const StatsSince since(a().dev);
    FaultRule fault("drop class=rc ppm=20000");
    a().ping(b().ip4, 100, {"-i", "0.01", "-W", "30", "-s", "3000"});
    EXPECT_GE(fault.hits(), 1U);
    fault.remove();
    wait_traffic();
}

TEST_F(ConnectedFaults, ADeadWireBreaksTheConnectionAndNoMore) {
    connect_both();
    const StatsSince since(a().dev);
    FaultRule fault("drop class=rc hca=1");
    (void)a().ns.run({"ping", "-n", "-q", "-c", "3", "-i", "0.1", "-W", "1", b().ip4});
    since.wait("cm_error", 1);
    fault.remove();
    wait_traffic();
}

TEST_F(ConnectedFaults, ReceiversWithoutBuffersHoldTheSenderUp) {
    connect_both();
    const StatsSince since(a().dev);
    const FaultRule fault(fmt::format("rq_empty hca=1 qp={} count=50", rc_qpn(b(), "from")));
    a().ping(b().ip4, 50, {"-i", "0.01", "-W", "30"});
    EXPECT_EQ(fault.hits(), 50U);
    EXPECT_EQ(since["cm_error"], 0U);
    EXPECT_EQ(since["tx_errors"], 0U);
}

TEST_F(ConnectedFaults, QueuePairsThatCannotBeMade) {
    const StatsSince since(a().dev);
    FaultRule fault("create_qp fail hca=0 count=2");
    stir();
    since.wait("cm_no_resources", 1);
    connect_both();
    wait_traffic();
    fault.remove();
}

TEST_F(ConnectedFaults, APeerThatVanishesIsForgotten) {
    connect_both();
    const StatsSince since(a().dev);
    {
        // It cannot say goodbye.
        const FaultRule mute("drop class=cm dir=tx hca=1");
        Fabric::control("remove", "vib1");
    }
    (void)a().ns.run({"ping", "-n", "-q", "-c", "3", "-i", "0.1", "-W", "1", b().ip4});
    since.wait("cm_error", 1);
    Fabric::control("add", "idx=1");
    fabric().wait_active();
    hosts().adopt(1);
    connect_mode(b());
    a().wait_reaches(b().ip4);
    connect_both();
    wait_traffic();
    EXPECT_EQ(cm_lines(a(), {"to", "connected"}), 1U);
}

TEST_F(ConnectedFaults, WithoutSubnetManagerConnectionsGoOn) {
    connect_both();
    opensm().kill();
    ping_whole(a(), b());
    ping_whole(b(), a());
    tcp_transfer(a(), b(), b().ip4, 8 << 20);
    opensm().start();
    opensm().wait_subnet_up();
    wait_traffic();
}

/// The smallest shared receive queue.
class ConnectedSmallRing : public ConnectedHosts {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.driver_params = {{"recv_queue_size", std::to_string(kBuffers)}};
        return options;
    }
    static constexpr int kBuffers = 64;
};

TEST_F(ConnectedSmallRing, RunsOutOfBuffersAndLosesNothing) {
    constexpr uint16_t kPort = 7100;
    connect_both();
    const StatsSince here(a().dev);
    const StatsSince there(b().dev);
    const std::string naks = b().hca + "/rnr_naks";
    const auto before = std::stoul(Fabric::query(naks));
    UdpSocket receiver(b(), kPort, AF_INET);
    UdpSocket sender(a(), 0, AF_INET);
    const auto sent = numbered(1, 4 * kBuffers);
    {
        // Nothing says that packets have come, so a buffer is given back only
        // when the driver looks by itself, once a second.
        const FaultRule deaf(fmt::format("lost_notify hca=1 qp={}", rc_qpn(b(), "from")));
        for (const auto& packet : sent) {
            sender.send(b().ip4, kPort, packet);
        }
        EXPECT_THAT(receive_all(receiver, sent.size(), seconds(60)), ElementsAreArray(sent));
        EXPECT_GE(deaf.hits(), 1U);
    }
    EXPECT_GT(std::stoul(Fabric::query(naks)), before) << "the queue was never empty";
    EXPECT_GE(there["cm_srq_low"], 1U);
    EXPECT_EQ(here["cm_error"] + there["cm_error"], 0U);
    EXPECT_EQ(here["tx_errors"], 0U);
    wait_traffic();
    wait_until("every buffer is back",
               [&] { return cm_number(b(), "buffers") == uint64_t{kBuffers}; });
}

/// HCAs without shared receive queues.
class ConnectedNoSrq : public ConnectedHosts {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.fabric.vib = {{"srq", "0"}};
        options.driver_params = {{"recv_queue_size", "64"}};
        return options;
    }
};

TEST_F(ConnectedNoSrq, CarriesEverything) {
    ping_whole(a(), b());
    ping_whole(b(), a());
    tcp_transfer(a(), b(), b().ip4, 32 << 20);
    tcp_transfer(b(), a(), a().ip4, 32 << 20);
    // Each connection has a ring of its own, refilled by eights.
    EXPECT_GE(cm_number(a(), "posted"), 64U - 7U);
    EXPECT_THAT(driver_dump(a(), "cm"), HasSubstr(" of 64"));
}

TEST_F(ConnectedNoSrq, ReceiversWithoutBuffersHoldTheSenderUp) {
    connect_both();
    const FaultRule fault("rq_empty hca=1 count=50");
    a().ping(b().ip4, 60, {"-i", "0.01", "-W", "30"});
    wait_traffic();
}

/// Nobody accepts a connection.
class ConnectedRefused : public ConnectedNoSrq {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options = ConnectedNoSrq::options();
        options.driver_params["max_nonsrq_conn_qp"] = "0";
        return options;
    }
};

TEST_F(ConnectedRefused, FallsBackToDatagramsWithPauses) {
    const StatsSince since(a().dev);
    const StatsSince there(b().dev);
    const auto start = vmtest::Clock::now();
    a().ping(b().ip4, 100, {"-i", "0.02"});
    since.wait("cm_rejected", 2);
    EXPECT_EQ(since["cm_connected"], 0U);
    there.wait("cm_refused", 2);
    // 1 s after the first, 2 s after the second, and so on: the Nth not before
    // 2^(N-1) - 1 seconds have passed.
    const auto asked = since["cm_req"];
    const auto passed = std::chrono::ceil<seconds>(vmtest::Clock::now() - start);
    EXPECT_LE(uint64_t{1} << (asked - 1), static_cast<uint64_t>(passed.count()) + 1)
        << asked << " requests in " << passed.count() << " s";
    EXPECT_THAT(
        a().ns.run({"ping", "-n", "-c", "2", "-W", "2", "-M", "do", "-s", "60000", b().ip4}).output,
        HasSubstr("mtu"));
    tcp_transfer(a(), b(), b().ip4, 8 << 20);
}

}  // namespace
