// SPDX-License-Identifier: GPL-2.0-only
// Memory that cannot be had: every allocation of an operation fails once, one
// after the other. The operation works all the same or says why not, works when
// it is repeated, and leaves nothing behind.
#include "cases/lib/failslab.h"

#include "cases/lib/connected.h"
#include "cases/lib/driver_state.h"
#include "cases/lib/feature.h"
#include "cases/lib/kernel_log.h"
#include "cases/lib/queues.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;

/// More than any operation has.
constexpr unsigned kMost = 800;

/// A fabric with an OpenSM that is quiet once the subnet is up, and no driver.
class FailslabLoad : public testing::Test {
  protected:
    void SetUp() override {
        REQUIRE_FEATURE("failslab");
        fabric_ = std::make_unique<Fabric>(FabricOptions{.nhca = 1});
        opensm_ = std::make_unique<OpenSm>("vib0", OpenSmOptions{.config = "sweep_interval 0\n"});
        opensm_->wait_subnet_up();
        fabric_->wait_active();
    }
    void TearDown() override {
        if (opensm_) {
            opensm_->stop();
            fabric_->unload();
        }
    }

    /// The HCA has its interface, or the kernel log says why not.
    static void expect_interface_or_reason(const std::string& hca, const KernelLogMark& messages) {
        if (!find_ipoib(hca)) {
            EXPECT_NE(messages.text().find(hca + ": no IPoIB interface"), std::string::npos)
                << messages.text();
        }
    }

    /// Loads the driver without a fault: all is well.
    static void load_well() {
        Module driver = Module::built("ib_ipoib");
        const Netdev dev = wait_ipoib("vib0");
        dev.up();
        dev.wait_running();
        dev.down();
        driver.unload();
    }

    static void load_with(FailOne& fault) {
        const KernelLogMark messages;
        std::optional<Module> driver;
        try {
            driver = Module::built("ib_ipoib");
        } catch (const std::runtime_error& error) {
            EXPECT_NE(std::string(error.what()).find("Cannot allocate memory"), std::string::npos)
                << error.what();
        }
        fault.end();
        if (driver) {
            expect_interface_or_reason("vib0", messages);
            driver->unload();
        }
        EXPECT_FALSE(Module::loaded("ib_ipoib"));
    }

    Fabric& fabric() { return *fabric_; }

  private:
    std::unique_ptr<Fabric> fabric_;
    std::unique_ptr<OpenSm> opensm_;
};

/// There are hundreds, and each takes an interface that comes and goes: a part of
/// them.
class FailslabObjects : public FailslabLoad, public testing::WithParamInterface<unsigned> {
  protected:
    static EachNth part() { return {.first = GetParam(), .step = 4}; }
};

TEST_P(FailslabObjects, OfLoading) {
    Module::built("ib_ipoib").unload();
    fail_each(Allocation::kSlab, CodeRange::of_all_modules(), kMost, load_with, part());
    load_well();
}

TEST_P(FailslabObjects, OfAnHcaThatComesLater) {
    Module driver = Module::built("ib_ipoib");
    const auto code = CodeRange::of_module("ib_ipoib");
    const auto operation = [](FailOne& fault) {
        const KernelLogMark messages;
        Fabric::control("add", "idx=2");
        fault.end();
        expect_interface_or_reason("vib2", messages);
        Fabric::control("remove", "2");
    };
    fail_each(Allocation::kSlab, code, kMost, operation, part());
    Fabric::control("add", "idx=2");
    EXPECT_TRUE(find_ipoib("vib2").has_value());
    Fabric::control("remove", "2");
    driver.unload();
}

INSTANTIATE_TEST_SUITE_P(Part, FailslabObjects, testing::Values(1U, 2U, 3U, 4U));

TEST_F(FailslabLoad, LoadingPageByPage) {
    Module::built("ib_ipoib").unload();
    fail_each(Allocation::kPages, CodeRange::of_all_modules(), kMost, load_with);
    load_well();
}

/// Two hosts that talk; the second one is short of memory.
class Failslab : public TwoHosts {
  protected:
    void SetUp() override {
        REQUIRE_FEATURE("failslab");
        TwoHosts::SetUp();
    }

    /// Does @p operation for each allocation, and says whether all is well after
    /// each.
    void fail_each_of(const std::function<void(FailOne&)>& operation) {
        const auto code = CodeRange::of_module("ib_ipoib");
        for (const auto what : {Allocation::kSlab, Allocation::kPages}) {
            fail_each(what, code, kMost, [&](FailOne& fault) {
                operation(fault);
                fault.end();
                b().dev.wait_running(seconds(120));
                wait_rings_at_rest(b().dev, seconds(30), true);
            });
            b().ping(a().ip4, 3, {"-W", "60"});
        }
    }
};

TEST_F(Failslab, BringingUp) {
    fail_each_of([&](FailOne& fault) {
        b().dev.down();
        try {
            b().dev.up();
        } catch (const std::runtime_error& error) {
            EXPECT_TRUE(fault.struck()) << error.what();
            EXPECT_NE(std::string(error.what()).find("Out of memory"), std::string::npos)
                << error.what();
            b().dev.up();
        }
        b().dev.wait_running(seconds(120));
    });
}

TEST_F(Failslab, FirstPackets) {
    fail_each_of([&](FailOne&) {
        // Down, it forgets neighbours and paths.
        b().dev.down();
        b().dev.up();
        b().dev.wait_running(seconds(120));
        b().wait_reaches(a().ip4);
    });
}

TEST_F(Failslab, RingSizes) {
    bool large = false;
    fail_each_of([&](FailOne& fault) {
        large = !large;
        const auto result =
            b().ns.run({"ethtool", "-G", b().dev.name(), "rx", large ? "512" : "256"});
        if (!result.ok()) {
            EXPECT_TRUE(fault.struck()) << result.output;
            EXPECT_NE(result.output.find("Cannot allocate memory"), std::string::npos)
                << result.output;
            large = !large;
        }
    });
}

TEST_F(Failslab, NumbersOfQueues) {
    const std::string& name = b().dev.name();
    fail_each_of([&](FailOne& fault) {
        // Down, since queues that were retired are taken back as they are.
        b().dev.down();
        for (const char* count : {"1", "2"}) {
            const auto result = b().ns.run({"ethtool", "-L", name, "combined", count});
            if (!result.ok()) {
                EXPECT_TRUE(fault.struck()) << result.output;
                EXPECT_NE(result.output.find("Cannot allocate memory"), std::string::npos)
                    << result.output;
            }
        }
        fault.end();
        b().dev.up();
        b().dev.wait_running(seconds(120));
        set_queues(b(), 2);
    });
}

TEST_F(Failslab, ModesAndConnections) {
    connect_mode(a());
    fail_each_of([&](FailOne& fault) {
        for (const char* mode : {"datagram", "connected"}) {
            const auto result =
                b().ns.run({"ip", "link", "set", b().dev.name(), "type", "ipoib", "mode", mode});
            if (!result.ok()) {
                EXPECT_TRUE(fault.struck()) << result.output;
                EXPECT_NE(result.output.find("Cannot allocate memory"), std::string::npos)
                    << result.output;
            }
        }
        // With or without a connection.
        b().wait_reaches(a().ip4);
        fault.end();
        // A peer that failed often is left alone for long; in datagram mode it is
        // forgotten.
        datagram_mode(b());
        wait_until("the peer is forgotten", [&] { return cm_number(b(), "peers") == 0; });
        connect_mode(b());
        wait_connected(b(), a());
        wait_connected(a(), b());
    });
}

}  // namespace
