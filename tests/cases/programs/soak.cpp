// SPDX-License-Identifier: GPL-2.0-only
// guest-soak: random operations or mixed traffic for as long as asked.
#include "cases/lib/soak.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <random>

#include "cases/lib/flood.h"
#include "cases/lib/program.h"
#include "cases/lib/stress.h"

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
    traffic.run([](const Disturbances& done) { return done.sum() >= 20; });
    traffic.settle();
    const Inventory before(hosts);
    vmtest::Deadline report(seconds(10));
    const vmtest::Deadline end(time);
    traffic.run([&](const Disturbances& so_far) {
        if (report.over()) {
            report = vmtest::Deadline(seconds(10));
            std::cout
                << fmt::format(
                       "soak: {} packets, {} ring resizes, {} link flaps, {} neighbour flushes",
                       so_far.received, so_far.ring_resizes, so_far.link_flaps,
                       so_far.neighbour_flushes)
                << std::endl;
        }
        return end.over();
    });
    traffic.settle();
    const std::string change = Inventory(hosts).change_since(before);
    if (!change.empty()) {
        throw std::runtime_error("there is more than before:\n" + change);
    }
    hosts.take_down();
    std::cout << "soak: the counts are what they were before" << std::endl;
}

std::string count_text(const StressCounts& counts) {
    std::string text;
    for (const auto& [name, number] : counts) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, name);
    }
    return text;
}

void stress_hosts(HostsOptions options, seconds time, uint32_t seed,
                  const std::vector<std::string>& only, bool verbose) {
    options.fabric.nhca = 3;
    Hosts hosts(options);
    StressedHosts stressed(hosts);
    std::cout << fmt::format("soak: {} s of random operations, --seed {}", time.count(), seed)
              << std::endl;
    const auto start = vmtest::Clock::now();
    const auto counts = stress(stressed, time, seed, only, [&](const std::string& text) {
        const auto passed = std::chrono::duration_cast<seconds>(vmtest::Clock::now() - start);
        if (verbose) {
            std::cout << fmt::format("{:6} s  {}", passed.count(), text) << std::endl;
        }
    });
    std::cout << fmt::format("soak: done: {}", count_text(counts)) << std::endl;
    stressed.settle();
    hosts.take_down();
    std::cout << fmt::format("soak: all hosts talk again, the driver is gone (seed {})", seed)
              << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
    HostsOptions options;
    int64_t time = 0;
    uint32_t seed = std::random_device()();
    bool stock = false;
    bool flood = false;
    bool disturbed = false;
    bool verbose = false;
    std::vector<std::string> only;
    CLI::App app{"Random operations on hosts that are busy, or mixed traffic and a count"};
    app.add_option("seconds", time, "How long")->required()->check(CLI::PositiveNumber);
    app.add_option("--seed", seed, "Which operations; a random one by default");
    app.add_option("--only", only, "Only these operations")->delimiter(',');
    app.add_flag("--verbose", verbose, "Show each operation");
    auto* traffic = app.add_flag("--flood", flood, "Two hosts, mixed traffic, counts at the end");
    app.add_flag("--disturb", disturbed,
                 "Three hosts, traffic, rings, a link, neighbours; counts at the end")
        ->excludes(traffic);
    app.add_flag("--stock", stock, "With --flood: the kernel's own driver")->needs(traffic);
    CLI11_PARSE(app, argc, argv);
    options.driver = stock ? Driver::kStock : Driver::kOurs;
    return run_program("soak", [&] {
        if (flood) {
            soak(options, seconds(time));
        } else if (disturbed) {
            soak_disturbed(options, seconds(time), seed);
        } else {
            stress_hosts(options, seconds(time), seed, only, verbose);
        }
    });
}
