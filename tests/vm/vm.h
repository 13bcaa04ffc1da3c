// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <memory>
#include <optional>

#include "vm/channel.h"
#include "vm/emulator.h"
#include "vm/kernel_cache.h"
#include "vm/process.h"

namespace vmtest {

/// Name of the virtio-serial port between runner and agent.
inline constexpr const char* kAgentPort = "ib_ipoib.agent";

/// Mount tag of the folder that takes what ran in the VM.
inline constexpr const char* kCoverageTag = "coverage";

/// How a VM is started.
struct VmOptions {
    QemuCommand qemu;
    fs::path initramfs;
    /// Virtual CPUs.
    int smp = 2;
    /// Hardware virtualization; else emulation.
    bool kvm = false;
    /// File that receives the serial console.
    fs::path console;
    /// Folder for what ran in it; empty for none.
    fs::path coverage;
    /// Connects the serial console to the caller's terminal instead.
    bool interactive = false;
};

/// A running test VM; powered off hard when the object goes.
class Vm {
  public:
    Vm(const Kernel& kernel, const VmOptions& options);

    /// The talk with the guest agent.
    [[nodiscard]] Channel& channel() { return *channel_; }
    /// Waits until the guest is ready. Returns its greeting, nothing when the
    /// guest is not ready in time.
    std::optional<nlohmann::json> wait_ready(Millis limit);
    /// Powers off; kills the VM when that takes long.
    void power_off();

  private:
    std::unique_ptr<Channel> channel_;
    std::optional<Process> qemu_;
};

/// Finds out by a short boot whether hardware virtualization works here. A
/// device node alone says little: a guest may still hang.
bool kvm_works(const Kernel& kernel, const fs::path& scratch);

}  // namespace vmtest
