// SPDX-License-Identifier: GPL-2.0-only
// guest-soak: mixed traffic for as long as asked, counts compared at the end.
#include "cases/lib/soak.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "cases/lib/flood.h"
#include "cases/lib/program.h"

namespace {

using namespace cases;

void soak(const HostsOptions& options, seconds time) {
    Hosts hosts(options);
    std::cout << fmt::format("soak: {} s of mixed traffic", time.count()) << std::endl;
    const auto start = vmtest::Clock::now();
    flood_without_leak(hosts, time, [&](uint64_t sent) {
        const auto passed = std::chrono::duration_cast<seconds>(vmtest::Clock::now() - start);
        std::cout << fmt::format("{:6} s  {} has sent {} packets", passed.count(),
                                 hosts[0].ns.name(), sent)
                  << std::endl;
    });
    hosts.take_down();
    std::cout << "soak: the counts are what they were before" << std::endl;
}

void soak_disturbed(HostsOptions options, seconds time, uint32_t seed) {
    options.fabric.nhca = 3;
    Hosts hosts(options);
    std::cout << fmt::format("soak: {} s of traffic with disturbances, seed {}", time.count(), seed)
              << std::endl;
    DisturbedTraffic traffic(hosts, seed);
    traffic.run(seconds(10));
    traffic.settle();
    const Inventory before(hosts);
    vmtest::Deadline report(seconds(10));
    traffic.run(time, [&](const Disturbances& so_far) {
        if (report.over()) {
            report = vmtest::Deadline(seconds(10));
            std::cout
                << fmt::format(
                       "soak: {} packets, {} ring resizes, {} link flaps, {} neighbour flushes",
                       so_far.received, so_far.ring_resizes, so_far.link_flaps,
                       so_far.neighbour_flushes)
                << std::endl;
        }
    });
    traffic.settle();
    const std::string change = Inventory(hosts).change_since(before);
    if (!change.empty()) {
        throw std::runtime_error("there is more than before:\n" + change);
    }
    hosts.take_down();
    std::cout << "soak: the counts are what they were before" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
    HostsOptions options;
    int64_t time = 0;
    uint32_t seed = 1;
    bool stock = false;
    bool disturbed = false;
    CLI::App app{"Mixed traffic between two hosts, or three with disturbances"};
    app.add_option("seconds", time, "How long")->required()->check(CLI::PositiveNumber);
    app.add_flag("--stock", stock, "The kernel's own driver, for comparison");
    auto* disturb =
        app.add_flag("--disturb", disturbed, "Resize rings, flap a link, flush neighbours");
    disturb->excludes(app.get_option("--stock"));
    app.add_option("--seed", seed, "Which disturbances")->needs(disturb)->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    options.driver = stock ? Driver::kStock : Driver::kOurs;
    return run_program("soak", [&] {
        disturbed ? soak_disturbed(options, seconds(time), seed) : soak(options, seconds(time));
    });
}
