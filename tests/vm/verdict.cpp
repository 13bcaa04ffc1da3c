// SPDX-License-Identifier: GPL-2.0-only
#include "vm/verdict.h"

#include <sstream>

#include "vm/splat.h"

namespace vmtest {
namespace {

/// "Expected equality of these values:" says nothing without the lines below.
std::string one_line(const std::string& text) {
    std::string line;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        line += (line.empty() ? "" : " ") + word;
    }
    return line;
}

Judgement judge_skip(const std::string& reason, const std::set<std::string>& lacks) {
    const std::string prefix = kSkipPrefix;
    if (!reason.starts_with(prefix)) {
        return {Verdict::kFail, "skip names no missing feature: " + reason, false};
    }
    const std::string feature = reason.substr(prefix.size());
    if (!lacks.contains(feature)) {
        return {Verdict::kFail, "skipped for want of \"" + feature + "\", which this kernel has",
                false};
    }
    return {Verdict::kSkip, reason, false};
}

Judgement judge_result(const CaseRecord& record, const std::set<std::string>& lacks) {
    if (!record.failures.empty()) {
        return {Verdict::kFail, one_line(record.failures.front()), false};
    }
    if (record.status.value_or(-1) != 0) {
        return {
            Verdict::kFail,
            "the case's process ended with status " + std::to_string(record.status.value_or(-1)),
            false};
    }
    if (!record.reported) {
        return {Verdict::kFail, "the case ended without a result", false};
    }
    if (record.skip_reason) {
        return judge_skip(*record.skip_reason, lacks);
    }
    return {};
}

}  // namespace

const char* to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::kPass:
            return "pass";
        case Verdict::kFail:
            return "fail";
        case Verdict::kSkip:
            return "skip";
        case Verdict::kLost:
            return "lost";
        case Verdict::kSplat:
            return "splat";
        case Verdict::kLeak:
            return "leak";
        case Verdict::kTimeout:
            return "timeout";
    }
    return "?";
}

Judgement judge(const CaseRecord& record, const std::set<std::string>& lacks) {
    if (record.no_vm) {
        return {Verdict::kLost, "no VM was fit for it", true};
    }
    const auto splats = scan_kernel_log(record.kernel_log);
    // A fault explains a lost VM, a time-out and a leak, so it is named first.
    for (const auto& splat : splats) {
        if (!splat.leak) {
            return {Verdict::kSplat, splat.kind + ": " + splat.line, true};
        }
    }
    if (record.lost) {
        return {Verdict::kLost, "the VM no longer answered", true};
    }
    if (!splats.empty()) {
        return {Verdict::kLeak, splats.front().kind + ": " + splats.front().line, true};
    }
    if (!record.leak_report.empty()) {
        return {Verdict::kLeak, one_line(record.leak_report), true};
    }
    if (record.timed_out) {
        return {Verdict::kTimeout, "the case did not end in time", true};
    }
    Judgement result = judge_result(record, lacks);
    if (!record.cleanup_errors.empty()) {
        result.replace_vm = true;
        if (result.verdict == Verdict::kPass || result.verdict == Verdict::kSkip) {
            result.verdict = Verdict::kFail;
            result.reason = "cleanup: " + one_line(record.cleanup_errors.front());
        }
    }
    return result;
}

std::string boot_fault(std::string_view kernel_log, const std::vector<std::string>& stopped) {
    const auto splats = scan_kernel_log(kernel_log);
    if (!splats.empty()) {
        return splats.front().kind + ": " + splats.front().line;
    }
    return stopped.empty() ? "" : stopped.front();
}

}  // namespace vmtest
