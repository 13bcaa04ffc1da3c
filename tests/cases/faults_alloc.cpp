// SPDX-License-Identifier: GPL-2.0-only
// RDMA objects that cannot be created: whatever asked for them works on retry or
// says why not, and nothing is left behind.
#include <fmt/format.h>

#include "cases/lib/driver_state.h"
#include "cases/lib/faults.h"
#include "cases/lib/kernel_log.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;

/// More creations than there are when an interface is made and brought up.
constexpr int kMostCreations = 16;

/// A fabric with an OpenSM, and the driver to be loaded by the case. The faults
/// strike the second HCA.
class AllocationFaults : public testing::Test {
  protected:
    void SetUp() override {
        fabric_ = std::make_unique<Fabric>();
        opensm_ = std::make_unique<OpenSm>("vib0");
        opensm_->wait_subnet_up();
        fabric_->wait_active();
        before_ = rdma_resources("vib1");
    }
    void TearDown() override {
        expect_nothing_left();
        opensm_->stop();
        fabric_->unload();
    }

    void expect_nothing_left() { EXPECT_EQ(rdma_resources("vib1"), before_); }

    /// Loads the driver and brings the interface of the second HCA up while the
    /// fault is in force. Returns true when it strikes.
    bool attempt(const std::string& fault) {
        const KernelLogMark messages;
        FaultRule rule(fault + " hca=1");
        Module driver = Module::built("ib_ipoib");
        const auto dev = find_ipoib("vib1");
        if (dev) {
            dev->up();
            dev->wait_running(seconds(120));
            wait_rings_at_rest(*dev);
        } else {
            EXPECT_NE(messages.text().find("no IPoIB interface on port 1"), std::string::npos)
                << fault << "\n"
                << messages.text();
        }
        EXPECT_TRUE(find_ipoib("vib0").has_value()) << "the other HCA's interface";
        const bool struck = rule.hits() > 0;
        if (dev) {
            dev->down();
        }
        driver.unload();
        expect_nothing_left();
        return struck;
    }

    /// Fails the first creation, then the second, and so on, until one pass has
    /// no more to fail.
    void fail_each(const std::string& action) {
        int n = 1;
        while (n <= kMostCreations && attempt(fmt::format("{} nth={}", action, n))) {
            n++;
        }
        EXPECT_GT(n, 1) << action << " never struck";
        EXPECT_LE(n, kMostCreations) << action << " strikes for ever";
    }

    Fabric& fabric() { return *fabric_; }

  private:
    std::unique_ptr<Fabric> fabric_;
    std::unique_ptr<OpenSm> opensm_;
    std::map<std::string, unsigned> before_;
};

TEST_F(AllocationFaults, QueuePairsFromTheFirstToTheLast) {
    fail_each("create_qp");
}

TEST_F(AllocationFaults, CompletionQueuesFromTheFirstToTheLast) {
    fail_each("create_cq");
}

TEST_F(AllocationFaults, AddressHandlesFromTheFirstToTheLast) {
    fail_each("create_ah");
}

TEST_F(AllocationFaults, WithoutQueuesThereIsNoInterfaceAndAReason) {
    for (const char* action : {"create_qp", "create_cq"}) {
        const KernelLogMark messages;
        FaultRule rule(fmt::format("{} hca=1", action));
        Module driver = Module::built("ib_ipoib");
        EXPECT_FALSE(find_ipoib("vib1").has_value()) << action;
        EXPECT_TRUE(find_ipoib("vib0").has_value()) << action;
        messages.wait_for("creating the queues: -12");
        messages.wait_for("no IPoIB interface on port 1: -12");
        driver.unload();
        expect_nothing_left();
        rule.remove();
        EXPECT_FALSE(attempt("create_qp nth=1000"));
    }
}

TEST_F(AllocationFaults, AnHcaThatComesLaterFailsAlone) {
    Module driver = Module::built("ib_ipoib");
    for (const char* action : {"create_qp", "create_cq"}) {
        const KernelLogMark messages;
        // Its management queues exist before the driver hears of it.
        FaultRule rule(fmt::format("{} hca=2 skip=2", action));
        try {
            Fabric::control("add", "idx=2");
            messages.wait_for("vib2: no IPoIB interface on port 1: -12");
        } catch (const std::system_error&) {
            ADD_FAILURE() << "the HCA itself did not come: " << messages.text();
        }
        EXPECT_FALSE(find_ipoib("vib2").has_value());
        rule.remove();
        Fabric::control("remove", "2");
        Fabric::control("add", "idx=2");
        EXPECT_TRUE(find_ipoib("vib2").has_value());
        Fabric::control("remove", "2");
    }
    driver.unload();
}

class AllocationFaultsUp : public TwoHosts {};

TEST_F(AllocationFaultsUp, FirstPacketWaitsForItsAddressHandle) {
    // Groups need handles as well, and are given up sooner.
    wait_groups_joined(b().dev);
    // Takes the address of its neighbour as known, so that the packet goes to it.
    b().ns.must({"ip", "neigh", "replace", a().ip4, "lladdr", a().dev.state().address, "dev",
                 b().dev.name(), "nud", "permanent"});
    const StatsSince since(b().dev);
    const FaultRule rule("create_ah hca=1 count=2");
    b().ping(a().ip4, 1, {"-W", "120"});
    EXPECT_EQ(rule.hits(), 2U);
    EXPECT_EQ(since["parked_purged"], 0U);
    b().ping(a().ip4);
}

TEST_F(AllocationFaultsUp, PacketsWithoutAddressHandleAreGivenUpAndCounted) {
    b().ns.must({"ip", "neigh", "replace", a().ip4, "lladdr", a().dev.state().address, "dev",
                 b().dev.name(), "nud", "permanent"});
    const StatsSince since(b().dev);
    FaultRule rule("create_ah hca=1");
    EXPECT_FALSE(b().ns.run({"ping", "-n", "-c", "3", "-W", "1", a().ip4}).ok());
    since.wait("parked_purged", 3, seconds(120));
    EXPECT_GE(rule.hits(), 2U);
    rule.remove();
    b().ping(a().ip4, 1, {"-W", "120"});
    b().ping(a().ip4);
}

TEST_F(AllocationFaultsUp, BringingUpWaitsForItsAddressHandle) {
    b().dev.down();
    wait_nothing_held(b().dev);
    FaultRule rule("create_ah hca=1");
    const StatsSince since(b().dev);
    b().dev.up();
    since.wait("join_failed", 2);
    EXPECT_FALSE(b().dev.state().carrier);
    rule.remove();
    b().dev.wait_running(seconds(120));
    b().ping(a().ip4);
}

}  // namespace
