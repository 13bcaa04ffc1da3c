// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "vm/kernel_cache.h"

namespace vmtest {

/// Builds the driver and vib for one kernel, away from the tree, and only what
/// changed since the last time. Throws std::runtime_error with the compiler's
/// output when that fails.
/// @param source the checkout
/// @return the folder that holds ib_ipoib.ko and vib.ko
fs::path build_modules(const Kernel& kernel, const fs::path& source);

/// Builds both with W=1 and sparse, every warning an error, in a folder of its
/// own. Returns what the tools had to say; empty when all is well.
std::string strict_build(const Kernel& kernel, const fs::path& source);

}  // namespace vmtest
