// SPDX-License-Identifier: GPL-2.0-only
// What the stress test does to hosts and fabric. A new feature adds a line.
#include <fmt/format.h>

#include <string>

#include "cases/lib/command.h"
#include "cases/lib/stress.h"

namespace cases {
namespace {

void pause(StressShell& shell, unsigned most_ms) {
    let_pass(Millis(shell.draw(most_ms)));
}

void flap_link(StressShell& shell) {
    const size_t host = shell.draw_host();
    const std::lock_guard owner(shell.hosts.owner_of(host));
    const std::string link = shell.hosts.hca(host) + "/link";
    Fabric::control(link, "0");
    pause(shell, 1000);
    Fabric::control(link, "1");
}

void restart_opensm(StressShell& shell) {
    const std::lock_guard owner(shell.hosts.owner_of_opensm());
    // It runs on the HCA of the first host, which must not go meanwhile.
    const std::lock_guard hca(shell.hosts.owner_of(0));
    shell.hosts.opensm().kill();
    pause(shell, 3000);
    shell.hosts.opensm().start();
}

void resize_rings(StressShell& shell) {
    const size_t host = shell.draw_host();
    const auto rx = std::to_string(64U << shell.draw(5));
    const auto tx = std::to_string(64U << shell.draw(5));
    shell.attempt(host, {"ethtool", "-G", shell.hosts.device(host), "rx", rx, "tx", tx});
}

void change_channels(StressShell& shell) {
    const size_t host = shell.draw_host();
    const auto queues = std::to_string(1U << shell.draw(3));
    shell.attempt(host, {"ethtool", "-L", shell.hosts.device(host), "combined", queues});
}

void flip_mode(StressShell& shell) {
    const size_t host = shell.draw_host();
    const std::string file = "/sys/class/net/" + shell.hosts.device(host) + "/mode";
    const std::string mode = shell.draw(2) == 0 ? "datagram" : "connected";
    // Another namespace has a sysfs of its own.
    (void)vmtest::run({"ip", "netns", "exec", shell.hosts.ns(host).name(), "sh", "-c",
                       "echo " + mode + " > " + file},
                      patience(seconds(120)));
}

void flush_neighbours(StressShell& shell) {
    const size_t host = shell.draw_host();
    shell.attempt(host, {"ip", "neigh", "flush", "dev", shell.hosts.device(host)});
}

void down_and_up(StressShell& shell) {
    const size_t host = shell.draw_host();
    const std::string device = shell.hosts.device(host);
    shell.attempt(host, {"ip", "link", "set", device, "down"});
    pause(shell, 500);
    shell.attempt(host, {"ip", "link", "set", device, "up"});
}

void change_mtu(StressShell& shell) {
    const size_t host = shell.draw_host();
    const auto mtu = std::to_string(1280 + shell.draw(2812));
    shell.attempt(host, {"ip", "link", "set", shell.hosts.device(host), "mtu", mtu});
}

void move_around(StressShell& shell) {
    const size_t host = shell.draw_host();
    const std::lock_guard owner(shell.hosts.owner_of(host));
    const Namespace other(fmt::format("other{}", shell.number));
    const std::string device = shell.hosts.device(host);
    shell.attempt(host, {"ip", "link", "set", device, "netns", other.name()});
    pause(shell, 300);
    (void)other.run({"ip", "link", "set", device, "up"});
    pause(shell, 300);
    // Through the first namespace, where new devices of an HCA appear as well.
    const std::string home = shell.hosts.ns(host).name();
    must_run({"ip", "-n", other.name(), "link", "set", device, "netns", home});
    shell.attempt(host, {"ip", "link", "set", device, "up"});
    shell.attempt(host, {"ip", "addr", "add", shell.hosts.ip4(host) + "/24", "dev", device});
}

void remove_hca(StressShell& shell) {
    // Not the first: the subnet manager runs there.
    const size_t host = 1 + shell.draw(static_cast<unsigned>(shell.hosts.size()) - 1);
    const std::lock_guard owner(shell.hosts.owner_of(host));
    const std::string index = shell.hosts.hca(host).substr(3);
    Fabric::control("remove", index);
    pause(shell, 1000);
    Fabric::control("add", "idx=" + index);
    shell.hosts.bring_home(host);
}

void send_to_groups(StressShell& shell) {
    const size_t host = shell.draw_host();
    const auto group = fmt::format("239.1.{}.{}", shell.draw(4), shell.draw(4));
    shell.attempt(host, {"ping", "-n", "-q", "-c", "3", "-i", "0.05", "-W", "1", group});
}

void join_and_leave_group(StressShell& shell) {
    const size_t host = shell.draw_host();
    const std::string device = shell.hosts.device(host);
    const auto group = fmt::format("239.1.{}.{}/32", shell.draw(4), shell.draw(4));
    shell.attempt(host, {"ip", "addr", "add", group, "dev", device, "autojoin"});
    pause(shell, 300);
    shell.attempt(host, {"ip", "addr", "del", group, "dev", device});
}

void look(StressShell& shell) {
    const size_t host = shell.draw_host();
    const std::string device = shell.hosts.device(host);
    shell.attempt(host, {"ethtool", "-S", device});
    shell.attempt(host, {"ip", "-s", "-d", "link", "show", device});
    (void)vmtest::run({"sh", "-c", "cat /sys/kernel/debug/ipoib/*"}, patience(seconds(60)));
}

}  // namespace

const std::vector<StressOperation>& stress_operations() {
    static const std::vector<StressOperation> table = {
        {"link-flap", 3, flap_link},
        {"sm-restart", 1, restart_opensm},
        {"rings", 3, resize_rings},
        {"channels", 2, change_channels},
        {"mode", 2, flip_mode},
        {"neigh-flush", 3, flush_neighbours},
        {"down-up", 2, down_and_up},
        {"mtu", 2, change_mtu},
        {"netns", 2, move_around},
        {"hca", 1, remove_hca},
        {"groups", 3, send_to_groups},
        {"join-leave", 2, join_and_leave_group},
        {"look", 2, look},
    };
    return table;
}

}  // namespace cases
