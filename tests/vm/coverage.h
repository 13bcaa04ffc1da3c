// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "vm/cache.h"

namespace vmtest {

/// Start of the names of the folders under a run's results that hold what ran
/// in one VM each: the files of gcov.
inline constexpr const char* kCoveragePrefix = "coverage-";

/// What ran of all files together.
struct Coverage {
    /// For people, a line per file.
    std::string table;
    /// Lines that ran, in percent.
    double lines = 0;
};

/// Adds up what ran in all VMs of a run. Leaves a page for each file, with its
/// lines, and the missing lines as text in @p results/coverage.
/// @param sources folder that the driver was built in
/// Throws std::runtime_error when nothing ran.
Coverage report_coverage(const fs::path& results, const fs::path& sources);

/// The table of a summary that gcovr wrote with --json-summary.
std::string coverage_table(const nlohmann::json& summary);

}  // namespace vmtest
