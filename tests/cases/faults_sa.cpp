// SPDX-License-Identifier: GPL-2.0-only
// A subnet administrator that is silent, late, unwilling or not there: nothing
// is lost that can wait, what is given up is counted, nobody is flooded with
// questions, and everything comes back by itself.
#include <fmt/format.h>
#include <sys/socket.h>

#include "cases/lib/driver_state.h"
#include "cases/lib/faults.h"
#include "cases/lib/kernel_log.h"
#include "cases/lib/traffic.h"

namespace {

using namespace cases;
using vmtest::Clock;

/// Words of fault rules for what goes to and from the second host.
constexpr const char* kPathAnswers = "class=sa hca=1 attr=0x35";
constexpr const char* kPathQueries = "class=sa hca=1 dir=tx attr=0x35";
constexpr const char* kGroupAnswers = "class=sa hca=1 attr=0x38";
constexpr const char* kGroupQueries = "class=sa hca=1 dir=tx attr=0x38";
/// An MCMemberRecord is deleted: the answer's method.
constexpr const char* kLeaveAnswers = "class=sa hca=1 attr=0x38 method=0x95";

constexpr const char* kGroupName = "ff12:401b:ffff:0000:0000:0000:0f01:0203";

FaultRule rule(const std::string& action, const std::string& words, const std::string& more = "") {
    return FaultRule(fmt::format("{} {} {}", action, words, more));
}

/// Judges the number of questions in the time since it was made. The kernel
/// repeats an unanswered question up to ten times a second; a driver that asks
/// again at once, or once per packet, makes thousands.
class NoStorm {
  public:
    explicit NoStorm(const std::string& words) : counter_(FaultRule::counter(words)) {}

    void check() const {
        const auto passed = std::chrono::duration_cast<seconds>(Clock::now() - start_);
        const auto most = 40 + 30 * static_cast<uint64_t>(passed.count());
        EXPECT_LE(counter_.seen(), most) << "questions in " << passed.count() << " s";
    }
    [[nodiscard]] uint64_t asked() const { return counter_.seen(); }

  private:
    FaultRule counter_;
    Clock::time_point start_ = Clock::now();
};

/// The second host is the one whose answers suffer; OpenSM is on the first.
class SaFaults : public TwoHosts {
  protected:
    void SetUp() override {
        TwoHosts::SetUp();
        stats_ = std::make_unique<StatsSince>(b().dev);
    }

    /// One packet that may wait long, and must then arrive.
    void patient_ping() { b().ping(a().ip4, 1, {"-W", "120"}); }
    [[nodiscard]] StatsSince& stats() { return *stats_; }

    /// Forgets the way to the first host: the next packet asks for it.
    void restart_b() {
        b().dev.down();
        b().dev.up();
    }

