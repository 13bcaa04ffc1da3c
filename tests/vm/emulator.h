// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

namespace vmtest {

/// The first words of a QEMU command: the program, and where its firmware is.
using QemuCommand = std::vector<std::string>;

/// The QEMU that is installed.
QemuCommand installed_qemu();

/// The QEMU for guests that are emulated: the newest of the suite's backports,
/// unpacked in the cache and not installed, for each version emulates quicker
/// than the ones before. Where it cannot be had, says so and returns the one
/// that is installed.
QemuCommand provide_emulator();

}  // namespace vmtest
