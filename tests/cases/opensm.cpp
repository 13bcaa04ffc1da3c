// SPDX-License-Identifier: GPL-2.0-only
// A real OpenSM takes over the virtual fabric.
#include "cases/lib/opensm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cases/lib/fabric.h"

namespace {

using namespace cases;

TEST(OpenSmBringUp, ActivatesEveryPort) {
    Fabric fabric({.nhca = 4});
    OpenSm opensm("vib0");
    opensm.wait_subnet_up();
    fabric.wait_active();
    const std::string map = must_run({"ibnetdiscover"});
    for (const auto& hca : fabric.hcas()) {
        EXPECT_NE(port_lid(hca), 0U) << hca;
        // ibnetdiscover writes "(256420000000011)", without leading zeros.
        const auto guid = fmt::format("({:x})", std::stoull(port_guid(hca), nullptr, 16));
        EXPECT_NE(map.find(guid), std::string::npos) << hca << "\n" << map;
    }
    opensm.stop();
    fabric.unload();
}

TEST(OpenSmBringUp, AfterARestartToo) {
    Fabric fabric;
    OpenSm opensm("vib0");
    opensm.wait_subnet_up();
    fabric.wait_active();
    opensm.kill();
    opensm.start();
    opensm.wait_subnet_up();
    fabric.wait_active();
}

}  // namespace
