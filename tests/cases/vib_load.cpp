// SPDX-License-Identifier: GPL-2.0-only
// Loading and unloading of the virtual fabric.
#include <gtest/gtest.h>

#include "cases/lib/command.h"
#include "cases/lib/fabric.h"

namespace {

using namespace cases;

TEST(VibLoad, GivesTheHcasAskedForAndGoesAwayWithThem) {
    Fabric fabric({.nhca = 3});
    for (const auto& hca : fabric.hcas()) {
        EXPECT_EQ(port_guid(hca).size(), 18U) << hca;
        EXPECT_EQ(read_text("/sys/class/infiniband/" + hca + "/ports/1/link_layer"), "InfiniBand");
    }
    fabric.unload();
    EXPECT_FALSE(Module::loaded("vib"));
}

TEST(VibLoad, TwentyTimes) {
    for (int i = 0; i < 20; i++) {
        Fabric fabric;
        EXPECT_NE(port_state("vib0"), "ACTIVE") << "there is no subnet manager yet";
        fabric.unload();
    }
}

}  // namespace
