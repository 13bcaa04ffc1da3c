// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "vm/kernel_cache.h"

namespace vmtest {

/// Builds the driver and vib for one kernel with W=1, away from the tree, and
/// only what changed since the last time. Whatever the tools have to say is an
/// error: throws std::runtime_error with it.
/// @param source the checkout
/// @return the folder that holds ib_ipoib.ko and vib.ko
fs::path build_modules(const Kernel& kernel, const fs::path& source);

/// The same in the same folder, and looks at each file with sparse.
void check_modules(const Kernel& kernel, const fs::path& source);

}  // namespace vmtest
