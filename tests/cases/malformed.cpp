// SPDX-License-Identifier: GPL-2.0-only
// Packets that no IPoIB node sends, from user-space verbs: they change nothing
// but a counter, and good traffic goes on.
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <random>

#include "cases/lib/driver_state.h"
#include "cases/lib/sa.h"
#include "cases/lib/traffic.h"
#include "cases/lib/verbs.h"

namespace {

using namespace cases;
using Bytes = std::vector<uint8_t>;

constexpr uint16_t kIpv4 = 0x0800;
constexpr uint16_t kUdpPort = 7777;
constexpr size_t kEncapsulation = 4;
/// As ib_verbs.h has it.
constexpr uint32_t kMulticastQpn = 0xffffff;

void put16(Bytes& bytes, uint16_t value) {
    bytes.push_back(static_cast<uint8_t>(value >> 8));
    bytes.push_back(static_cast<uint8_t>(value));
}

uint16_t ip_checksum(const Bytes& header) {
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < header.size(); i += 2) {
        sum += static_cast<uint32_t>(header[i] << 8 | header[i + 1]);
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<uint16_t>(~sum);
}

/// A UDP datagram from 10.0.0.1 to 10.0.0.2. @p claim bytes more are said to
/// follow than do.
Bytes udp_packet(const std::string& text, uint16_t claim = 0) {
    const auto length = static_cast<uint16_t>(20 + 8 + text.size() + claim);
    Bytes packet = {0x45, 0};
    put16(packet, length);
    packet.insert(packet.end(), {0, 0, 0, 0, 64, IPPROTO_UDP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
    const uint16_t sum = ip_checksum(packet);
    packet[10] = static_cast<uint8_t>(sum >> 8);
    packet[11] = static_cast<uint8_t>(sum);
    put16(packet, kUdpPort);
    put16(packet, kUdpPort);
    put16(packet, static_cast<uint16_t>(length - 20));
    put16(packet, 0);  // no UDP checksum
    packet.insert(packet.end(), text.begin(), text.end());
    return packet;
}

Bytes frame(uint16_t ethertype, uint16_t reserved, const Bytes& payload) {
    Bytes bytes;
    put16(bytes, ethertype);
    put16(bytes, reserved);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}

/// What IPoIB carries (RFC 4391 and the TIPC of Linux); all else is malformed.
bool is_well_formed(const Bytes& bytes) {
    if (bytes.size() <= kEncapsulation) {
        return false;
    }
    switch (bytes[0] << 8 | bytes[1]) {
        case kIpv4:
        case 0x86dd:
        case 0x0806:
        case 0x8035:
        case 0x88ca:
            return true;
        default:
            return false;
    }
}

/// A process on the first host sends to the interface of the second.
class MalformedPackets : public TwoHosts {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.opensm.partitions += "test=0x0001 : ALL=full;\n";
        return options;
    }

    void SetUp() override {
        TwoHosts::SetUp();
        a().ping(b().ip4);
        before_ = driver_state(b().dev);
        stats_ = std::make_unique<StatsSince>(b().dev);
        listener_ = std::make_unique<UdpSocket>(b(), kUdpPort, AF_INET);
        sender_ = std::make_unique<UdSender>(a().hca, before_.qkey);
    }

    void TearDown() override {
        if (sender_ && stats_) {
            check_unharmed();
        }
        sender_.reset();
        listener_.reset();
        TwoHosts::TearDown();
    }

    [[nodiscard]] UdAddress without_grh() {
        return {.qpn = before_.queues.at(0).qpn,
                .dlid = static_cast<uint16_t>(port_lid(b().hca)),
                .gid = std::nullopt};
    }
    [[nodiscard]] UdAddress with_grh() {
        UdAddress to = without_grh();
        to.gid = gid_of(b().dev.state().address);
        return to;
    }
    [[nodiscard]] UdAddress broadcast() {
        // " mlid 0xc000 " in the line of the group.
        const std::string dump = driver_dump(b().dev, "mcg");
        const size_t at = dump.find(" mlid ", dump.find("ffff:ffff full"));
        return {.qpn = kMulticastQpn,
                .dlid = static_cast<uint16_t>(std::stoul(dump.substr(at + 6), nullptr, 16)),
                .gid = parse_gid(kBroadcastMgid)};
    }

    void send(const UdAddress& to, const Bytes& bytes) {
        ASSERT_EQ(sender_->send(to, before_.qkey, bytes), IBV_WC_SUCCESS);
    }
    /// Waits until exactly @p count packets were counted as malformed.
    void expect_malformed(uint64_t count) {
        stats().wait("rx*_malformed", count);
        EXPECT_EQ(stats()["rx*_malformed"], count);
    }
    void expect_delivered(const std::string& text) {
        EXPECT_EQ(listener().receive(seconds(30)), text);
    }

    [[nodiscard]] StatsSince& stats() { return *stats_; }
    [[nodiscard]] UdpSocket& listener() { return *listener_; }
    [[nodiscard]] UdSender& sender() { return *sender_; }
    [[nodiscard]] uint32_t qkey() const { return before_.qkey; }

  private:
    void check_unharmed() {
        wait_rings_at_rest(b().dev);
        const DriverState now = driver_state(b().dev);
        EXPECT_EQ(now.oper, "running");
        EXPECT_EQ(now.queues.at(0).qpn, before_.queues.at(0).qpn);
        EXPECT_EQ(now.queues.at(0).rx_posted, before_.queues.at(0).rx_posted);
        for (const char* name : {"rx*_errors", "rx*_no_buffer", "tx*_errors", "qp_recovered",
                                 "refill_failed", "join_failed"}) {
            EXPECT_EQ(stats()[name], 0U) << name;
        }
        a().ping(b().ip4);
        b().ping(a().ip6);
    }

    DriverState before_;
    std::unique_ptr<StatsSince> stats_;
    std::unique_ptr<UdpSocket> listener_;
    std::unique_ptr<UdSender> sender_;
};

TEST_F(MalformedPackets, GoodOnesAreDelivered) {
    // So that the other cases prove something.
    send(with_grh(), frame(kIpv4, 0, udp_packet("with a GRH")));
    expect_delivered("with a GRH");
    send(without_grh(), frame(kIpv4, 0, udp_packet("without")));
    expect_delivered("without");
    expect_malformed(0);
}

TEST_F(MalformedPackets, ReservedBitsAreIgnored) {
    for (const uint16_t bits : {0x0001, 0x8000, 0xffff}) {
        send(without_grh(), frame(kIpv4, bits, udp_packet(fmt::format("{:x}", bits))));
        expect_delivered(fmt::format("{:x}", bits));
    }
    expect_malformed(0);
}

TEST_F(MalformedPackets, RuntsAreCounted) {
    for (size_t length = 0; length <= kEncapsulation; length++) {
        Bytes bytes = frame(kIpv4, 0, {});
        bytes.resize(length);
        send(without_grh(), bytes);
        send(with_grh(), bytes);
        send(broadcast(), bytes);
    }
    expect_malformed(3 * (kEncapsulation + 1));
}

TEST_F(MalformedPackets, OtherEthertypesAreCounted) {
    const std::vector<uint16_t> types = {0x0000, 0x0001, 0x05dc, 0x0801, 0x6003, 0x8100,
                                         0x8847, 0x8906, 0x88cc, 0x88e5, 0xffff};
    for (const uint16_t type : types) {
        send(without_grh(), frame(type, 0, udp_packet("never seen")));
        send(with_grh(), frame(type, 0, udp_packet("never seen")));
        send(broadcast(), frame(type, 0, udp_packet("never seen")));
    }
    expect_malformed(3 * types.size());
    send(with_grh(), frame(kIpv4, 0, udp_packet("good")));
    expect_delivered("good");
}

TEST_F(MalformedPackets, AWrongQKeyStaysOutside) {
    const UdSender other(b().hca, qkey());
    const auto violations = other.port().qkey_viol_cntr;
    EXPECT_EQ(sender().send(with_grh(), qkey() ^ 1, frame(kIpv4, 0, udp_packet("wrong"))),
              IBV_WC_SUCCESS);
    EXPECT_EQ(sender().send(without_grh(), 0, frame(kIpv4, 0, udp_packet("wrong"))),
              IBV_WC_SUCCESS);
    send(with_grh(), frame(kIpv4, 0, udp_packet("good")));
    expect_delivered("good");
    EXPECT_EQ(other.port().qkey_viol_cntr - violations, 2U);
    expect_malformed(0);
}

TEST_F(MalformedPackets, AWrongPKeyStaysOutside) {
    const std::string pkeys = "/sys/class/infiniband/" + a().hca + "/ports/1/pkeys/";
    wait_until("the second partition", [&] { return read_text(pkeys + "1") == "0x8001"; });
    UdSender stranger(a().hca, qkey(), 1);
    const UdSender other(b().hca, qkey());
    const auto violations = other.port().bad_pkey_cntr;
    EXPECT_EQ(stranger.send(with_grh(), qkey(), frame(kIpv4, 0, udp_packet("wrong"))),
              IBV_WC_SUCCESS);
    send(with_grh(), frame(kIpv4, 0, udp_packet("good")));
    expect_delivered("good");
    EXPECT_EQ(other.port().bad_pkey_cntr - violations, 1U);
    expect_malformed(0);
}

TEST_F(MalformedPackets, LengthsThatLieAreTheStacksBusiness) {
    // Truncated by one byte and by many; a header that is cut; nothing of it.
    send(with_grh(), frame(kIpv4, 0, udp_packet("truncated", 1)));
    send(with_grh(), frame(kIpv4, 0, udp_packet("truncated", 3000)));
    Bytes cut = frame(kIpv4, 0, udp_packet("cut"));
    for (const size_t length : {5, 6, 14, 23}) {
        cut.resize(length);
        send(with_grh(), cut);
    }
    // Bytes behind the end that the IP header claims.
    Bytes padded = frame(kIpv4, 0, udp_packet("padded"));
    padded.resize(UdSender::kMaxBytes);
    send(with_grh(), padded);
    expect_delivered("padded");
    expect_malformed(0);
}

TEST_F(MalformedPackets, LongerThanTheInterfaceSends) {
    // Every length that the link carries fits the receive buffers, whatever the
    // MTU of the interface.
    b().dev.set_mtu(1500);
    const std::string text(UdSender::kMaxBytes - kEncapsulation - 28, 'x');
    send(with_grh(), frame(kIpv4, 0, udp_packet(text)));
    expect_delivered(text);
    // Longer than the link carries: it stays with the sender.
    const Bytes too_long(UdSender::kMaxBytes + 1);
    EXPECT_EQ(sender().send(with_grh(), qkey(), too_long), IBV_WC_LOC_LEN_ERR);
    expect_malformed(0);
}

TEST_F(MalformedPackets, MulticastWithoutGrhIsNotMulticast) {
    UdAddress to = broadcast();
    to.gid.reset();
    // An HCA finds the members of a group by the MGID, which is in the GRH.
    for (int i = 0; i < 10; i++) {
        sender().send(to, qkey(), frame(kIpv4, 0, udp_packet("lost")));
    }
    send(with_grh(), frame(kIpv4, 0, udp_packet("good")));
    expect_delivered("good");
}

TEST_F(MalformedPackets, TwoThousandRandomFrames) {
    constexpr int kFrames = 2000;
    constexpr int kBatch = 50;
    // The generator, unlike the distributions, is the same in every library.
    std::mt19937 random(20250101);
    const std::vector<uint16_t> good = {kIpv4, 0x86dd, 0x0806, 0x8035, 0x88ca};
    const std::vector<UdAddress> targets = {without_grh(), with_grh(), broadcast()};
    uint64_t malformed = 0;
    for (int i = 1; i <= kFrames; i++) {
        Bytes bytes(random() % 4 == 0 ? random() % 64 : random() % (UdSender::kMaxBytes + 1));
        for (auto& byte : bytes) {
            byte = static_cast<uint8_t>(random());
        }
        if (bytes.size() >= 2 && random() % 2 == 0) {
            const uint16_t type = good[random() % good.size()];
            bytes[0] = static_cast<uint8_t>(type >> 8);
            bytes[1] = static_cast<uint8_t>(type);
        }
        malformed += is_well_formed(bytes) ? 0 : 1;
        send(targets[random() % targets.size()], bytes);
        if (i % kBatch == 0) {
            // The receiver keeps up, so that every frame meets a buffer.
            stats().wait("rx*_malformed", malformed);
        }
    }
    EXPECT_GT(malformed, static_cast<uint64_t>(kFrames / 4));
    expect_malformed(malformed);
}

}  // namespace
