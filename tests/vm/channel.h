// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "vm/deadline.h"
#include "vm/fd.h"

namespace vmtest {

/// The talk between runner and guest agent: one JSON object per line, over a
/// virtio-serial port of its own.
///
/// Runner to agent, key "op":
///   run      argv, env, limit_s, coverage
///                                 runs one case and cleans up after it
///   exec     argv, env, limit_s   runs a program
///   shell    argv, env            runs a program on the console's terminal
///   poweroff
/// Agent to runner, key "event":
///   hello    kernel, kmemleak     once, when the guest is ready
///   output   text                 what the program prints
///   kmsg     text                 one kernel message
///   exit     status, timed_out, result
///   done     cleanup_errors, leak_report   after run only
class Channel {
  public:
    explicit Channel(Fd fd) : fd_(std::move(fd)) {}

    /// Sends one message. Returns false when the other side is gone.
    bool send(const nlohmann::json& message);

    /// The next message, or nothing when the deadline is over or the other side
    /// is gone; closed() tells which.
    std::optional<nlohmann::json> receive(const Deadline& deadline);

    /// True once the other side is gone.
    [[nodiscard]] bool closed() const { return closed_; }
    /// For poll().
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// True when a whole message is already here.
    [[nodiscard]] bool pending() const { return input_.find('\n') != std::string::npos; }

  private:
    bool read_more(const Deadline& deadline);

    Fd fd_;
    std::string input_;
    bool closed_ = false;
};

}  // namespace vmtest
