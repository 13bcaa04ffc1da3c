// SPDX-License-Identifier: GPL-2.0-only
// Completions in error, posts that fail, completion events that get lost and
// receives without a buffer: the queue comes back by itself and says why.
#include <fmt/format.h>
#include <sys/socket.h>

#include "cases/lib/driver_state.h"
#include "cases/lib/faults.h"
#include "cases/lib/kernel_log.h"
#include "cases/lib/traffic.h"

namespace {

using namespace cases;

constexpr uint64_t kGoesOn = 4 << 20;

/// The faults strike the queues of the first host.
class CompletionFaults : public TwoHosts {
  protected:
    void SetUp() override {
        TwoHosts::SetUp();
        a().ping(b().ip4);
    }

    void TearDown() override {
        if (!testing::Test::HasFailure()) {
            wait_rings_at_rest(a().dev);
            wait_rings_at_rest(b().dev);
            // A send that was lost track of would hold its address handle.
            a().dev.down();
            wait_nothing_held(a().dev);
        }
        TwoHosts::TearDown();
    }

    [[nodiscard]] FaultRule rule(const std::string& action, const std::string& more) {
        return FaultRule(fmt::format("{} hca=0 {}", action, more));
    }

    /// Packets both ways, of which some may be lost.
    void stir(int count = 20) {
        (void)a().ns.run(
            {"ping", "-n", "-q", "-c", std::to_string(count), "-i", "0.02", "-W", "1", b().ip4});
    }

    /// Waits until packets come through again; from then on all must.
    void wait_traffic() {
        a().wait_reaches(b().ip4);
        a().ping(b().ip4, 5);
        b().ping(a().ip4, 5);
    }

    void strike_sends(int status) {
        const StatsSince since(a().dev);
        const FaultRule fault = rule("wc_status", fmt::format("side=send status={}", status));
        stir();
        EXPECT_EQ(fault.hits(), 1U) << "status " << status;
        since.wait("qp_recovered", 1);
        EXPECT_GE(since["tx*_errors"], 1U) << "status " << status;
        wait_traffic();
    }

