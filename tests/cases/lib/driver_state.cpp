// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/driver_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "cases/lib/command.h"

namespace cases {
namespace {

/// The word that follows @p key in a line of a dump.
std::string word_after(const std::string& line, const std::string& key) {
    const size_t at = line.find(key);
    if (at == std::string::npos) {
        throw std::runtime_error("no \"" + key + "\" in \"" + line + "\"");
    }
    const size_t start = at + key.size();
    return line.substr(start, line.find_first_of(" ,\n", start) - start);
}

uint32_t number_after(const std::string& line, const std::string& key) {
    return static_cast<uint32_t>(std::stoul(word_after(line, key), nullptr, 0));
}

void note_line(DriverState& state, const std::string& line) {
    if (line.starts_with("state: ")) {
        state.oper = word_after(line, "state: ");
    } else if (line.starts_with("qkey: ")) {
        state.qkey = number_after(line, "qkey: ");
    } else if (line.starts_with("address handles: ")) {
        state.address_handles = std::stoi(word_after(line, "address handles: "));
    } else if (line.starts_with("queue ")) {
        state.queues.push_back({.qpn = number_after(line, "qpn ")});
    } else if (line.starts_with("  rx: ")) {
        QueueState& queue = state.queues.at(state.queues.size() - 1);
        queue.rx_depth = number_after(line, "depth ");
        queue.rx_limit = number_after(line, "limit ");
        queue.rx_posted = number_after(line, "posted ");
    } else if (line.starts_with("  tx: ")) {
        QueueState& queue = state.queues.at(state.queues.size() - 1);
        queue.tx_depth = number_after(line, "depth ");
        queue.tx_limit = number_after(line, "limit ");
        queue.tx_head = number_after(line, "head ");
        queue.tx_tail = number_after(line, "tail ");
    }
}

}  // namespace

std::string driver_dump(const Netdev& dev, const std::string& which) {
    // Devices of different namespaces may have the same name; the dumps of the
    // second one then have its port in theirs.
    const std::string longer =
        fmt::format("/sys/kernel/debug/ipoib/{}@{}_{}", dev.name(), dev.port(), which);
    return read_text(std::filesystem::exists(longer)
                         ? longer
                         : fmt::format("/sys/kernel/debug/ipoib/{}_{}", dev.name(), which));
}

DriverState driver_state(const Netdev& dev) {
    DriverState state;
    std::istringstream dump(driver_dump(dev, "state"));
    for (std::string line; std::getline(dump, line);) {
        note_line(state, line);
    }
    return state;
}

void wait_rings_at_rest(const Netdev& dev, Millis limit, bool may_be_fuller) {
    wait_until(
        "the rings of " + dev.name() + " come to rest",
        [&] {
            const auto queues = driver_state(dev).queues;
            return std::ranges::all_of(queues, [&](const QueueState& queue) {
                return queue.in_flight() == 0 &&
                       (queue.rx_posted == queue.rx_limit ||
                        (may_be_fuller && queue.rx_posted > queue.rx_limit));
            });
        },
        limit);
}

void wait_nothing_held(const Netdev& dev, Millis limit) {
    wait_until(
        dev.name() + " gives back what it held",
        [&] {
            const DriverState state = driver_state(dev);
            return state.address_handles == 0 &&
                   std::all_of(state.queues.begin(), state.queues.end(), [](const auto& queue) {
                       return queue.in_flight() == 0 && queue.rx_posted == 0;
                   });
        },
        limit);
}

void wait_groups_joined(const Netdev& dev, Millis limit) {
    {
        const NamespaceScope scope(dev.netns());
        write_text("/proc/sys/net/ipv6/conf/" + dev.name() + "/router_solicitations", "0");
    }
    wait_until(
        dev.name() + " joins its groups",
        [&] {
            std::istringstream dump(driver_dump(dev, "mcg"));
            std::string line;
            std::getline(dump, line);
            bool reports = false;
            while (std::getline(dump, line)) {
                if (line.find(" member") == std::string::npos) {
                    return false;
                }
                reports = reports || line.find(":0000:0016 ") != std::string::npos;
            }
            return reports;
        },
        limit);
}

std::map<std::string, uint64_t> ethtool_stats(const Netdev& dev) {
    std::istringstream text(
        must_run({"ethtool", "-S", dev.name()}, seconds(60), {.netns = dev.netns()}));
    std::map<std::string, uint64_t> stats;
    for (std::string line; std::getline(text, line);) {
        const size_t colon = line.find(": ");
        const size_t start = line.find_first_not_of(' ');
        if (colon == std::string::npos) {
            continue;
        }
        const std::string name = line.substr(start, colon - start);
        const uint64_t value = std::stoull(line.substr(colon + 2));
        stats[name] = value;
        const size_t digits = name.find_first_not_of("0123456789", 2);
        if (digits != std::string::npos && digits > 2) {
            stats[name.substr(0, 2) + "*" + name.substr(digits)] += value;
        }
    }
    return stats;
}

uint64_t StatsSince::operator[](const std::string& name) const {
    const auto now = ethtool_stats(dev_);
    if (!now.contains(name)) {
        throw std::runtime_error("ethtool -S shows no " + name);
    }
    return now.at(name) - start_.at(name);
}

void StatsSince::wait(const std::string& name, uint64_t least, Millis limit) const {
    wait_until(
        fmt::format("{} of {} grows by {}", name, dev_.name(), least),
        [&] { return (*this)[name] >= least; }, limit);
}

std::map<std::string, unsigned> rdma_resources(const std::string& hca) {
    const auto all = nlohmann::json::parse(must_run({"rdma", "-j", "resource", "show", hca}));
    std::map<std::string, unsigned> numbers;
    for (const auto& [name, value] : all.at(0).items()) {
        if (value.is_number_unsigned() && name != "ifindex") {
            numbers[name] = value.get<unsigned>();
        }
    }
    return numbers;
}

}  // namespace cases
