// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vm/channel.h"
#include "vm/process.h"

namespace vmtest {

/// Reads the kernel's messages as they come (/dev/kmsg).
class KernelLog {
  public:
    /// Starts with the first message that is still there.
    KernelLog();
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// The next message, one or more lines; nothing when there is none now.
    std::optional<std::string> next();

  private:
    Fd fd_;
};

/// The guest's side of the runner: runs one case at a time, streams what it
/// prints and what the kernel says, then puts the guest back in order.
class Agent {
  public:
    explicit Agent(Fd port);

    /// Serves until the runner says poweroff or is gone.
    void serve();

  private:
    void hello();
    void run_case(const nlohmann::json& order);
    void watch(Process& process, int output, const Deadline& deadline);
    bool pump(int process, int output, Millis limit);
    void send_kernel_log();

    Channel channel_;
    KernelLog log_;
};

/// Puts the guest back in order after a case: processes, namespaces, modules.
/// Returns what could not be done.
std::vector<std::string> clean_up(const std::string& cgroup, Millis limit);

/// Forgets the leaks known so far.
void clear_kmemleak();
/// Looks for leaked memory. Returns the kernel's report, empty when clean.
std::string scan_kmemleak();
/// The checkers that the kernel has, but which have stopped: lockdep does so
/// after its first report, kmemleak when it has no memory. A case that they did
/// not watch to its end proves nothing.
std::vector<std::string> stopped_checkers();

/// Hands the runner what has run in this kernel so far. Returns why it cannot.
std::optional<std::string> save_coverage();

}  // namespace vmtest
