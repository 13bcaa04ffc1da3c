// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmtest {

/// One line of a kernel log that no run may contain.
struct Splat {
    /// Short name of the class of report, such as "lockdep" or "refcount".
    std::string kind;
    /// The line as the kernel wrote it.
    std::string line;
    /// True for leaked memory or references, which have their own verdict.
    bool leak = false;
};

/// Finds every report of a fault in @p log, a kernel log with one message per
/// line. Time stamps and log levels in front of a message are ignored.
std::vector<Splat> scan_kernel_log(std::string_view log);

/// The part of @p log that tells of its first fault: a few lines that led to it
/// and the report itself. Empty when there is none.
std::string first_report(std::string_view log);

/// Whether lockdep still checks, which it gives up after its first report.
/// @param stats text of /proc/lockdep_stats
bool lockdep_checks(const std::string& stats);

}  // namespace vmtest
