// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vm/deadline.h"
#include "vm/fd.h"

namespace vmtest {

/// How a program is started.
struct ProcessOptions {
    /// Name of a network namespace (`ip netns`), empty for the caller's own.
    std::string netns;
    /// Working directory, empty for the caller's own.
    std::string dir;
    /// Variables set on top of the caller's environment.
    std::map<std::string, std::string> env;
    /// Where stdout and stderr go; -1 collects them for output().
    int output_fd = -1;
    /// Standard input; -1 for /dev/null.
    int input_fd = -1;
    /// Descriptors that stay open in the program, under their own numbers.
    std::vector<int> keep_fds;
    /// A terminal that becomes the controlling one of a new session.
    bool controlling_tty = false;
    /// Start in this cgroup (a directory of cgroup v2), empty for the caller's.
    std::string cgroup;
};

/// A running program with its process group; killed when the object goes.
class Process {
  public:
    /// Starts @p argv (found by PATH). Throws std::system_error when it cannot.
    explicit Process(const std::vector<std::string>& argv, const ProcessOptions& options = {});
    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) noexcept;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Readable once the program has ended; for poll().
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }

    /// Waits for the end. Returns the exit status (128 + signal when killed), or
    /// nothing when the program still runs after @p limit.
    std::optional<int> wait(Millis limit);
    /// True while the program runs.
    bool running() { return !wait(Millis(0)).has_value(); }
    /// Sends @p sig to the program's process group.
    void kill(int sig = SIGKILL) const;
    /// SIGTERM, then SIGKILL after @p grace. Returns the exit status.
    int stop(Millis grace = std::chrono::seconds(10));

    /// What the program has written so far (unless output_fd was given).
    [[nodiscard]] std::string output() const;

  private:
    void end();

    pid_t pid_ = -1;
    Fd pidfd_;
    Fd output_;
    std::optional<int> status_;
};

/// What a finished program left behind.
struct RunResult {
    /// Exit status, 128 + signal when killed, -1 when stopped by the deadline.
    int status = -1;
    /// stdout and stderr.
    std::string output;
    [[nodiscard]] bool ok() const { return status == 0; }
};

/// Runs a program to its end; kills it after @p limit.
RunResult run(const std::vector<std::string>& argv, Millis limit,
              const ProcessOptions& options = {});

/// Runs a program that must succeed. Throws std::runtime_error with what it
/// printed when it does not.
void run_or_throw(const std::vector<std::string>& argv, Millis limit,
                  const ProcessOptions& options = {});

/// The words of a command for messages.
std::string command_line(const std::vector<std::string>& argv);

}  // namespace vmtest
