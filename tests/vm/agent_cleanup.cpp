// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include <array>
#include <fstream>
#include <sstream>
#include <thread>

#include "vm/agent.h"
#include "vm/cache.h"
#include "vm/splat.h"

namespace vmtest {
namespace {

constexpr const char* kKmemleak = "/sys/kernel/debug/kmemleak";
constexpr const char* kLockdepStats = "/proc/lockdep_stats";
/// The modules under test, in the order they are unloaded.
constexpr std::array kModules = {"ib_ipoib", "vib"};

bool write_text(const fs::path& file, const std::string& text) {
    std::ofstream out(file);
    out << text;
    out.close();
    return bool(out);
}

std::string read_or_empty(const fs::path& file) {
    try {
        return read_file(file);
    } catch (const std::exception&) {
        return "";
    }
}

/// Kills every process of the case. Returns what refuses to die.
std::vector<std::string> kill_all(const fs::path& cgroup, Millis limit) {
    const fs::path procs = cgroup / "cgroup.procs";
    write_text(cgroup / "cgroup.kill", "1");
    const Deadline deadline(limit);
    while (!read_or_empty(procs).empty() && !deadline.over()) {
        std::this_thread::sleep_for(Millis(20));
    }
    std::vector<std::string> errors;
    std::istringstream left(read_or_empty(procs));
    for (std::string pid; left >> pid;) {
        const fs::path proc = fs::path("/proc") / pid;
        errors.push_back(fmt::format("process {} ({}) does not die; it is in:\n{}", pid,
                                     read_or_empty(proc / "comm"), read_or_empty(proc / "stack")));
    }
    return errors;
}

void must(std::vector<std::string>& errors, const std::vector<std::string>& argv, Millis limit) {
    const auto result = run(argv, limit);
    if (!result.ok()) {
        errors.push_back(fmt::format(
            "`{}` {}: {}", command_line(argv),
            result.status < 0 ? "does not end" : fmt::format("ended with status {}", result.status),
            result.output));
    }
}

bool is_loaded(const std::string& module) {
    return fs::exists(fs::path("/sys/module") / module);
}

bool have_kmemleak() {
    return fs::exists(kKmemleak);
}

}  // namespace

std::vector<std::string> clean_up(const std::string& cgroup, Millis limit) {
    std::vector<std::string> errors = kill_all(cgroup, limit);
    if (fs::exists("/run/netns")) {
        for (const auto& entry : fs::directory_iterator("/run/netns")) {
            must(errors, {"ip", "netns", "del", entry.path().filename()}, limit);
        }
    }
    for (const std::string module : kModules) {
        if (is_loaded(module)) {
            must(errors, {"rmmod", module}, limit);
        }
    }
    return errors;
}

void clear_kmemleak() {
    if (have_kmemleak()) {
        write_text(kKmemleak, "clear");
    }
}

std::string scan_kmemleak() {
    if (!have_kmemleak()) {
        return "";
    }
    // An object counts as leaked when two scans in a row find no pointer to it
    // and it is older than five seconds.
    std::this_thread::sleep_for(std::chrono::seconds(6));
    write_text(kKmemleak, "scan");
    write_text(kKmemleak, "scan");
    return read_or_empty(kKmemleak);
}

std::vector<std::string> stopped_checkers() {
    std::vector<std::string> stopped;
    // It takes no more orders then.
    if (have_kmemleak() && !write_text(kKmemleak, "scan=off")) {
        stopped.emplace_back("kmemleak has stopped looking for leaks");
    }
    if (fs::exists(kLockdepStats) && !lockdep_checks(read_or_empty(kLockdepStats))) {
        stopped.emplace_back("lockdep has stopped checking");
    }
    return stopped;
}

}  // namespace vmtest