    void strike_receives(int status) {
        const StatsSince since(a().dev);
        const FaultRule fault = rule("wc_status", fmt::format("side=recv status={}", status));
        stir();
        EXPECT_EQ(fault.hits(), 1U) << "status " << status;
        since.wait("qp_recovered", 1);
        wait_traffic();
        wait_rings_at_rest(a().dev);
    }
};

TEST_F(CompletionFaults, SendsInErrorAreRecoveredFrom) {
    const KernelLogMark messages;
    for (const int status : {kLocLen, kLocQpOp, kLocProt, kLocAccess, kRetryExceeded, kFatal,
                             kResponseTimeout, kGeneral}) {
        strike_sends(status);
    }
    // Of either queue: a hash that differs from boot to boot chooses.
    messages.wait_for(": send queue ");
}

TEST_F(CompletionFaults, ReceivesInErrorAreRecoveredFrom) {
    for (const int status : {kLocLen, kLocQpOp, kLocProt, kLocAccess, kFatal, kGeneral}) {
        strike_receives(status);
    }
}

// A queue pair that went to its error state without a first cause to report.
TEST_F(CompletionFaults, FlushedSendsOfALiveQueueAreRecoveredFrom) {
    strike_sends(kFlush);
}

TEST_F(CompletionFaults, ManyErrorsInARow) {
    const StatsSince since(a().dev);
    FaultRule sends = rule("wc_status", fmt::format("side=send status={} every=7", +kGeneral));
    FaultRule receives = rule("wc_status", fmt::format("side=recv status={} every=11", +kGeneral));
    stir(300);
    EXPECT_GE(sends.hits(), 3U);
    EXPECT_GE(receives.hits(), 3U);
    sends.remove();
    receives.remove();
    since.wait("qp_recovered", 2);
    wait_traffic();
}

TEST_F(CompletionFaults, ErrorsUnderTcp) {
    const StatsSince since(a().dev);
    const StatsSince there(b().dev);
    const TcpLoad load(a(), b(), b().ip4);
    FaultRule sends = rule("wc_status", fmt::format("side=send status={} every=300", +kGeneral));
    FaultRule receives = rule("wc_status", fmt::format("side=recv status={} every=300", +kGeneral));
    FaultRule posts = rule("post_send", "every=311");
    wait_until(
        "every fault strikes twice",
        [&] { return sends.hits() >= 2 && receives.hits() >= 2 && posts.hits() >= 2; },
        seconds(120));
    sends.remove();
    receives.remove();
    posts.remove();
    // The connection has survived.
    there.wait("rx_bytes", there["rx_bytes"] + kGoesOn, seconds(120));
    since.wait("qp_recovered", 1);
    wait_traffic();
}

TEST_F(CompletionFaults, PostsThatFailAreCountedAndNothingStays) {
    for (const char* which : {"nth=1", "nth=2", "nth=7", "count=3", "skip=2 every=2 count=4"}) {
        const StatsSince since(a().dev);
        const FaultRule fault = rule("post_send", which);
        stir();
        EXPECT_GE(fault.hits(), 1U) << which;
        since.wait("tx*_errors", fault.hits());
        wait_traffic();
        wait_rings_at_rest(a().dev);
    }
}

TEST_F(CompletionFaults, PostsThatFailInsideAChain) {
    // A burst from one socket is handed over in chains; where they are cut is the
    // stack's choice, so the fault strikes at many places. It begins when the
    // flood runs: what iperf3 says to its server before that is not sent twice.
    auto server = b().ns.start({"iperf3", "-s", "-1"});
    wait_until("iperf3 listens", [&] {
        return b().ns.run({"ss", "-ltn"}).output.find(":5201") != std::string::npos;
    });
    const StatsSince since(a().dev);
    auto client =
        a().ns.start({"iperf3", "-c", b().ip4, "-u", "-b", "0", "-l", "1000", "-t", "120"});
    since.wait("tx*_packets", 1000);
    FaultRule fault = rule("post_send", "every=13");
    wait_until(
        "the fault strikes often", [&] { return fault.hits() >= 50; }, seconds(120));
    fault.remove();
    client.stop();
    server.stop();
    EXPECT_GE(since["tx*_errors"], 50U);
    wait_traffic();
}

TEST_F(CompletionFaults, LostNotificationsOnlyDelay) {
    for (const char* more : {"count=1", "count=10", ""}) {
        const FaultRule fault = rule("lost_notify", more);
        for (int i = 0; i < 3; i++) {
            // One question: answers of several could overtake each other, as
            // the queues are looked after one by one.
            a().ping(b().ip4, 1, {"-W", "120", "-i", "120"});
        }
        EXPECT_GE(fault.hits(), 1U);
    }
    a().ping(b().ip4);
}

TEST_F(CompletionFaults, LostNotificationsWithFullSendRing) {
    a().ns.must({"ethtool", "-G", a().dev.name(), "tx", "64"});
    const StatsSince since(a().dev);
    FaultRule fault = rule("lost_notify", "");
    // More than the ring holds, without waiting for answers.
    a().ns.must({"ping", "-n", "-q", "-f", "-c", "200", "-W", "120", "-i", "0.001", b().ip4},
                seconds(300));
    EXPECT_GE(fault.hits(), 1U);
    EXPECT_GE(since["tx*_packets"], 200U);
    fault.remove();
    wait_traffic();
}

TEST_F(CompletionFaults, AStuckSendQueueTimesOutAndSaysWhy) {
    a().ns.must({"ethtool", "-G", a().dev.name(), "tx", "64"});
    const KernelLogMark messages;
    const StatsSince since(a().dev);
    FaultRule fault = rule("stall", "");
    for (int i = 0; i < 100; i++) {
        UdpSocket(a(), 0, AF_INET).send(b().ip4, 7777, "fills the ring");
    }
    since.wait("tx_timeout", 1, seconds(120));
    messages.wait_for(" stuck for");
    messages.wait_for(" of 64 sends in flight");
    fault.remove();
    wait_traffic();
    EXPECT_GE(since["qp_recovered"], 1U);
    EXPECT_GE(since["tx*_errors"], 1U);
}

TEST_F(CompletionFaults, ReceivesWithoutBufferAreJustLost) {
    const FaultRule fault = rule("rq_empty", "count=50");
    stir(100);
    EXPECT_EQ(fault.hits(), 50U);
    wait_traffic();
}

TEST_F(CompletionFaults, AFatalErrorOfTheHcaIsRecoveredFrom) {
    const KernelLogMark messages;
    auto flood = b().ns.start({"ping", "-n", "-q", "-f", a().ip4});
    Fabric::control("vib0/fatal", "1");
    messages.wait_for("device fatal error");
    a().dev.wait_running();
    flood.kill(SIGINT);
    flood.wait(patience(seconds(30)));
    wait_traffic();
}

}  // namespace
