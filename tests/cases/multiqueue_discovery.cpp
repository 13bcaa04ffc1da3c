// SPDX-License-Identifier: GPL-2.0-only
// Queue discovery: peers find each other's queues, flows spread over them, and
// neither strangers nor forgers nor lost peers do harm.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <numeric>

#include "cases/lib/faults.h"
#include "cases/lib/queues.h"
#include "cases/lib/traffic.h"
#include "cases/lib/udp_flows.h"
#include "cases/lib/verbs.h"
#include "ipoib_disc_proto.h"

namespace {

using namespace cases;
using testing::HasSubstr;

constexpr int kFlows = 64;

class QueueDiscovery : public MultiQueueHosts {
  protected:
    void SetUp() override {
        MultiQueueHosts::SetUp();
        wait_queues_known(a(), b(), kQueues);
        wait_queues_known(b(), a(), kQueues);
    }

    /// Packets that each queue of the second host receives of 64 new flows.
    std::vector<uint64_t> spread(uint16_t port, int rounds = 20) {
        UdpFlows flows(a(), b(), kFlows, port);
        const StatsSince since(b().dev);
        for (int i = 0; i < rounds; i++) {
            flows.round();
        }
        EXPECT_EQ(flows.received(), flows.sent());
        EXPECT_EQ(flows.disordered(), 0U);
        for (const auto& flow : flows.flows()) {
            EXPECT_EQ(flow.napis.size(), 1U) << "a flow came through several queues";
        }
        return per_queue(since, "rx", "packets");
    }
};

TEST_F(QueueDiscovery, FlowsSpreadEvenlyAndKeepTheirQueueAndOrder) {
    constexpr uint64_t kShare = 64 * 20 / kQueues;
    for (const uint64_t packets : spread(23000)) {
        EXPECT_GE(packets, kShare * 80 / 100);
        EXPECT_LE(packets, kShare * 120 / 100);
    }
}

TEST_F(QueueDiscovery, WeightsOfTheReceiverShiftTheSpread) {
    const StatsSince since(a().dev);
    b().ns.must({"ethtool", "-X", b().dev.name(), "weight", "1", "1", "2", "4"});
    since.wait("discovery_learned", 1);
    const auto got = spread(24000);
    const std::vector<uint64_t> shares = {8, 8, 16, 32};
    for (size_t i = 0; i < shares.size(); i++) {
        // Two flows that hash alike go together.
        EXPECT_NEAR(static_cast<double>(got[i]) / 20, static_cast<double>(shares[i]), 5.0) << i;
    }
    b().ns.must({"ethtool", "-X", b().dev.name(), "equal", "2"});
    since.wait("discovery_learned", 2);
    const auto two = spread(25000);
    EXPECT_LE(two[2] + two[3], 20U);
}

TEST_F(QueueDiscovery, PeersHearOfChangesAtOnce) {
    set_queues(b(), 2);
    wait_queues_known(a(), b(), 2);
    set_queues(b(), 1);
    wait_queues_known(a(), b(), 1);
    UdpFlows flows(a(), b(), kFlows);
    const StatsSince since(b().dev);
    flows.round(4);
    EXPECT_EQ(flows.received(), flows.sent());
    EXPECT_GE(since["rx0_packets"], flows.received());
    set_queues(b(), kQueues);
    wait_queues_known(a(), b(), kQueues);
}

TEST_F(QueueDiscovery, APeerThatIsSwitchedOffIsAskedOnceAndServedAsEver) {
    b().ns.must({"ethtool", "--set-priv-flags", b().dev.name(), "queue-discovery", "off"});
    EXPECT_THAT(b().ns.must({"ethtool", "--show-priv-flags", b().dev.name()}),
                HasSubstr("queue-discovery: off"));
    // As new to each other as they can be: A forgets who asked it.
    a().dev.down();
    for (const char* on : {"off", "on"}) {
        a().ns.must({"ethtool", "--set-priv-flags", a().dev.name(), "queue-discovery", on});
    }
    const StatsSince asker(a().dev);
    const StatsSince stranger(b().dev);
    a().dev.up();
    a().dev.wait_running();
    a().ping(b().ip4);
    stranger.wait("rx*_malformed", 1);
    UdpFlows flows(a(), b(), kFlows);
    for (int i = 0; i < 20; i++) {
        flows.round();
        let_pass(std::chrono::milliseconds(100));
    }
    EXPECT_EQ(flows.received(), flows.sent());
    EXPECT_EQ(asker["discovery_queries"], 1U);
    EXPECT_EQ(stranger["rx*_malformed"], 1U);
    EXPECT_EQ(stranger["discovery_queries"], 0U);
    EXPECT_EQ(stranger["discovery_answers"], 0U);
    EXPECT_GE(stranger["rx0_packets"], flows.received());
    EXPECT_EQ(queues_known(a(), b()), 1);
    EXPECT_EQ(queues_known(b(), a()), 1);
    b().ns.must({"ethtool", "--set-priv-flags", b().dev.name(), "queue-discovery", "on"});
    wait_queues_known(b(), a(), kQueues);
    wait_queues_known(a(), b(), kQueues);
}

TEST_F(QueueDiscovery, APeerThatReturnsWithOtherQueuesIsFoundAgain) {
    Fabric::control("remove", "vib1");
    Fabric::control("add", "idx=1");
    fabric().wait_active();
    hosts().adopt(1);
    a().wait_reaches(b().ip4);
    wait_queues_known(a(), b(), kQueues);
    UdpFlows flows(a(), b(), kFlows);
    flows.round(4);
    EXPECT_EQ(flows.received(), flows.sent());
}

TEST_F(QueueDiscovery, TellsOfQueuesThatChangedWhileItWasDown) {
    b().dev.down();
    set_queues(b(), 1);
    set_queues(b(), 3);
    b().dev.up();
    b().dev.wait_running();
    wait_queues_known(a(), b(), 3);
    UdpFlows flows(a(), b(), kFlows);
    flows.round(4);
    EXPECT_EQ(flows.received(), flows.sent());
}

TEST_F(QueueDiscovery, APeerThatVanishesIsForgottenWithinTheLifetime) {
    const FaultRule silence(
        fmt::format("drop class=ud dir=tx hca=1 qp={}", driver_state(b().dev).queues.at(0).qpn));
    // Packets go on, so that answers are missed.
    UdpFlows flows(a(), b(), 1);
    const auto time = wait_until(
        "what was learned runs out",
        [&] {
            flows.round(1, std::chrono::milliseconds(10));
            return queues_known(a(), b()) <= 1;
        },
        seconds(30));
    EXPECT_GT(time.count(), 1000) << "it was never in use";
}

TEST_F(QueueDiscovery, WhatComesLateIsNotTakenForNews) {
    const uint32_t primary = driver_state(b().dev).queues.at(0).qpn;
    const StatsSince since(a().dev);
    set_queues(b(), 3);
    wait_queues_known(a(), b(), 3);
    {
        // Before it is asked again, half a lifetime later: what comes then is refused
        // for its cookie.
        const FaultRule late(fmt::format("delay ms=4000 class=ud dir=tx hca=1 qp={}", primary));
        set_queues(b(), 2);
        wait_until("the news is on its way", [&] { return late.hits() >= 1; });
    }
    set_queues(b(), kQueues);
    wait_until("later news comes first", [&] { return queues_known(a(), b()) == kQueues; });
    since.wait("discovery_refused", 1);
    EXPECT_EQ(queues_known(a(), b()), kQueues);
}

TEST_F(QueueDiscovery, RepeatedByteForByteItChangesNothing) {
    const std::string all_of_b =
        fmt::format("class=ud dir=tx hca=1 qp={}", driver_state(b().dev).queues.at(0).qpn);
    // At once, with the cookie of the last question, and when others have been
    // asked since: questions come each five seconds.
    const FaultRule at_once("repeat ms=20 " + all_of_b);
    const FaultRule late("repeat ms=7000 " + all_of_b);
    const StatsSince asker(a().dev);
    const StatsSince asked(b().dev);
    UdpFlows flows(a(), b(), kFlows);
    const auto go_on_until = [&](const char* what, const auto& is_true) {
        wait_until(
            what,
            [&] {
                flows.round();
                // Its questions are repeated too.
                (void)b().ns.run({"ping", "-n", "-q", "-c", "1", "-W", "1", a().ip4});
                return is_true();
            },
            seconds(60));
    };
    go_on_until("more has been refused than what came at once",
                [&] { return asker["discovery_refused"] > asked["discovery_answers"]; });
    EXPECT_EQ(queues_known(a(), b()), kQueues);
    EXPECT_LE(asker["discovery_learned"], asked["discovery_answers"]);

    // What was true a moment ago.
    set_queues(b(), 2);
    wait_queues_known(a(), b(), 2);
    const auto refused = asker["discovery_refused"];
    const auto answers = asked["discovery_answers"];
    go_on_until("answers of before have come and were refused", [&] {
        return asker["discovery_refused"] - refused > asked["discovery_answers"] - answers + 1;
    });
    EXPECT_EQ(queues_known(a(), b()), 2);
    EXPECT_EQ(flows.received(), flows.sent());
    EXPECT_EQ(asker["discovery_bad"] + asked["discovery_bad"], 0U);
}

/// A third HCA whose processes send what they like to the first host.
class ForgedDiscovery : public QueueDiscovery {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options = QueueDiscovery::options();
        options.fabric.nhca = 3;
        return options;
    }