  private:
    std::unique_ptr<StatsSince> stats_;
};

TEST_F(SaFaults, LostPathAnswersDelayThePacketAndLoseNone) {
    const NoStorm storm(kPathQueries);
    // More than the kernel's own repetitions make good.
    const FaultRule lost = rule("drop", kPathAnswers, "count=25");
    patient_ping();
    EXPECT_EQ(lost.hits(), 25U);
    EXPECT_GE(stats()["path_failed"], 1U);
    EXPECT_GE(stats()["path_miss"], 1U);
    EXPECT_EQ(stats()["parked_purged"], 0U);
    storm.check();
    b().ping(a().ip4);
}

TEST_F(SaFaults, PathsNeverAnsweredAreGivenUpAndCounted) {
    const NoStorm storm(kPathQueries);
    FaultRule lost = rule("drop", kPathAnswers);
    // One ARP entry, so that only packets of the ping wait for the path.
    b().ns.must({"ip", "neigh", "replace", a().ip4, "lladdr", a().dev.state().address, "dev",
                 b().dev.name(), "nud", "permanent"});
    EXPECT_FALSE(b().ns.run({"ping", "-n", "-c", "5", "-i", "0.2", "-W", "1", a().ip4}).ok());
    stats().wait("parked_purged", 5, seconds(120));
    EXPECT_GE(stats()["tx_dropped"], 5U);
    EXPECT_GE(stats()["path_failed"], 2U);
    EXPECT_GE(storm.asked(), 2U);
    storm.check();
    lost.remove();
    patient_ping();
    b().ping(a().ip4);
}

TEST_F(SaFaults, ManyPacketsToANeighbourWithoutPathAskOnce) {
    FaultRule lost = rule("drop", kPathAnswers);
    const NoStorm storm(kPathQueries);
    b().ns.must({"ip", "neigh", "replace", a().ip4, "lladdr", a().dev.state().address, "dev",
                 b().dev.name(), "nud", "permanent"});
    // From several sockets: one alone may not have so much on its way.
    for (int socket = 0; socket < 10; socket++) {
        UdpSocket sender(b(), 0, AF_INET);
        for (int i = 0; i < 60; i++) {
            sender.send(a().ip4, 7777, "waits for a path");
        }
    }
    // The queue is bounded, and what does not fit is counted.
    EXPECT_GE(stats()["parked_queue_full"], 400U);
    EXPECT_LE(stats()["path_miss"], 150U);
    EXPECT_GE(stats()["tx_dropped"], 400U);
    storm.check();
    lost.remove();
    // Until the path is found there is no room for one packet more.
    b().wait_reaches(a().ip4);
    b().ping(a().ip4);
}

TEST_F(SaFaults, RefusedPathsAreAskedForAgain) {
    for (const char* status : {"0x0001", "0x0100", "0x0300"}) {
        // While it is down: the first host may look for it as soon as it is up.
        b().dev.down();
        const StatsSince since(b().dev);
        const NoStorm storm(kPathQueries);
        const FaultRule refused =
            rule("reject", kPathAnswers, fmt::format("status={} count=2", status));
        b().dev.up();
        b().dev.wait_running();
        patient_ping();
        EXPECT_EQ(refused.hits(), 2U) << status;
        EXPECT_GE(since["path_failed"], 2U) << status;
        EXPECT_EQ(since["parked_purged"], 0U) << status;
        storm.check();
    }
}

TEST_F(SaFaults, LatePathAnswersDoNoHarm) {
    const NoStorm storm(kPathQueries);
    const FaultRule late = rule("delay", kPathAnswers, "ms=4000 count=12");
    patient_ping();
    EXPECT_GE(late.hits(), 2U);
    EXPECT_GE(stats()["path_failed"], 1U);
    storm.check();
    // The rest of them come while the interface goes down and up.
    restart_b();
    b().dev.wait_running();
    let_pass(seconds(5));
    patient_ping();
}

TEST_F(SaFaults, LostBroadcastJoinsOnlyDelayTheLink) {
    b().dev.down();
    const NoStorm storm(kGroupQueries);
    FaultRule lost = rule("drop", kGroupAnswers);
    b().dev.up();
    wait_until("the join is asked for", [&] { return lost.hits() >= 2; });
    EXPECT_FALSE(b().dev.state().carrier);
    EXPECT_EQ(driver_state(b().dev).oper, "joining");
    storm.check();
    lost.remove();
    b().dev.wait_running(seconds(120));
    b().ping(a().ip4);
}

TEST_F(SaFaults, RefusedBroadcastJoinsOnlyDelayTheLink) {
    for (const char* status : {"0x0001", "0x0100", "0x0200"}) {
        b().dev.down();
        const KernelLogMark messages;
        const StatsSince since(b().dev);
        const NoStorm storm(kGroupQueries);
        FaultRule refused = rule("reject", kGroupAnswers, fmt::format("status={}", status));
        b().dev.up();
        since.wait("join_failed", 4);
        EXPECT_FALSE(b().dev.state().carrier) << status;
        messages.wait_for("cannot join the broadcast group");
        storm.check();
        refused.remove();
        b().dev.wait_running(seconds(120));
    }
    b().ping(a().ip4);
}

TEST_F(SaFaults, LateBroadcastJoinsDoNoHarm) {
    b().dev.down();
    const NoStorm storm(kGroupQueries);
    const FaultRule late = rule("delay", kGroupAnswers, "ms=5000 count=3");
    b().dev.up();
    b().dev.wait_running(seconds(120));
    EXPECT_GE(late.hits(), 1U);
    storm.check();
    b().ping(a().ip4);
}

TEST_F(SaFaults, AGroupThatIsRefusedDoesNotTouchTheOthers) {
    const NoStorm storm(kGroupQueries);
    FaultRule refused =
        rule("reject", kGroupAnswers, fmt::format("status=0x0200 mgid={}", kGroupName));
    UdpSocket listener(b(), 0, AF_INET);
    listener.join("239.1.2.3", b());
    stats().wait("join_failed", 2);
    EXPECT_TRUE(b().dev.state().carrier);
    b().ping(a().ip4);
    storm.check();
    refused.remove();
    wait_until(
        "the group is joined",
        [&] {
            const std::string dump = driver_dump(b().dev, "mcg");
            return dump.find(std::string(kGroupName) + " full member attached") !=
                   std::string::npos;
        },
        seconds(120));
}

TEST_F(SaFaults, PacketsToAGroupThatIsRefusedAreCounted) {
    const NoStorm storm(kGroupQueries);
    FaultRule refused =
        rule("reject", kGroupAnswers, fmt::format("status=0x0200 mgid={}", kGroupName));
    b().ns.must({"ip", "route", "add", "239.0.0.0/8", "dev", b().dev.name()});
    // Nobody answers; the packets count.
    const auto flood = [&] {
        return b().ns.run({"ping", "-n", "-q", "-c", "50", "-i", "0.02", "-W", "1", "239.1.2.3"});
    };
    EXPECT_FALSE(flood().ok());
    wait_until("every packet is accounted for",
               [&] { return stats()["parked_purged"] + stats()["no_address_handle"] >= 50; });
    EXPECT_GE(stats()["join_failed"], 1U);
    storm.check();
    refused.remove();
    wait_until(
        "the group is joined send-only",
        [&] {
            (void)b().ns.run({"ping", "-n", "-q", "-c", "1", "-W", "1", "239.1.2.3"});
            return driver_dump(b().dev, "mcg").find(std::string(kGroupName) + " sendonly member") !=
                   std::string::npos;
        },
        seconds(120));
}

TEST_F(SaFaults, LeavingWithoutAnswersEnds) {
    FaultRule lost = rule("drop", kLeaveAnswers);
    restart_b();
    b().dev.wait_running(seconds(120));
    b().ping(a().ip4);
    // TearDown unloads the driver while the answers still stay away.
    b().dev.down();
    hosts().driver().unload(seconds(180));
    EXPECT_GE(lost.hits(), 1U);
}

TEST(SaAbsent, TheLinkComesUpWhenTheSubnetManagerDoes) {
    Fabric fabric;
    Module driver = Module::built("ib_ipoib");
    const Netdev dev = wait_ipoib("vib1");
    dev.up();
    let_pass(seconds(3));
    EXPECT_TRUE(dev.state().flags != 0 && !dev.state().carrier);
    OpenSm opensm("vib0");
    opensm.wait_subnet_up();
    dev.wait_running(seconds(120));
    dev.down();
    driver.unload();
    opensm.stop();
    fabric.unload();
}

TEST(SaAbsent, TheDriverGoesWithoutOneToo) {
    Fabric fabric;
    Module driver = Module::built("ib_ipoib");
    const Netdev dev = wait_ipoib("vib1");
    dev.up();
    let_pass(seconds(1));
    driver.unload();
    fabric.unload();
}

}  // namespace
