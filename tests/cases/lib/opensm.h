// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "cases/lib/command.h"

namespace cases {

/// How an OpenSM is configured.
struct OpenSmOptions {
    /// Text of partitions.conf; the default lets groups use an IB MTU of 4096.
    std::string partitions = "Default=0x7fff, ipoib, mtu=5 : ALL=full;\n";
    /// More lines of opensm.conf.
    std::string config;
    /// SM priority, 0 to 15.
    int priority = 0;
};

/// An OpenSM on one HCA's port, with configuration and log of its own. Stopped
/// with the object.
class OpenSm {
  public:
    /// Starts it; wait_subnet_up() tells when it has done its work.
    explicit OpenSm(std::string hca, OpenSmOptions options = {});

    /// Waits until it has brought the subnet up.
    void wait_subnet_up(Millis limit = seconds(30)) const;
    /// Waits until its log shows @p text @p count times or more.
    void wait_log(const std::string& text, int count = 1, Millis limit = seconds(30)) const;
    /// How often its log shows @p text.
    [[nodiscard]] int log_count(const std::string& text) const;
    [[nodiscard]] std::string log() const;

    [[nodiscard]] bool running() { return process_.running(); }
    /// Ends it in an orderly way.
    void stop();
    /// Ends it like a crash of its host.
    void kill();
    /// Starts it again after stop() or kill(), with an empty log.
    void start();
    /// Writes a new partitions.conf and makes it read that.
    void set_partitions(const std::string& text);

    /// Folder of its files.
    [[nodiscard]] const std::string& dir() const { return dir_; }

  private:
    void write_config() const;
    [[nodiscard]] Process launch() const;

    std::string hca_;
    OpenSmOptions options_;
    std::string dir_;
    Process process_;
};

}  // namespace cases
