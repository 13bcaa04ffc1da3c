// SPDX-License-Identifier: GPL-2.0-only
// ipoib_rx_check() of include/ipoib_proto.h: what a received packet may be.

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "ipoib_proto.h"

namespace {

constexpr std::size_t kHeaders = IPOIB_GRH_LEN + IPOIB_ENCAP_LEN;
using Gid = std::array<std::uint8_t, IPOIB_GID_LEN>;

Gid Broadcast() {
    Gid mgid{};
    ipoib_mgid_broadcast(mgid.data(), 2, 0xffff);
    return mgid;
}

// A packet in a heap block of exactly its size, so that a sanitizer sees every byte read beyond it.
class Packet {
  public:
    explicit Packet(std::size_t len) : bytes_(len) {}

    Packet(std::size_t len, std::uint16_t proto, std::uint16_t reserved = 0) : Packet(len) {
        const std::array<std::uint16_t, 2> encap = {htons(proto), htons(reserved)};
        std::memcpy(bytes_.data() + IPOIB_GRH_LEN, encap.data(), sizeof(encap));
    }

    Packet& To(const Gid& dgid) {
        std::ranges::copy(dgid, bytes_.begin() + IPOIB_GRH_DGID);
        return *this;
    }

    std::span<std::uint8_t> Bytes() { return bytes_; }

    enum ipoib_rx_verdict Check(bool grh, struct ipoib_rx_info* info) const {
        return ipoib_rx_check(bytes_.data(), static_cast<std::uint32_t>(bytes_.size()), grh,
                              Broadcast().data(), info);
    }

