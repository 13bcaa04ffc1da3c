// SPDX-License-Identifier: GPL-2.0-only
// libFuzzer: any bytes as a message of queue discovery. What is taken must be
// within the limits and encode to the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "ipoib_disc_proto.h"

namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

void take(const std::vector<uint8_t>& bytes) {
    ipoib_disc_msg m;
    if (!ipoib_disc_decode(bytes.data(), static_cast<uint32_t>(bytes.size()), &m)) {
        return;
    }
    uint8_t again[IPOIB_DISC_MAX_LEN];
    require(ipoib_disc_encode(&m, again) == bytes.size() &&
            std::memcmp(again, bytes.data(), bytes.size()) == 0);
    if (m.type != IPOIB_DISC_ADVERTISE) {
        return;
    }
    ipoib_deal deal;
    ipoib_deal_init(&deal, m.n, m.table, m.buckets);
    for (int i = 0; i < 64; i++) {
        require(ipoib_deal_next(&deal) < m.n);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::vector<uint8_t> bytes(data, data + size);
    take(bytes);
    // The same with a header that fits, or few inputs would get past it.
    if (size >= IPOIB_DISC_HDR_LEN) {
        ipoib_disc_put(bytes.data(), IPOIB_DISC_MAGIC, 4);
        bytes[4] = IPOIB_DISC_VERSION;
        bytes[5] = static_cast<uint8_t>(1 + bytes[5] % 2);
        ipoib_disc_put(bytes.data() + 6, static_cast<uint32_t>(size), 2);
        take(bytes);
    }
    return 0;
}
