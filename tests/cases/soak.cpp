// SPDX-License-Identifier: GPL-2.0-only
// Mixed traffic between three hosts while rings are resized, a link flaps and
// neighbours are flushed, for a short while.
#include "cases/lib/soak.h"

namespace {

using namespace cases;

class Soak : public TwoHosts {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.fabric.nhca = 3;
        return options;
    }
};

TEST_F(Soak, DisturbedTrafficLeavesNothingBehind) {
    DisturbedTraffic traffic(hosts(), 1);
    // The first round fills caches that stay.
    traffic.run(seconds(5));
    traffic.settle();
    const Inventory start(hosts());
    traffic.run(seconds(25));
    traffic.settle();
    const Inventory end(hosts());
    EXPECT_EQ(end.change_since(start), "");
    EXPECT_GT(traffic.counts().received, 5000U);
    EXPECT_GT(traffic.counts().ring_resizes, 0U);
    EXPECT_GT(traffic.counts().link_flaps, 0U);
    EXPECT_GT(traffic.counts().neighbour_flushes, 0U);
}

}  // namespace