    void SetUp() override {
        QueueDiscovery::SetUp();
        before_ = driver_state(a().dev);
        lid_ = static_cast<uint16_t>(port_lid(a().hca));
        forger_ = std::make_unique<UdSender>(hosts()[2].hca, before_.qkey);
        since_ = std::make_unique<StatsSince>(a().dev);
    }

    void TearDown() override {
        forger_.reset();
        QueueDiscovery::TearDown();
    }

    static void put_address(u8* to, const Host& host) {
        std::istringstream text(host.dev.state().address);
        std::string byte;
        for (int i = 0; std::getline(text, byte, ':'); i++) {
            to[i] = static_cast<u8>(std::stoul(byte, nullptr, 16));
        }
    }

    /// An answer of the second host that was never asked for.
    [[nodiscard]] ipoib_disc_msg advert() {
        ipoib_disc_msg m{};
        m.type = IPOIB_DISC_ADVERTISE;
        m.cookie = 0x1122334455667788;
        put_address(m.target, b());
        m.generation = 0x7fffffff;
        m.lifetime = 3600;
        m.n = 2;
        m.buckets = 2;
        m.qpn[0] = ipoib_hw_qpn(m.target);
        m.qpn[1] = m.qpn[0] + 1000;
        m.table[1] = 1;
        return m;
    }

