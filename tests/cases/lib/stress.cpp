// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/stress.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "cases/lib/driver_state.h"
#include "vm/deadline.h"

namespace cases {
namespace {

constexpr int kShells = 4;
/// Longest pause between two operations of a shell, in milliseconds.
constexpr unsigned kPause = 400;

/// Starts a command again and again, as it may fail for want of a link.
Process forever(const Namespace& ns, const std::string& command) {
    return ns.start({"sh", "-c", "while :; do " + command + "; sleep 0.2; done >/dev/null 2>&1"});
}

std::vector<Process> start_loads(StressedHosts& hosts) {
    std::vector<Process> loads;
    const auto load = [&](size_t host, const std::string& command) {
        loads.push_back(forever(hosts.ns(host), command));
    };
    const std::string a = hosts.ip4(0);
    const std::string b = hosts.ip4(1);
    const std::string c = hosts.ip4(2);
    for (size_t host = 0; host < hosts.size(); host++) {
        load(host, "iperf3 -s -p 5201");
        load(host, "iperf3 -s -p 5202");
    }
    load(0, fmt::format("iperf3 -c {} -p 5201 -t 20", b));
    load(1, fmt::format("iperf3 -c {} -p 5201 -t 20", c));
    load(2, fmt::format("iperf3 -c {} -p 5202 -u -b 2M -t 20", a));
    load(0, "ping -n -q -f -w 20 " + c);
    load(1, "ping -n -q -i 0.01 -w 20 239.9.9.9");
    return loads;
}

/// Draws by weight; the same draws give the same operations.
const StressOperation& pick(const std::vector<StressOperation>& all, StressShell& shell) {
    unsigned sum = 0;
    for (const auto& operation : all) {
        sum += operation.weight;
    }
    unsigned at = shell.draw(sum);
    for (const auto& operation : all) {
        if (at < operation.weight) {
            return operation;
        }
        at -= operation.weight;
    }
    return all.back();
}

std::vector<StressOperation> chosen(const std::vector<std::string>& only) {
    std::vector<StressOperation> operations = stress_operations();
    for (const auto& name : only) {
        if (std::none_of(operations.begin(), operations.end(),
                         [&](const auto& operation) { return operation.name == name; })) {
            throw std::runtime_error("no operation " + name);
        }
    }
    if (!only.empty()) {
        std::erase_if(operations, [&](const auto& operation) {
            return std::find(only.begin(), only.end(), operation.name) == only.end();
        });
    }
    return operations;
}

/// What the shells share.
struct Shared {
    std::mutex mutex;
    StressCounts counts;
    std::exception_ptr error;
};

void run_shell(StressShell& shell, const std::vector<StressOperation>& operations,
               const vmtest::Deadline& end, Shared& shared,
               const std::function<void(const std::string&)>& say) {
    while (!end.over()) {
        const auto& operation = pick(operations, shell);
        {
            const std::lock_guard lock(shared.mutex);
            shared.counts[operation.name]++;
            say(fmt::format("shell {}: {}", shell.number, operation.name));
        }
        try {
            operation.run(shell);
        } catch (const std::exception& error) {
            const std::lock_guard lock(shared.mutex);
            say(fmt::format("shell {}: {}: {}", shell.number, operation.name, error.what()));
            shared.error = std::current_exception();
            return;
        }
        let_pass(Millis(shell.draw(kPause)));
    }
}

}  // namespace

StressedHosts::StressedHosts(Hosts& hosts) : hosts_(hosts) {
    if (hosts.size() > owners_.size()) {
        throw std::runtime_error("too many hosts");
    }
}

std::string StressedHosts::device(size_t host) const {
    std::istringstream links(ns(host).run({"ip", "-o", "link"}).output);
    // "5: ib1: <BROADCAST,..." or "6: ib1.8001@ib1: ..."
    for (std::string line; std::getline(links, line);) {
        std::istringstream words(line);
        std::string number;
        std::string name;
        words >> number >> name;
        if (line.find("link/infiniband") != std::string::npos && name.find('@') == name.npos) {
            return name.substr(0, name.find(':'));
        }
    }
    return "";
}

void StressedHosts::bring_home(size_t host) {
    const Host& home = hosts_[host];
    Netdev dev = wait_ipoib(home.hca);
    dev.move_to(home.ns);
    dev.up();
    dev.add_address(home.ip4 + "/24");
    dev.add_address(home.ip6 + "/64");
}

void StressedHosts::settle() {
    for (size_t i = 0; i < size(); i++) {
        Host& host = hosts_[i];
        host.dev = Netdev(device(i), host.ns.name());
        host.dev.up();
        (void)host.ns.run({"ip", "addr", "replace", host.ip4 + "/24", "dev", host.dev.name()});
        host.dev.wait_running(seconds(120));
    }
    for (size_t i = 0; i < size(); i++) {
        const std::string to = ip4((i + 1) % size());
        wait_until(
            ns(i).name() + " reaches " + to,
            [&] {
                return ns(i).run({"ping", "-n", "-c", "1", "-W", "2", to}).ok();
            },
            seconds(120));
        wait_rings_at_rest(hosts_[i].dev);
    }
}

void StressShell::attempt(size_t host, const std::vector<std::string>& argv) {
    (void)vmtest::run(argv, patience(seconds(120)), {.netns = hosts.ns(host).name()});
}

StressCounts stress(StressedHosts& hosts, seconds time, uint32_t seed,
                    const std::vector<std::string>& only,
                    const std::function<void(const std::string&)>& say) {
    const auto operations = chosen(only);
    auto loads = start_loads(hosts);
    const vmtest::Deadline end(time);
    Shared shared;
    {
        std::vector<std::jthread> shells;
        shells.reserve(kShells);
        for (int number = 0; number < kShells; number++) {
            shells.emplace_back([&, number] {
                StressShell shell{.hosts = hosts,
                                  .random = std::mt19937(seed * kShells + number),
                                  .number = number + 1};
                run_shell(shell, operations, end, shared, say);
            });
        }
    }
    for (auto& load : loads) {
        load.stop(patience(seconds(30)));
    }
    if (shared.error) {
        std::rethrow_exception(shared.error);
    }
    return shared.counts;
}

}  // namespace cases
