// SPDX-License-Identifier: GPL-2.0-only
// Mixed traffic between three hosts while rings are resized, a link flaps and
// neighbours are flushed, a few dozen times.
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
    traffic.run([](const Disturbances& done) { return done.sum() >= 10; });
    traffic.settle();
    const Inventory start(hosts());
    traffic.run([](const Disturbances& done) {
        return done.sum() >= 50 && done.received > 5000 && done.ring_resizes > 0 &&
               done.link_flaps > 0 && done.neighbour_flushes > 0;
    });
    traffic.settle();
    const Inventory end(hosts());
    EXPECT_EQ(end.change_since(start), "");
}

}  // namespace
