// SPDX-License-Identifier: GPL-2.0-only
// Loading and unloading of the virtual fabric, and of a part of it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cases/lib/command.h"
#include "cases/lib/fabric.h"
#include "cases/lib/faults.h"
#include "cases/lib/smp.h"
#include "cases/lib/wait.h"

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

// The RDMA core frees the agent that answers while it answers. What comes of it
// only a kernel with KASAN sees.
TEST(VibLoad, HcaGoesWhileItAnswers) {
    const Fabric fabric;
    const std::vector<uint8_t> to_vib1 = {1, 2};
    SmpSender sender("vib0");
    ASSERT_TRUE(sender.answers(to_vib1, seconds(30)));
    {
        const FaultRule slow(
            fmt::format("slow_ah hca=1 ms={} count=1", patience(seconds(1)).count()));
        ASSERT_TRUE(sender.ask(to_vib1));
        wait_until("vib1 is about to answer", [&] { return slow.hits() == 1; });
        Fabric::control("remove", "vib1");
    }
    EXPECT_FALSE(sender.answers(to_vib1, seconds(1)));
    Fabric::control("add", "idx=1");
    EXPECT_TRUE(sender.answers(to_vib1, seconds(30)));
}

}  // namespace
