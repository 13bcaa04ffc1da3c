// SPDX-License-Identifier: GPL-2.0-only
// Queue discovery on the wire, and how flows are dealt out.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "ipoib_disc_proto.h"

namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint32_t kPrimary = 0x123456;

ipoib_disc_msg query() {
    ipoib_disc_msg m{};
    m.type = IPOIB_DISC_QUERY;
    m.cookie = 0x0123456789abcdefULL;
    const std::array<uint8_t, 16> gid = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9};
    ipoib_hw_set(m.target, 0x80, kPrimary, gid.data());
    ipoib_hw_set(m.asker, 0, 0x000048, gid.data());
    return m;
}

ipoib_disc_msg advert(uint8_t n, uint8_t buckets) {
    ipoib_disc_msg m = query();
    m.type = IPOIB_DISC_ADVERTISE;
    std::fill(std::begin(m.asker), std::end(m.asker), 0);
    m.generation = 0xfedcba98;
    m.lifetime = 10;
    m.n = n;
    m.buckets = buckets;
    for (uint32_t i = 0; i < n; i++) {
        m.qpn[i] = kPrimary + i;
    }
    for (uint32_t i = 0; i < buckets; i++) {
        m.table[i] = i % n;
    }
    return m;
}

Bytes encode(const ipoib_disc_msg& m) {
    Bytes bytes(IPOIB_DISC_MAX_LEN);
    bytes.resize(ipoib_disc_encode(&m, bytes.data()));
    return bytes;
}

/// Decodes from memory of exactly that size, so that a read beyond it shows.
bool decode(const Bytes& bytes, ipoib_disc_msg& m) {
    const Bytes exact(bytes.begin(), bytes.end());
    return ipoib_disc_decode(exact.data(), exact.size(), &m);
}

bool refused(const Bytes& bytes) {
    ipoib_disc_msg m{};
    return !decode(bytes, m);
}

TEST(DiscProto, QueryHasItsBytesInNetworkOrder) {
    const Bytes bytes = encode(query());
    const Bytes start = {'I',  'B',  'Q',  'D',  1,    1,    0,    56,   0x01, 0x23,
                         0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x80, 0x12, 0x34, 0x56};
    ASSERT_EQ(bytes.size(), 56U);
    EXPECT_TRUE(std::equal(start.begin(), start.end(), bytes.begin()));
    EXPECT_EQ(bytes[39], 0x48);
}

TEST(DiscProto, AdvertisementHasItsBytesInNetworkOrder) {
    const Bytes bytes = encode(advert(2, 3));
    ASSERT_EQ(bytes.size(), 44U + 8 + 3);
    const Bytes rest = {0xfe, 0xdc, 0xba, 0x98, 0,    10,   2, 3, 0, 0x12,
                        0x34, 0x56, 0,    0x12, 0x34, 0x57, 0, 1, 0};
    EXPECT_TRUE(std::equal(rest.begin(), rest.end(), bytes.begin() + 36));
}

TEST(DiscProto, EverySizeSurvivesTheWay) {
    for (int n = 1; n <= IPOIB_DISC_QUEUES; n++) {
        for (int buckets = 1; buckets <= IPOIB_DISC_BUCKETS; buckets++) {
            const auto sent = advert(static_cast<uint8_t>(n), static_cast<uint8_t>(buckets));
            ipoib_disc_msg m{};
            ASSERT_TRUE(decode(encode(sent), m));
            EXPECT_EQ(encode(m), encode(sent));
            EXPECT_EQ(m.generation, sent.generation);
        }
    }
    ipoib_disc_msg m{};
    const auto sent = query();
    ASSERT_TRUE(decode(encode(sent), m));
    EXPECT_EQ(encode(m), encode(sent));
    EXPECT_EQ(m.cookie, sent.cookie);
}

TEST(DiscProto, EveryOtherLengthIsRefused) {
    for (const auto& whole : {encode(query()), encode(advert(4, 128)), encode(advert(16, 128))}) {
        for (size_t length = 0; length < 2 * whole.size(); length++) {
            Bytes cut = whole;
            cut.resize(length);
            EXPECT_EQ(refused(cut), length != whole.size()) << length;
            // Nor does it help to say so in the header.
            if (length >= 8) {
                cut[6] = static_cast<uint8_t>(length >> 8);
                cut[7] = static_cast<uint8_t>(length);
                EXPECT_EQ(refused(cut), length != whole.size()) << length;
            }
        }
    }
}

