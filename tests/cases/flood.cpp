// SPDX-License-Identifier: GPL-2.0-only
// Mixed traffic for a while leaves nothing behind.
#include "cases/lib/flood.h"

namespace {

using namespace cases;

using MixedFlood = TwoHosts;

TEST_F(MixedFlood, TwoMinutesLeaveNothingBehind) {
    flood_without_leak(hosts(), seconds(120));
    a().ping(b().ip4);
    b().ping(a().ip6);
}

}  // namespace
