// SPDX-License-Identifier: GPL-2.0-only
// Hardware addresses, MGIDs and P_Keys of include/ipoib_proto.h.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>

#include "ipoib_proto.h"

namespace {

using Gid = std::array<std::uint8_t, IPOIB_GID_LEN>;
using HwAddr = std::array<std::uint8_t, IPOIB_PSEUDO_LEN>;

constexpr Gid kPortGid = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 6, 7};

Gid Broadcast(std::uint8_t scope, std::uint16_t pkey) {
    Gid mgid;
    mgid.fill(0xa5);
    ipoib_mgid_broadcast(mgid.data(), scope, pkey);
    return mgid;
}

TEST(ProtoLengths, AreThoseOfTheRfc) {
    EXPECT_EQ(IPOIB_ENCAP_LEN, sizeof(struct ipoib_hdr));
    EXPECT_EQ(IPOIB_PSEUDO_LEN, 20);
    EXPECT_EQ(IPOIB_HARD_LEN, 24);
    EXPECT_EQ(IPOIB_GRH_LEN, 40);
    EXPECT_EQ(IPOIB_GRH_DGID + IPOIB_GID_LEN, IPOIB_GRH_LEN);
}

TEST(ProtoHwAddr, HasFlagsQpnAndGidInNetworkOrder) {
    HwAddr hw;
    hw.fill(0xee);
    ipoib_hw_set(hw.data(), IPOIB_HW_RC, 0x123456, kPortGid.data());

    const HwAddr expected = {0x80, 0x12, 0x34, 0x56, 0xfe, 0x80, 0,    0,    0, 0,
                             0,    0,    0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 6, 7};
    EXPECT_EQ(hw, expected);
    EXPECT_EQ(ipoib_hw_qpn(hw.data()), 0x123456U);
    EXPECT_EQ(ipoib_hw_gid(hw.data()), hw.data() + 4);
}

TEST(ProtoHwAddr, LeavesOutBitsAboveTheQpn) {
    HwAddr hw{};
    ipoib_hw_set(hw.data(), 0, 0xff000001U, kPortGid.data());
    EXPECT_EQ(hw[0], 0);
    EXPECT_EQ(ipoib_hw_qpn(hw.data()), 1U);
}

TEST(ProtoHwAddr, EveryQpnSurvivesARoundTrip) {
    std::mt19937 rng(20240817);
    std::uniform_int_distribution<std::uint32_t> qpns(0, 0xffffff);
    for (int i = 0; i < 10000; i++) {
        HwAddr hw{};
        const auto qpn = qpns(rng);
        const auto flags = static_cast<std::uint8_t>(rng());
        ipoib_hw_set(hw.data(), flags, qpn, kPortGid.data());
        ASSERT_EQ(ipoib_hw_qpn(hw.data()), qpn);
        ASSERT_EQ(hw[0], flags);
    }
}

TEST(ProtoHwAddr, MulticastIsToldByTheGidAlone) {
    HwAddr hw{};
    const Gid mgid = Broadcast(2, 0xffff);
    ipoib_hw_set(hw.data(), 0, 0xffffff, mgid.data());
    EXPECT_TRUE(ipoib_hw_is_mcast(hw.data()));
    ipoib_hw_set(hw.data(), 0xff, 0xffffff, kPortGid.data());
    EXPECT_FALSE(ipoib_hw_is_mcast(hw.data()));
}

TEST(ProtoMgid, BroadcastIsThatOfTheRfc) {
    const Gid expected = {0xff, 0x12, 0x40, 0x1b, 0xff, 0xff, 0,    0,
                          0,    0,    0,    0,    0xff, 0xff, 0xff, 0xff};
    EXPECT_EQ(Broadcast(2, 0xffff), expected);

    const Gid site = Broadcast(5, 0x8001);
    EXPECT_EQ(site[1], 0x15);
    EXPECT_EQ(site[4], 0x80);
    EXPECT_EQ(site[5], 0x01);
}

TEST(ProtoMgid, ScopeIsFourBits) {
    EXPECT_EQ(Broadcast(0xf2, 0x8001), Broadcast(2, 0x8001));
}

TEST(ProtoMgid, SetPkeyTouchesTwoBytes) {
    Gid mgid{};
    ipoib_mgid_set_pkey(mgid.data(), 0x9abc);
    const Gid expected = {0, 0, 0, 0, 0x9a, 0xbc};
    EXPECT_EQ(mgid, expected);
}

TEST(ProtoMgid, GroupsOfTheLinkAreOurs) {
    const Gid bcast = Broadcast(2, 0x8001);
    EXPECT_TRUE(ipoib_mgid_is_ours(bcast.data(), bcast.data()));

    Gid v4 = bcast;
    v4[12] = 0;
    v4[15] = 1;
    EXPECT_TRUE(ipoib_mgid_is_ours(v4.data(), bcast.data()));

    Gid v6 = bcast;
    v6[2] = IPOIB_SIG_IPV6 >> 8;
    v6[6] = 0x12;
    EXPECT_TRUE(ipoib_mgid_is_ours(v6.data(), bcast.data()));
}

TEST(ProtoMgid, AnyOtherPrefixScopeSignatureOrPkeyIsNot) {
    const Gid bcast = Broadcast(2, 0x8001);
    for (std::size_t byte = 0; byte < 6; byte++) {
        for (int bit = 0; bit < 8; bit++) {
            Gid mgid = bcast;
            mgid[byte] = static_cast<std::uint8_t>(mgid[byte] ^ (1 << bit));
            // The signatures of IPv4 and IPv6 differ in one bit.
            const bool v6 = mgid[2] == (IPOIB_SIG_IPV6 >> 8) && byte == 2;
            EXPECT_EQ(ipoib_mgid_is_ours(mgid.data(), bcast.data()), v6)
                << "byte " << byte << " bit " << bit;
        }
    }
}

TEST(ProtoPkey, ZeroIsRefusedWithAndWithoutMembership) {
    EXPECT_FALSE(ipoib_pkey_valid(0));
    EXPECT_FALSE(ipoib_pkey_valid(0x8000));
    EXPECT_TRUE(ipoib_pkey_valid(1));
    EXPECT_TRUE(ipoib_pkey_valid(0x8001));
    EXPECT_TRUE(ipoib_pkey_valid(0x7fff));
    EXPECT_TRUE(ipoib_pkey_valid(0xffff));
}

TEST(ProtoPkey, FullSetsTheMembershipBitOnly) {
    EXPECT_EQ(ipoib_pkey_full(0x0001), 0x8001);
    EXPECT_EQ(ipoib_pkey_full(0x8001), 0x8001);
    EXPECT_EQ(ipoib_pkey_full(0x7fff), 0xffff);
}

}  // namespace
