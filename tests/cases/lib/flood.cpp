// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/flood.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <utility>

#include "cases/lib/traffic.h"

namespace cases {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

/// The caches that packets and what belongs to them come from.
constexpr std::array kCaches = {"skbuff_head_cache", "skbuff_fclone_cache", "kmalloc-96",
                                "kmalloc-128",       "kmalloc-192",         "kmalloc-256",
                                "kmalloc-512",       "kmalloc-1k",          "kmalloc-2k",
                                "kmalloc-4k",        "kmalloc-8k"};
/// Objects that other parts of the kernel may have taken meanwhile. A flood has
/// many thousands of packets: one lost in a hundred is more than this.
constexpr int64_t kTolerance = 200;
constexpr const char* kFloodGroup = "239.7.7.7";
constexpr uint16_t kFloodPort = 7777;
constexpr seconds kWarmUp{10};
constexpr seconds kReportEvery{10};
/// Longer than the kernel keeps closed connections and forgotten routes.
constexpr seconds kSettle{90};

/// Objects in use. Shrinking gives back what the CPUs hold for later, which
/// would be counted otherwise.
void add_caches(Counts& counts) {
    for (const std::string cache : kCaches) {
        const std::string dir = "/sys/kernel/slab/" + cache;
        if (fs::exists(dir + "/objects")) {
            write_text(dir + "/shrink", "1");
            // "1234 N0=1234"
            counts[cache] = std::stoll(read_text(dir + "/objects"));
        }
    }
}

/// What lies in the rings: sends in flight and receives posted.
void add_rings(Counts& counts, const Host& host) {
    const std::string file = "/sys/kernel/debug/ipoib/" + host.dev.name() + "_state";
    if (!fs::exists(file)) {
        return;
    }
    const std::string dump = read_text(file);
    static const std::regex number(R"((posted|head|tail) (\d+))");
    int64_t posted = 0;
    int64_t in_flight = 0;
    for (std::sregex_iterator it(dump.begin(), dump.end(), number), end; it != end; ++it) {
        const int64_t value = std::stoll((*it)[2]);
        if ((*it)[1] == "posted") {
            posted += value;
        } else {
            in_flight += (*it)[1] == "head" ? value : -value;
        }
    }
    counts[host.dev.name() + " receives posted"] = posted;
    counts[host.dev.name() + " sends in flight"] = in_flight;
}

bool is_exact(const std::string& name) {
    return name.find(' ') != std::string::npos;
}

}  // namespace

Counts take_counts(Hosts& hosts) {
    Counts counts;
    add_caches(counts);
    for (size_t i = 0; i < hosts.size(); i++) {
        add_rings(counts, hosts[i]);
    }
    return counts;
}

std::string changed_counts(const Counts& before, const Counts& after) {
    std::string text;
    for (const auto& [name, old] : before) {
        const int64_t now = after.at(name);
        // Caches may shrink below their start; rings must match both ways.
        if (is_exact(name) ? now != old : now > old + kTolerance) {
            text += fmt::format("{}: {} before, {} after\n", name, old, now);
        }
    }
    return text;
}

namespace {

/// The counts once they no longer fall.
Counts settled_counts(Hosts& hosts) {
    Counts counts = take_counts(hosts);
    wait_until(
        "the counts to settle",
        [&] {
            let_pass(seconds(2));
            const Counts last = std::exchange(counts, take_counts(hosts));
            return changed_counts(counts, last).empty();
        },
        kSettle);
    return counts;
}

}  // namespace

void Flood::multicast_burst() {
    Host& from = hosts_[0];
    Host& to = hosts_[1];
    UdpSocket receiver(to, kFloodPort, AF_INET);
    receiver.join(kFloodGroup, to);
    UdpSocket sender(from, 0, AF_INET);
    sender.multicast_from(from);
    wait_until("a multicast datagram during the flood", [&] {
        for (const auto& payload : numbered(0, 20)) {
            sender.send(kFloodGroup, kFloodPort, payload);
        }
        return receiver.receive(Millis(500)).has_value();
    });
}

void Flood::round(int number) {
    multicast_burst();
    const Host& host = hosts_[static_cast<size_t>(number) % 2];
    // Gives up after ten rounds when traffic brings entries back as fast.
    (void)host.ns.run({"ip", "neigh", "flush", "dev", host.dev.name()});
    let_pass(seconds(1));
}

void Flood::run(seconds time, const std::function<void(uint64_t)>& progress) {
    const Host& a = hosts_[0];
    const Host& b = hosts_[1];
    const vmtest::Deadline end(time);
    const TcpLoad there(a, b, b.ip4);
    const TcpLoad back(b, a, a.ip6);
    const std::string large = std::to_string(a.dev.state().mtu - 100);
    std::array pings = {a.ns.start({"ping", "-q", "-n", "-f", b.ip4}),
                        b.ns.start({"ping", "-q", "-n", "-f", "-s", large, a.ip4}),
                        a.ns.start({"ping", "-q", "-n", "-f", "-s", "1000", b.ip6})};
    uint64_t sent = a.dev.stats().tx_packets;
    vmtest::Deadline report(kReportEvery);
    for (int number = 0; !end.over(); number++) {
        round(number);
        if (report.over()) {
            const uint64_t now = a.dev.stats().tx_packets;
            if (now == sent) {
                throw std::runtime_error("nothing was sent for ten seconds");
            }
            sent = now;
            report = vmtest::Deadline(kReportEvery);
            if (progress) {
                progress(sent);
            }
        }
    }
    for (auto& ping : pings) {
        if (!ping.running()) {
            throw std::runtime_error("a ping flood ended early:\n" + ping.output());
        }
    }
}

void flood_without_leak(Hosts& hosts, seconds time, const std::function<void(uint64_t)>& progress) {
    Flood flood(hosts);
    flood.run(kWarmUp, {});
    const Counts before = settled_counts(hosts);
    flood.run(time, progress);
    std::string difference;
    try {
        wait_until(
            "the counts from before the flood",
            [&] {
                difference = changed_counts(before, take_counts(hosts));
                return difference.empty();
            },
            kSettle);
    } catch (const std::runtime_error&) {
        throw std::runtime_error("after the flood there is more than before:\n" + difference);
    }
}

}  // namespace cases
