// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/two_hosts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "cases/lib/driver_state.h"

namespace cases {
namespace {

/// A busy host may not run a VM for so long.
constexpr seconds kHostPause{30};

Module load_driver(const HostsOptions& options) {
    return options.driver == Driver::kOurs ? Module::built("ib_ipoib", options.driver_params)
                                           : Module::stock("ib_ipoib", options.driver_params);
}

void configure(const Host& host) {
    host.dev.up();
    host.dev.add_address(host.ip4 + "/24");
    host.dev.add_address(host.ip6 + "/64");
}

/// The word that follows @p name among the words of a command.
std::string option(const std::vector<std::string>& words, const std::string& name,
                   const std::string& otherwise) {
    const auto found = std::ranges::find(words, name);
    return found != words.end() && found + 1 != words.end() ? found[1] : otherwise;
}

/// "64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=5.54 ms"
bool answered(const std::string& text, int seq) {
    std::istringstream lines(text);
    const std::string word = fmt::format(" icmp_seq={} ", seq);
    for (std::string line; std::getline(lines, line);) {
        if (line.find(" bytes from ") != std::string::npos &&
            line.find(word) != std::string::npos) {
            return true;
        }
    }
    return false;
}

void show_host(const Host& host) {
    fmt::print("--- {}\n", host.ns.name());
    for (const auto& command : std::vector<std::vector<std::string>>{
             {"ip", "-s", "-s", "link", "show", "dev", host.dev.name()},
             {"ip", "-s", "neigh"},
             {"ip", "route", "show", "cache"},
             {"tc", "-s", "qdisc", "show", "dev", host.dev.name()}}) {
        fmt::print("{}", host.ns.run(command).output);
    }
    fmt::print("no receive buffer: {}\n", Fabric::query(host.hca + "/no_receive"));
    for (const auto& [name, value] : ethtool_stats(host.dev)) {
        if (value != 0) {
            fmt::print("{} {}\n", name, value);
        }
    }
    for (const char* which : {"state", "cm", "neigh", "path", "mcg"}) {
        fmt::print("{}\n", driver_dump(host.dev, which));
    }
}

}  // namespace

std::string Host::ping(const std::string& address, int count,
                       const std::vector<std::string>& more) const {
    // By itself ping waits only two round trips for the last answer once others
    // have come; with a deadline it would wait for a number of answers, whichever
    // they are, and end when later ones overtake. So it goes on asking until the
    // first ones are answered.
    const double interval = std::stod(option(more, "-i", "0.2"));
    const auto limit =
        kHostPause + seconds(std::stol(option(more, "-W", "5")) + std::lround(count * interval));
    std::vector<std::string> argv = {
        "ping", "-n", "-w",
        std::to_string(std::chrono::duration_cast<seconds>(patience(limit)).count())};
    if (option(more, "-i", "").empty()) {
        argv.insert(argv.end(), {"-i", "0.2"});
    }
    argv.insert(argv.end(), more.begin(), more.end());
    argv.push_back(address);
    auto process = ns.start(argv);
    int seq = 1;
    wait_until(
        "ping ends",
        [&] {
            const bool running = process.running();
            const auto text = process.output();
            while (seq <= count && answered(text, seq)) {
                seq++;
            }
            return seq > count || !running;
        },
        limit + seconds(60));
    process.kill(SIGINT);
    process.wait(patience(seconds(10)));
    auto text = process.output();
    if (seq <= count) {
        throw std::runtime_error(fmt::format("ping lost packet {}:\n{}", seq, text));
    }
    return text;
}

void Host::wait_reaches(const std::string& address) const {
    wait_until(
        ns.name() + " reaches " + address,
        [&] {
            return ns.run({"ping", "-n", "-c", "1", "-W", "2", address}).ok();
        },
        seconds(120));
}

Hosts::Hosts(const HostsOptions& options)
    : fabric_(options.fabric),
      opensm_(Fabric::hca(0), options.opensm),
      driver_(load_driver(options)) {
    opensm_.wait_subnet_up();
    fabric_.wait_active();
    for (int i = 0; i < options.fabric.nhca; i++) {
        add_host(i);
    }
    for (const auto& host : hosts_) {
        host->dev.wait_running();
    }
}

void Hosts::add_host(int index) {
    const std::string hca = Fabric::hca(index);
    hosts_.push_back(std::make_unique<Host>(Host{.hca = hca,
                                                 .ns = Namespace("h" + std::to_string(index + 1)),
                                                 .dev = wait_ipoib(hca),
                                                 .ip4 = fmt::format("10.0.0.{}", index + 1),
                                                 .ip6 = fmt::format("fd00::{:x}", index + 1)}));
    Host& host = *hosts_.back();
    host.dev.move_to(host.ns);
    configure(host);
}

void Hosts::adopt(size_t index) {
    Host& host = (*this)[index];
    host.dev = wait_ipoib(host.hca);
    host.dev.move_to(host.ns);
    configure(host);
    host.dev.wait_running();
}

void Hosts::show() const {
    for (const auto& host : hosts_) {
        try {
            show_host(*host);
        } catch (const std::exception& error) {
            fmt::print("{}\n", error.what());
        }
    }
}

void Hosts::take_down() {
    // Interfaces go down while the subnet manager lives, so that leaving the
    // groups does not have to wait for answers.
    for (const auto& host : hosts_) {
        if (host->dev.exists()) {
            host->dev.down();
        }
    }
    driver_.unload();
    hosts_.clear();
    opensm_.stop();
    fabric_.unload();
}

void TwoHosts::TearDown() {
    if (!hosts_) {
        return;
    }
    if (testing::Test::HasFailure()) {
        hosts_->show();
    }
    hosts_->take_down();
}

}  // namespace cases
