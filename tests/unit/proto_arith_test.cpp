// SPDX-License-Identifier: GPL-2.0-only
// MTU, ring sizes and link rates of include/ipoib_proto.h.

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <random>

#include "ipoib_link.h"
#include "ipoib_proto.h"

namespace {

TEST(ProtoMtu, IsTheIbMtuLessTheEncapsulation) {
    EXPECT_EQ(ipoib_ud_mtu(2048), 2044U);
    EXPECT_EQ(ipoib_ud_mtu(4096), 4092U);
    EXPECT_EQ(ipoib_ud_mtu(256), 252U);
}

TEST(ProtoRing, RoundsUpToAPowerOfTwo) {
    EXPECT_EQ(ipoib_ring_round(64, 64, 8192), 64U);
    EXPECT_EQ(ipoib_ring_round(65, 64, 8192), 128U);
    EXPECT_EQ(ipoib_ring_round(128, 64, 8192), 128U);
    EXPECT_EQ(ipoib_ring_round(8191, 64, 8192), 8192U);
}

TEST(ProtoRing, StaysWithinItsBounds) {
    EXPECT_EQ(ipoib_ring_round(0, 64, 8192), 64U);
    EXPECT_EQ(ipoib_ring_round(8193, 64, 8192), 8192U);
    EXPECT_EQ(ipoib_ring_round(0xffffffffU, 64, 8192), 8192U);
    EXPECT_EQ(ipoib_ring_round(7, 64, 64), 64U);
    EXPECT_EQ(ipoib_ring_round(0xffffffffU, 1, 1U << 31), 1U << 31);
}

TEST(ProtoRing, AnyInputGivesAPowerOfTwoWithinBounds) {
    std::mt19937 rng(4391);
    for (int i = 0; i < 100000; i++) {
        const std::uint32_t want = rng() >> (rng() % 32);
        const std::uint32_t size = ipoib_ring_round(want, 64, 8192);
        ASSERT_TRUE(std::has_single_bit(size)) << want;
        ASSERT_GE(size, 64U) << want;
        ASSERT_LE(size, 8192U) << want;
        ASSERT_TRUE(size >= want || size == 8192U) << want;
        ASSERT_TRUE(size == 64U || size / 2 < want) << want;
    }
}

struct Rate {
    std::uint32_t width;
    std::uint32_t speed;
    std::uint32_t mbps;
};

class ProtoRate : public testing::TestWithParam<Rate> {};

TEST_P(ProtoRate, IsLanesTimesLaneRate) {
    EXPECT_EQ(ipoib_link_mbps(GetParam().width, GetParam().speed), GetParam().mbps);
}

INSTANTIATE_TEST_SUITE_P(Known, ProtoRate,
                         testing::Values(Rate{1, 1, 2500}, Rate{2, 1, 10000}, Rate{2, 2, 20000},
                                         Rate{2, 4, 40000}, Rate{2, 8, 40000}, Rate{2, 16, 56000},
                                         Rate{2, 32, 100000}, Rate{2, 64, 200000},
                                         Rate{2, 128, 400000}, Rate{2, 256, 800000},
                                         Rate{16, 64, 100000}, Rate{4, 32, 200000},
                                         Rate{8, 256, 2400000}));

INSTANTIATE_TEST_SUITE_P(Unknown, ProtoRate,
                         testing::Values(Rate{0, 1, 0}, Rate{2, 0, 0}, Rate{3, 1, 0}, Rate{2, 3, 0},
                                         Rate{32, 1, 0}, Rate{2, 512, 0}, Rate{0, 0, 0},
                                         Rate{0xffffffffU, 0xffffffffU, 0},
                                         Rate{0x80000000U, 0x80000000U, 0}));

}  // namespace
