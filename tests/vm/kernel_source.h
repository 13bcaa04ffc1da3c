// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vm/cache.h"

namespace vmtest {

/// The lines of @p fragment that set or unset an option, in order. The others are
/// comments, "# CONFIG_X is not set" is not.
std::vector<std::string> option_lines(std::string_view fragment);

/// The lines of the configuration fragment @p fragment that the configuration
/// @p config does not fulfil. A line that sets an option must be there as it
/// is; "# CONFIG_X is not set" holds as well when the option does not appear.
std::vector<std::string> unmet_options(std::string_view fragment, std::string_view config);

/// Configures and builds the kernel source in @p tree and installs its image
/// into @p root/boot and its modules into @p root/lib/modules. The tree stays
/// fit for the build of external modules; object files are removed.
/// @param fragment text that is added to what `make tinyconfig` gives
/// Throws std::runtime_error when a line of the fragment has no effect or the
/// build fails.
void build_kernel(const fs::path& tree, const std::string& fragment, const fs::path& root);

}  // namespace vmtest