  private:
    std::vector<std::uint8_t> bytes_;
};

TEST(ProtoRx, AnythingWithoutPayloadIsARunt) {
    struct ipoib_rx_info info {};
    for (std::size_t len = 0; len <= kHeaders; len++) {
        EXPECT_EQ(Packet(len).Check(false, &info), IPOIB_RX_RUNT) << len;
        EXPECT_EQ(Packet(len).Check(true, &info), IPOIB_RX_RUNT) << len;
    }
}

TEST(ProtoRx, OneByteOfPayloadIsEnough) {
    struct ipoib_rx_info info {};
    ASSERT_EQ(Packet(kHeaders + 1, ETH_P_IP).Check(false, &info), IPOIB_RX_OK);
    EXPECT_EQ(info.payload_len, 1U);
    EXPECT_EQ(ntohs(info.proto), ETH_P_IP);
    EXPECT_EQ(info.pkt_type, PACKET_HOST);
}

TEST(ProtoRx, LengthIsThatOfThePayload) {
    struct ipoib_rx_info info {};
    ASSERT_EQ(Packet(IPOIB_GRH_LEN + 2048, ETH_P_IPV6).Check(true, &info), IPOIB_RX_OK);
    EXPECT_EQ(info.payload_len, ipoib_ud_mtu(2048));
    ASSERT_EQ(Packet(IPOIB_GRH_LEN + 4096, ETH_P_IPV6).Check(true, &info), IPOIB_RX_OK);
    EXPECT_EQ(info.payload_len, ipoib_ud_mtu(4096));
}

TEST(ProtoRx, ExactlyTheCarriedEthertypesPass) {
    const std::vector<std::uint16_t> carried = {ETH_P_IP, ETH_P_ARP, ETH_P_RARP, ETH_P_IPV6,
                                                ETH_P_TIPC};
    struct ipoib_rx_info info {};
    for (std::uint32_t proto = 0; proto <= 0xffff; proto++) {
        const Packet packet(kHeaders + 28, static_cast<std::uint16_t>(proto));
        const bool known = std::find(carried.begin(), carried.end(), proto) != carried.end();
        const auto other = proto == IPOIB_DISC_ETHERTYPE ? IPOIB_RX_CONTROL : IPOIB_RX_BAD_PROTO;
        ASSERT_EQ(packet.Check(false, &info), known ? IPOIB_RX_OK : other) << proto;
        ASSERT_EQ(ipoib_proto_carried(htons(static_cast<std::uint16_t>(proto))), known) << proto;
    }
}

TEST(ProtoRx, ReservedBitsAreIgnored) {
    struct ipoib_rx_info info {};
    EXPECT_EQ(Packet(kHeaders + 28, ETH_P_ARP, 0xffff).Check(false, &info), IPOIB_RX_OK);
    EXPECT_EQ(ntohs(info.proto), ETH_P_ARP);
}

TEST(ProtoRx, DgidTellsBroadcastMulticastAndHost) {
    struct ipoib_rx_info info {};
    Packet packet(kHeaders + 28, ETH_P_IP);

    packet.To(Broadcast());
    ASSERT_EQ(packet.Check(true, &info), IPOIB_RX_OK);
    EXPECT_EQ(info.pkt_type, PACKET_BROADCAST);

    Gid group = Broadcast();
    group[15] = 0xfe;
    packet.To(group);
    ASSERT_EQ(packet.Check(true, &info), IPOIB_RX_OK);
    EXPECT_EQ(info.pkt_type, PACKET_MULTICAST);

    packet.To({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 2, 3, 4, 5, 6, 7, 8});
    ASSERT_EQ(packet.Check(true, &info), IPOIB_RX_OK);
    EXPECT_EQ(info.pkt_type, PACKET_HOST);
}

TEST(ProtoRx, WithoutAGrhThatAreaMeansNothing) {
    struct ipoib_rx_info info {};
    Packet packet(kHeaders + 28, ETH_P_IP);
    packet.To(Broadcast());
    ASSERT_EQ(packet.Check(false, &info), IPOIB_RX_OK);
    EXPECT_EQ(info.pkt_type, PACKET_HOST);
}

TEST(ProtoRx, DiscoveryIsUnicastOnly) {
    struct ipoib_rx_info info {};
    Packet packet(kHeaders + 56, IPOIB_DISC_ETHERTYPE);
    EXPECT_EQ(packet.Check(false, &info), IPOIB_RX_CONTROL);
    packet.To({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 2, 3, 4, 5, 6, 7, 8});
    EXPECT_EQ(packet.Check(true, &info), IPOIB_RX_CONTROL);
    packet.To(Broadcast());
    EXPECT_EQ(packet.Check(true, &info), IPOIB_RX_BAD_PROTO);
}

TEST(ProtoRx, InfoIsLeftAloneUnlessOk) {
    struct ipoib_rx_info info = {};
    info.payload_len = 4711;
    info.pkt_type = 9;
    EXPECT_EQ(Packet(3).Check(true, &info), IPOIB_RX_RUNT);
    EXPECT_EQ(Packet(kHeaders + 5, 0x1234).Check(true, &info), IPOIB_RX_BAD_PROTO);
    EXPECT_EQ(info.payload_len, 4711U);
    EXPECT_EQ(info.pkt_type, 9);
}

TEST(ProtoRx, RandomPacketsNeverReadBeyondTheirEndAndNeverLie) {
    std::mt19937 rng(4392);
    std::uniform_int_distribution<std::size_t> lengths(0, 128);
    int ok = 0;
    for (int i = 0; i < 200000; i++) {
        Packet packet(lengths(rng));
        std::ranges::generate(packet.Bytes(), [&] { return static_cast<std::uint8_t>(rng()); });
        if (packet.Bytes().size() > kHeaders && rng() % 2 == 0) {
            packet.Bytes()[IPOIB_GRH_LEN] = 0x08;
            packet.Bytes()[IPOIB_GRH_LEN + 1] = rng() % 2 == 0 ? 0x00 : 0x06;
        }
        const bool grh = rng() % 2 == 0;
        struct ipoib_rx_info info {};
        const auto verdict = packet.Check(grh, &info);
        const std::size_t len = packet.Bytes().size();
        ASSERT_EQ(verdict == IPOIB_RX_RUNT, len <= kHeaders);
        if (verdict != IPOIB_RX_OK) {
            continue;
        }
        ok++;
        ASSERT_EQ(info.payload_len + kHeaders, len);
        ASSERT_TRUE(ipoib_proto_carried(info.proto));
        ASSERT_EQ(info.pkt_type == PACKET_HOST, !grh || packet.Bytes()[IPOIB_GRH_DGID] != 0xff);
    }
    EXPECT_GT(ok, 10000);
}

}  // namespace
