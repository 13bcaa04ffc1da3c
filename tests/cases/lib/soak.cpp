// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/soak.h"

#include <fmt/format.h>

#include <utility>

#include "cases/lib/driver_state.h"

namespace cases {
namespace {

constexpr const char* kLoadGroup = "239.1.2.3";
/// The default sizes of the rings.
constexpr const char* kRxRing = "256";
constexpr const char* kTxRing = "128";
/// Between two disturbances.
constexpr Millis kCalm{200};
/// A link is down for so long.
constexpr Millis kUnplugged{300};
/// The longest that iperf3 takes, in seconds.
constexpr const char* kNoEnd = "86400";

void start_server(const Host& host, int port, std::vector<Process>& loads) {
    const auto text = std::to_string(port);
    loads.push_back(host.ns.start({"iperf3", "-s", "-p", text}));
    wait_until("iperf3 listens", [&] {
        return host.ns.run({"ss", "-ltn"}).output.find(":" + text) != std::string::npos;
    });
}

void wait_talking(Hosts& hosts) {
    for (size_t i = 0; i < hosts.size(); i++) {
        hosts[i].dev.wait_running(seconds(120));
    }
    for (size_t i = 0; i < hosts.size(); i++) {
        const auto& to = hosts[(i + 1) % hosts.size()].ip4;
        wait_until(
            hosts[i].dev.name() + " reaches " + to,
            [&] {
                return hosts[i].ns.run({"ping", "-n", "-c", "1", "-W", "2", to}).ok();
            },
            seconds(120));
    }
}

}  // namespace

std::vector<Process> DisturbedTraffic::start_loads() {
    const std::string length = kNoEnd;
    Host& a = hosts_[0];
    Host& b = hosts_[1];
    Host& c = hosts_[2];
    std::vector<Process> loads;
    start_server(b, 5201, loads);
    start_server(b, 5202, loads);
    start_server(a, 5203, loads);
    loads.push_back(a.ns.start({"iperf3", "-c", b.ip4, "-p", "5201", "-t", length}));
    loads.push_back(b.ns.start({"iperf3", "-c", a.ip6, "-p", "5203", "-t", length}));
    loads.push_back(
        a.ns.start({"iperf3", "-c", b.ip4, "-p", "5202", "-u", "-b", "20M", "-t", length}));
    loads.push_back(b.ns.start({"ping", "-n", "-q", "-f", a.ip4}));
    loads.push_back(a.ns.start({"ping", "-n", "-q", "-f", c.ip4}));
    loads.push_back(
        c.ns.start({"ping", "-n", "-q", "-i", "0.005", "-I", c.dev.name(), kLoadGroup}));
    return loads;
}

void DisturbedTraffic::resize_rings(Host& host) {
    const auto size = [&] { return std::to_string(64U << random_() % 3); };
    const std::string rx = size();
    const std::string tx = size();
    // ethtool refuses to set what is set already.
    if (host.ns.run({"ethtool", "-G", host.dev.name(), "rx", rx, "tx", tx}).ok()) {
        counts_.ring_resizes++;
    }
}

void DisturbedTraffic::flap_link() {
    const std::string link = hosts_[2].hca + "/link";
    Fabric::control(link, "0");
    let_pass(kUnplugged);
    Fabric::control(link, "1");
    counts_.link_flaps++;
}

void DisturbedTraffic::disturb() {
    Host& host = hosts_[random_() % 2];
    switch (random_() % 4) {
        case 0:
            flap_link();
            break;
        case 1:
            // Gives up after ten rounds when traffic brings entries back as fast.
            (void)host.ns.run({"ip", "neigh", "flush", "dev", host.dev.name()});
            counts_.neighbour_flushes++;
            break;
        default:
            resize_rings(host);
            break;
    }
}

void DisturbedTraffic::run(const std::function<bool(const Disturbances&)>& enough) {
    const uint64_t before = hosts_[1].dev.stats().rx_packets;
    auto loads = start_loads();
    counts_ = {};
    do {
        disturb();
        let_pass(kCalm);
        counts_.received = hosts_[1].dev.stats().rx_packets - before;
    } while (!enough(counts_));
    for (auto& load : loads) {
        load.stop(seconds(30));
    }
}

void DisturbedTraffic::settle() {
    for (size_t i = 0; i < 2; i++) {
        // Refuses when nothing would change.
        (void)hosts_[i].ns.run(
            {"ethtool", "-G", hosts_[i].dev.name(), "rx", kRxRing, "tx", kTxRing});
    }
    wait_talking(hosts_);
    for (size_t i = 0; i < hosts_.size(); i++) {
        wait_rings_at_rest(hosts_[i].dev);
    }
}

Inventory::Inventory(Hosts& hosts) {
    Counts objects;
    for (size_t i = 0; i < hosts.size(); i++) {
        hosts[i].dev.down();
    }
    for (size_t i = 0; i < hosts.size(); i++) {
        wait_nothing_held(hosts[i].dev);
        for (const auto& [name, number] : rdma_resources(hosts[i].hca)) {
            objects[hosts[i].hca + " " + name] = number;
        }
    }
    // What was freed by RCU and by other parts of the stack takes a while: the
    // counts are those once they no longer fall.
    wait_until(
        "the counts settle",
        [&] {
            const Counts last = std::exchange(counts_, take_counts(hosts));
            let_pass(seconds(2));
            return !last.empty() && changed_counts(counts_, last).empty();
        },
        seconds(120));
    counts_.merge(objects);
    for (size_t i = 0; i < hosts.size(); i++) {
        hosts[i].dev.up();
        hosts[i].dev.wait_running();
        // Down, the device forgot its IPv6 addresses.
        hosts[i].dev.add_address(hosts[i].ip6 + "/64");
    }
    wait_talking(hosts);
}

}  // namespace cases
