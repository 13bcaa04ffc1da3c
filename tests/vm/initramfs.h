// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "vm/kernel_cache.h"

namespace vmtest {

/// Builds the initramfs for one kernel: busybox, the modules that the root file
/// system needs, and the init script.
/// @param init the init script
/// @param agent the program that the script starts in the end
/// @param target the file to write
void write_initramfs(const Kernel& kernel, const fs::path& init, const fs::path& agent,
                     const fs::path& target);

/// Builds an initramfs that says so on the console and powers off: just enough
/// to find out whether an accelerator works.
void write_probe_initramfs(const fs::path& target, const std::string& message);

}  // namespace vmtest
