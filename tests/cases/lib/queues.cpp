// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/queues.h"

#include <fmt/format.h>

#include <sstream>

#include "cases/lib/verbs.h"

namespace cases {

void set_queues(const Host& host, int count) {
    host.ns.must({"ethtool", "-L", host.dev.name(), "combined", std::to_string(count)},
                 seconds(120));
}

int queues(const Host& host) {
    const std::string text = host.ns.must({"ethtool", "-l", host.dev.name()});
    const std::string key = "Combined:";
    return std::stoi(text.substr(text.find(key, text.find("Current")) + key.size()));
}

std::vector<uint64_t> per_queue(const StatsSince& since, const std::string& direction,
                                const std::string& counter) {
    std::vector<uint64_t> growth;
    growth.reserve(kQueues);
    for (int i = 0; i < kQueues; i++) {
        growth.push_back(since[fmt::format("{}{}_{}", direction, i, counter)]);
    }
    return growth;
}

int queues_known(const Host& host, const Host& peer) {
    // "fe80:0000:... qpn 0x000048 ... queues 4 discovered"
    std::string gid;
    const auto bytes = gid_of(peer.dev.state().address);
    for (size_t i = 0; i < bytes.size(); i += 2) {
        gid += fmt::format("{}{:02x}{:02x}", i == 0 ? "" : ":", bytes[i], bytes[i + 1]);
    }
    std::istringstream dump(driver_dump(host.dev, "neigh"));
    int known = 0;
    for (std::string line; std::getline(dump, line);) {
        if (line.starts_with(gid)) {
            const std::string key = " queues ";
            known = std::max(known, std::stoi(line.substr(line.find(key) + key.size())));
        }
    }
    return known;
}

void wait_queues_known(const Host& host, const Host& peer, int count, Millis limit) {
    wait_until(
        fmt::format("{} knows {} queues of {}", host.ns.name(), count, peer.ns.name()),
        [&] {
            (void)host.ns.run({"ping", "-n", "-q", "-c", "1", "-W", "1", peer.ip4});
            return queues_known(host, peer) == count;
        },
        limit);
}

}  // namespace cases
