// SPDX-License-Identifier: GPL-2.0-only
// Loading and unloading of the driver, and its parameters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cases/lib/kernel_log.h"
#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;
using testing::HasSubstr;

TEST(DriverLoad, TwentyTimes) {
    Fabric fabric;
    OpenSm opensm("vib0");
    opensm.wait_subnet_up();
    fabric.wait_active();
    for (int i = 0; i < 20; i++) {
        auto driver = Module::built("ib_ipoib");
        const auto dev = wait_ipoib("vib0");
        dev.up();
        // Every other time it is still busy with its start when it has to go.
        if (i % 2 == 0) {
            dev.wait_running();
        }
        driver.unload();
        ASSERT_FALSE(find_ipoib("vib0")) << "after unload " << i;
        ASSERT_FALSE(find_ipoib("vib1")) << "after unload " << i;
    }
}

TEST(DriverLoad, ComesBeforeTheFirstHcaAndStaysAfterTheLast) {
    // Only vib's build loads what the driver needs, too.
    auto driver = Module::built("ib_ipoib");
    for (int i = 0; i < 3; i++) {
        Fabric fabric;
        wait_ipoib("vib0").up();
        wait_ipoib("vib1");
        fabric.unload();
        EXPECT_FALSE(Netdev("ib0").exists());
    }
    driver.unload();
}

TEST(DriverLoad, PutsNonsenseOfTheParametersRightAndSaysSo) {
    const Fabric fabric;
    const KernelLogMark mark;
    const auto driver = Module::built("ib_ipoib", {{"send_queue_size", "0"},
                                                   {"recv_queue_size", "100000"},
                                                   {"park_limit", "-5"},
                                                   {"max_nonsrq_conn_qp", "5000"},
                                                   {"max_connections", "0"},
                                                   {"connection_idle", "-1"}});
    const std::string log = mark.text();
    EXPECT_THAT(log, HasSubstr("send_queue_size=0: using 64 (a power of two from 64 to 8192)"));
    EXPECT_THAT(log,
                HasSubstr("recv_queue_size=100000: using 8192 (a power of two from 64 to 8192)"));
    EXPECT_THAT(log, HasSubstr("park_limit=-5: using 1 (1 to 4096)"));
    EXPECT_THAT(log, HasSubstr("max_nonsrq_conn_qp=5000: using 4096 (0 to 4096)"));
    EXPECT_THAT(log, HasSubstr("max_connections=0: using 1 (1 to 65536)"));
    EXPECT_THAT(log, HasSubstr("connection_idle=-1: using 1 (1 to 86400)"));
    EXPECT_EQ(read_text("/sys/module/ib_ipoib/parameters/send_queue_size"), "64");
    EXPECT_EQ(read_text("/sys/module/ib_ipoib/parameters/recv_queue_size"), "8192");
    const std::string rings = must_run({"ethtool", "-g", wait_ipoib("vib0").name()});
    EXPECT_THAT(rings.substr(rings.find("Current")), HasSubstr("TX:\t\t64\n"));
}

TEST(DriverLoad, RoundsRingSizesUp) {
    const Fabric fabric;
    const KernelLogMark mark;
    const auto driver =
        Module::built("ib_ipoib", {{"send_queue_size", "200"}, {"recv_queue_size", "512"}});
    EXPECT_THAT(mark.text(), HasSubstr("send_queue_size=200: using 256"));
    EXPECT_THAT(mark.text(), Not(HasSubstr("recv_queue_size")));
    const std::string rings = must_run({"ethtool", "-g", wait_ipoib("vib0").name()});
    const std::string now = rings.substr(rings.find("Current"));
    EXPECT_THAT(now, HasSubstr("RX:\t\t512\n"));
    EXPECT_THAT(now, HasSubstr("TX:\t\t256\n"));
}

TEST(DriverLoad, RefusesParametersThatAreNoNumbers) {
    const Fabric fabric;
    EXPECT_ANY_THROW(Module::built("ib_ipoib", {{"send_queue_size", "many"}}));
    EXPECT_ANY_THROW(Module::built("ib_ipoib", {{"ipoib_enhanced", "maybe"}}));
    EXPECT_FALSE(Module::loaded("ib_ipoib"));
    // And it loads as before.
    Module::built("ib_ipoib").unload();
}

TEST(DriverLoad, WorksWithoutAskingForAnAcceleratedNetdev) {
    Hosts hosts({.driver_params = {{"ipoib_enhanced", "0"}}});
    hosts[0].ping(hosts[1].ip4);
    EXPECT_THAT(driver_dump(hosts[0], "state"), HasSubstr("verbs"));
    hosts.take_down();
}

TEST(DriverLoad, TellsWhatItIs) {
    const std::string info = must_run({"modinfo", Module::file("ib_ipoib")});
    EXPECT_THAT(info, HasSubstr("rtnl-link-ipoib"));
    EXPECT_THAT(info, HasSubstr("license:        GPL"));
    const std::string params = must_run({"modinfo", "-p", Module::file("ib_ipoib")});
    for (const std::string name : {"send_queue_size", "recv_queue_size", "max_nonsrq_conn_qp",
                                   "debug_level", "mcast_debug_level", "ipoib_enhanced"}) {
        EXPECT_THAT(params, HasSubstr(name + ":"));
    }
}

}  // namespace