TEST(DiscProto, OtherMagicVersionsAndTypesAreRefused) {
    for (size_t i = 0; i < 5; i++) {
        Bytes bytes = encode(advert(4, 128));
        bytes[i]++;
        EXPECT_TRUE(refused(bytes)) << i;
    }
    for (int type = 0; type < 256; type++) {
        Bytes bytes = encode(advert(4, 128));
        bytes[5] = static_cast<uint8_t>(type);
        EXPECT_EQ(refused(bytes), type != IPOIB_DISC_ADVERTISE) << type;
    }
}

TEST(DiscProto, NonsenseInAnAdvertisementIsRefused) {
    const auto with = [](auto change) {
        auto m = advert(4, 128);
        change(m);
        return encode(m);
    };
    EXPECT_FALSE(refused(with([](auto&) {})));
    EXPECT_TRUE(refused(with([](auto& m) { m.lifetime = 0; })));
    EXPECT_TRUE(refused(with([](auto& m) { m.lifetime = IPOIB_DISC_LIFETIME_MAX + 1; })));
    EXPECT_TRUE(refused(with([](auto& m) { m.table[127] = 4; })));
    EXPECT_TRUE(refused(with([](auto& m) { m.table[0] = 255; })));
    EXPECT_TRUE(refused(with([](auto& m) { m.qpn[0]++; }))) << "not the primary";
    for (const uint32_t qpn : {0U, 1U, 0xffffffU, 0x1000000U, 0xffffffffU}) {
        EXPECT_TRUE(refused(with([&](auto& m) { m.qpn[3] = qpn; }))) << qpn;
    }
    for (const int n : {0, 17, 255}) {
        Bytes bytes = encode(advert(4, 128));
        bytes[42] = static_cast<uint8_t>(n);
        EXPECT_TRUE(refused(bytes)) << n;
    }
    for (const int buckets : {0, 129, 255}) {
        Bytes bytes = encode(advert(4, 128));
        bytes[43] = static_cast<uint8_t>(buckets);
        EXPECT_TRUE(refused(bytes)) << buckets;
    }
}

TEST(DiscProto, RandomBytesAreHarmless) {
    std::mt19937 random(1);
    for (int i = 0; i < 200000; i++) {
        Bytes bytes = encode(advert(1 + random() % 16, 1 + random() % 128));
        for (unsigned change = random() % 4; change > 0; change--) {
            bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
        }
        bytes.resize(random() % 8 == 0 ? random() % 300 : bytes.size());
        ipoib_disc_msg m{};
        if (!decode(bytes, m)) {
            continue;
        }
        EXPECT_EQ(encode(m), bytes) << "what is taken says the same when sent on";
    }
}

TEST(DiscProto, GenerationsWrapAround) {
    EXPECT_TRUE(ipoib_disc_newer(1, 0));
    EXPECT_FALSE(ipoib_disc_newer(0, 0));
    EXPECT_FALSE(ipoib_disc_newer(0, 1));
    EXPECT_TRUE(ipoib_disc_newer(0, 0xffffffff));
    EXPECT_TRUE(ipoib_disc_newer(0x80000000, 1));
    EXPECT_FALSE(ipoib_disc_newer(0x80000002, 1));
}

/// Deals flows and compares with the weights after each.
void expect_fair(const std::vector<int>& weights, int skip) {
    std::vector<uint8_t> table;
    for (size_t queue = 0; queue < weights.size(); queue++) {
        table.insert(table.end(), weights[queue], static_cast<uint8_t>(queue));
    }
    ipoib_deal deal{};
    ipoib_deal_init(&deal, weights.size(), table.data(), table.size());
    for (int i = 0; i < skip; i++) {
        ipoib_deal_next(&deal);
    }
    std::vector<int> got(weights.size());
    for (int flows = 1; flows <= 300; flows++) {
        got.at(ipoib_deal_next(&deal))++;
        for (size_t queue = 0; queue < weights.size(); queue++) {
            const double share = 1.0 * flows * weights[queue] / table.size();
            ASSERT_LT(std::abs(got[queue] - share), 2.0)
                << flows << " flows, queue " << queue << " of " << weights.size();
            ASSERT_FALSE(weights[queue] == 0 && got[queue] != 0);
        }
    }
}

TEST(Deal, EveryQueueGetsItsShareAtAnyTime) {
    for (int skip = 0; skip < 128; skip += 5) {
        for (int n = 1; n <= 16; n++) {
            expect_fair(std::vector<int>(n, 128 / n), skip);
        }
        expect_fair({64, 32, 16, 16}, skip);
        expect_fair({0, 127, 0, 1}, skip);
        expect_fair({0, 0, 1}, skip);
    }
}

}  // namespace
