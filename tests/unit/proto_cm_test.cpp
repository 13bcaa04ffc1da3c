// SPDX-License-Identifier: GPL-2.0-only
// What connected mode puts on the wire and takes from it.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "ipoib_cm_proto.h"

namespace {

TEST(ConnectedProto, ServiceIdHoldsTheQpn) {
    EXPECT_EQ(ipoib_cm_service(0), 0x1000000000000000U);
    EXPECT_EQ(ipoib_cm_service(0x48), 0x1000000000000048U);
    EXPECT_EQ(ipoib_cm_service(0xffffff), 0x1000000000ffffffU);
    // The flags of a hardware address are not a part of it.
    EXPECT_EQ(ipoib_cm_service(0x80000048), 0x1000000000000048U);
}

TEST(ConnectedProto, PrivateDataAreEightBytes) {
    static_assert(sizeof(ipoib_cm_data) == 8);
    const ipoib_cm_data data = {.qpn = __cpu_to_be32(0x48), .mtu = __cpu_to_be32(65524)};
    const auto* bytes = reinterpret_cast<const u8*>(&data);
    EXPECT_EQ(std::vector<u8>(bytes, bytes + 8),
              (std::vector<u8>{0, 0, 0, 0x48, 0, 0, 0xff, 0xf4}));
}

TEST(ConnectedProto, PeerMtuIsBounded) {
    for (u32 wire = 0; wire <= IPOIB_ENCAP_LEN; wire++) {
        EXPECT_EQ(ipoib_cm_peer_mtu(__cpu_to_be32(wire)), 0U);
    }
    EXPECT_EQ(ipoib_cm_peer_mtu(__cpu_to_be32(5)), 1U);
    EXPECT_EQ(ipoib_cm_peer_mtu(__cpu_to_be32(2048)), 2044U);
    EXPECT_EQ(ipoib_cm_peer_mtu(__cpu_to_be32(65524)), 65520U);
    EXPECT_EQ(ipoib_cm_peer_mtu(__cpu_to_be32(65525)), 65520U);
    EXPECT_EQ(ipoib_cm_peer_mtu(__cpu_to_be32(0xffffffff)), 65520U);
}

TEST(ConnectedProto, MtuFollowsTheBuffers) {
    EXPECT_EQ(ipoib_cm_mtu(16, 4096), 65520U);
    EXPECT_EQ(ipoib_cm_mtu(17, 4096), 65520U);
    EXPECT_EQ(ipoib_cm_mtu(15, 4096), 61424U);
    EXPECT_EQ(ipoib_cm_mtu(1, 4096), 4080U);
    EXPECT_EQ(ipoib_cm_mtu(1, 65536), 65520U);
    EXPECT_EQ(ipoib_cm_mtu(0, 4096), 0U);
    for (u32 pages = 1; pages < 32; pages++) {
        EXPECT_LE(ipoib_cm_mtu(pages, 4096) + IPOIB_ENCAP_LEN, pages * 4096);
    }
}

TEST(ConnectedProto, BackoffDoublesUpToItsLimit) {
    EXPECT_EQ(ipoib_cm_backoff_ms(0), 1000U);
    EXPECT_EQ(ipoib_cm_backoff_ms(1), 1000U);
    for (u32 tries = 2; tries <= 7; tries++) {
        EXPECT_EQ(ipoib_cm_backoff_ms(tries), 2 * ipoib_cm_backoff_ms(tries - 1));
    }
    EXPECT_EQ(ipoib_cm_backoff_ms(7), 64000U);
    EXPECT_EQ(ipoib_cm_backoff_ms(8), 64000U);
    EXPECT_EQ(ipoib_cm_backoff_ms(0xffffffff), 64000U);
}

TEST(ConnectedProto, ShortAndForeignMessagesAreRefused) {
    ipoib_rx_info info = {};
    for (u32 len = 0; len <= IPOIB_ENCAP_LEN; len++) {
        const std::vector<u8> frame(len, 8);
        EXPECT_EQ(ipoib_rc_check(frame.data(), len, &info), IPOIB_RX_RUNT) << len;
    }
    const std::vector<u8> ip = {8, 0, 0, 0, 1};
    EXPECT_EQ(ipoib_rc_check(ip.data(), ip.size(), &info), IPOIB_RX_OK);
    EXPECT_EQ(info.payload_len, 1U);
    EXPECT_EQ(info.pkt_type, PACKET_HOST);
    EXPECT_EQ(__be16_to_cpu(info.proto), ETH_P_IP);
    // What is reserved is ignored.
    const std::vector<u8> reserved = {0x86, 0xdd, 0xff, 0xff, 1, 2};
    EXPECT_EQ(ipoib_rc_check(reserved.data(), reserved.size(), &info), IPOIB_RX_OK);
    const std::vector<u8> lldp = {0x88, 0xcc, 0, 0, 1};
    EXPECT_EQ(ipoib_rc_check(lldp.data(), lldp.size(), &info), IPOIB_RX_BAD_PROTO);
}

TEST(ConnectedProto, RandomMessagesAreReadWithinTheirLength) {
    std::mt19937 random(4755);
    for (int i = 0; i < 20000; i++) {
        std::vector<u8> frame(random() % 64);
        for (auto& byte : frame) {
            byte = static_cast<u8>(random());
        }
        ipoib_rx_info info = {};
        const auto verdict = ipoib_rc_check(frame.data(), static_cast<u32>(frame.size()), &info);
        if (verdict == IPOIB_RX_OK) {
            EXPECT_EQ(info.payload_len + IPOIB_ENCAP_LEN, frame.size());
        }
    }
}

}  // namespace
