// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vmtest {

/// The result of one case; exactly one per case.
enum class Verdict {
    kPass,
    /// An expectation of the case did not hold, or its cleanup failed.
    kFail,
    /// The kernel lacks a feature that the case needs.
    kSkip,
    /// The VM stopped answering: nothing is known.
    kLost,
    /// The kernel reported a fault while the case ran or was cleaned up.
    kSplat,
    /// Memory or a reference was left behind.
    kLeak,
    /// The case or its cleanup did not end in time.
    kTimeout,
};

/// "pass", "fail", ...
const char* to_string(Verdict verdict);

/// Everything known about one case when it is over.
struct CaseRecord {
    std::string name;
    /// There was no VM fit for it, so it did not run.
    bool no_vm = false;
    /// The channel to the guest broke, or the guest no longer answered.
    bool lost = false;
    /// The case was stopped by its deadline.
    bool timed_out = false;
    /// Exit status of the case's process.
    std::optional<int> status;
    /// True when the case wrote its own account of the result.
    bool reported = false;
    /// Expectations that did not hold.
    std::vector<std::string> failures;
    /// Set when the case skipped itself: the text it gave.
    std::optional<std::string> skip_reason;
    /// What could not be put back in order after the case.
    std::vector<std::string> cleanup_errors;
    /// Kernel messages from the start of the case to the end of its cleanup.
    std::string kernel_log;
    /// What kmemleak found, empty when nothing or not in this kernel.
    std::string leak_report;
    /// What the case printed.
    std::string output;
    /// Seconds from start to the end of the cleanup.
    double seconds = 0;
};

/// A verdict and the one line that explains it (empty for a pass).
struct Judgement {
    Verdict verdict = Verdict::kPass;
    std::string reason;
    /// True when the VM cannot be trusted with another case.
    bool replace_vm = false;
};

/// Prefix of the only accepted reason for a skip; the feature's name follows.
inline constexpr const char* kSkipPrefix = "missing feature: ";

/// Judges one case.
/// @param record what happened
/// @param lacks names of the features this kernel is known not to have
Judgement judge(const CaseRecord& record, const std::set<std::string>& lacks);

/// Why a VM that has just started is no place for a case: a report in its
/// kernel's log, or a checker of the kernel that has stopped.
/// @param stopped such checkers, in words
/// @return empty when there is nothing against it
std::string boot_fault(std::string_view kernel_log, const std::vector<std::string>& stopped);

}  // namespace vmtest