    static std::vector<uint8_t> encode(const ipoib_disc_msg& m) {
        std::vector<uint8_t> bytes(IPOIB_DISC_MAX_LEN);
        bytes.resize(ipoib_disc_encode(&m, bytes.data()));
        return bytes;
    }

    void send(const std::vector<uint8_t>& message, size_t queue = 0) {
        std::vector<uint8_t> frame = {IPOIB_DISC_ETHERTYPE >> 8, IPOIB_DISC_ETHERTYPE & 0xff, 0, 0};
        frame.insert(frame.end(), message.begin(), message.end());
        const UdAddress to{.qpn = before_.queues.at(queue).qpn, .dlid = lid_, .gid = std::nullopt};
        ASSERT_EQ(forger_->send(to, before_.qkey, frame), IBV_WC_SUCCESS);
    }

    [[nodiscard]] const StatsSince& since() const { return *since_; }

    /// All is as it was, but for the counters.
    void expect_unharmed() {
        // Nothing was sent to the second host; asked again, it says the same.
        wait_queues_known(a(), b(), kQueues);
        EXPECT_EQ(driver_state(a().dev).queues.at(0).qpn, before_.queues.at(0).qpn);
        EXPECT_EQ(since()["qp_recovered"], 0U);
        a().ping(b().ip4);
        b().ping(a().ip6);
    }

  private:
    DriverState before_;
    uint16_t lid_ = 0;
    std::unique_ptr<UdSender> forger_;
    std::unique_ptr<StatsSince> since_;
};

TEST_F(ForgedDiscovery, AnswersThatNobodyAskedForAreRefused) {
    send(encode(advert()));
    since().wait("discovery_refused", 1);
    // Of a neighbour that does not exist.
    auto m = advert();
    m.target[19] ^= 0xff;
    send(encode(m));
    since().wait("discovery_refused", 2);
    expect_unharmed();
}

TEST_F(ForgedDiscovery, QuestionsForOthersOrOfOthersAreRefused) {
    ipoib_disc_msg m{};
    m.type = IPOIB_DISC_QUERY;
    m.cookie = 1;
    put_address(m.target, b());
    put_address(m.asker, b());
    send(encode(m));
    since().wait("discovery_refused", 1);
    // In the name of the second host, which would get the answer.
    put_address(m.target, a());
    const auto answers = since()["discovery_answers"];
    send(encode(m));
    since().wait("discovery_refused", 2);
    EXPECT_LE(since()["discovery_answers"], answers + 1) << "but for true ones";
    expect_unharmed();
}

TEST_F(ForgedDiscovery, MessagesThatAreNoneOnlyCount) {
    uint64_t bad = 0;
    const auto whole = encode(advert());
    for (size_t length = 1; length <= whole.size() + 64; length += 7) {
        auto cut = whole;
        cut.resize(length);
        send(cut);
        bad += length == whole.size() ? 0 : 1;
    }
    for (const size_t at : {0, 3, 4, 5, 6, 42, 43, 44, 52}) {
        auto other = whole;
        other[at] ^= 0x55;
        send(other);
        bad++;
    }
    std::vector<uint8_t> huge(2000, 0xff);
    send(huge);
    bad++;
    // Only the primary is spoken to.
    send(whole, 1);
    bad++;
    since().wait("discovery_bad", bad);
    EXPECT_EQ(since()["discovery_bad"], bad);
    EXPECT_EQ(since()["rx*_malformed"], 0U);
    expect_unharmed();
}

TEST_F(ForgedDiscovery, AFloodIsBounded) {
    const auto message = encode(advert());
    for (int i = 0; i < 500; i++) {
        send(message);
    }
    wait_until("the flood is dealt with",
               [&] { return since()["discovery_refused"] + since()["discovery_overrun"] >= 500; });
    expect_unharmed();
}

}  // namespace
