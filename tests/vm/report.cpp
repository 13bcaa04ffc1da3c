// SPDX-License-Identifier: GPL-2.0-only
#include "vm/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "vm/splat.h"

namespace vmtest {
namespace {

constexpr size_t kOutputLines = 400;
constexpr size_t kKernelLines = 60;
constexpr size_t kConsoleLines = 40;
constexpr size_t kLineLength = 300;

/// XML 1.0 text: escapes what has a meaning, drops what is not allowed.
std::string escape(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') {
                    out += c;
                }
        }
    }
    return out;
}

std::string section(const std::string& title, const std::string& text) {
    if (text.empty()) {
        return "";
    }
    return fmt::format("  --- {}\n{}{}", title, text, text.ends_with('\n') ? "" : "\n");
}

/// "Suite.Case" as JUnit's class and name.
std::pair<std::string, std::string> split_name(const std::string& name) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos) {
        return {name, name};
    }
    return {name.substr(0, dot), name.substr(dot + 1)};
}

std::string case_xml(const std::string& kernel, const CaseResult& result) {
    const auto& [record, judgement] = result;
    const auto [suite, name] = split_name(record.name);
    std::string xml = fmt::format(R"(  <testcase classname="{}.{}" name="{}" time="{:.1f}">)",
                                  escape(kernel), escape(suite), escape(name), record.seconds);
    if (judgement.verdict == Verdict::kSkip) {
        xml += fmt::format(R"(<skipped message="{}"/>)", escape(judgement.reason));
    } else if (judgement.verdict != Verdict::kPass) {
        xml += fmt::format(R"(<failure type="{}" message="{}">{}</failure>)",
                           to_string(judgement.verdict), escape(judgement.reason),
                           escape(tail(record.output, kOutputLines)));
        xml += fmt::format("<system-err>{}</system-err>",
                           escape(tail(record.kernel_log, kKernelLines)));
    }
    return xml + "</testcase>\n";
}

}  // namespace

std::string junit_xml(const std::string& kernel, const std::vector<CaseResult>& results) {
    size_t failed = 0;
    size_t skipped = 0;
    double time = 0;
    std::string cases;
    for (const auto& result : results) {
        const Verdict verdict = result.judgement.verdict;
        skipped += verdict == Verdict::kSkip ? 1 : 0;
        failed += verdict != Verdict::kSkip && verdict != Verdict::kPass ? 1 : 0;
        time += result.record.seconds;
        cases += case_xml(kernel, result);
    }
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" "
        "time=\"{:.1f}\">\n{}</testsuite>\n",
        escape(kernel), results.size(), failed, skipped, time, cases);
}

std::string failure_text(const CaseResult& result, const fs::path& console) {
    const auto& [record, judgement] = result;
    std::string text = fmt::format("  {}: {}\n", to_string(judgement.verdict), judgement.reason);
    text += section("printed by the case", tail(record.output, kOutputLines));
    for (const auto& error : record.cleanup_errors) {
        text += section("cleanup", error);
    }
    text += section("kmemleak", record.leak_report);
    if (judgement.verdict == Verdict::kSplat) {
        text += section("report of the kernel", first_report(record.kernel_log));
    }
    text += section("end of the kernel log", tail(record.kernel_log, kKernelLines));
    if ((record.lost || record.no_vm) && fs::exists(console)) {
        text += section("end of " + console.string(), tail(read_file(console), kConsoleLines));
    }
    return text;
}

std::string failure_line(const std::string& kernel, const CaseResult& result) {
    const auto& [record, judgement] = result;
    std::string reason = judgement.reason.substr(0, judgement.reason.find('\n'));
    if (reason.size() > kLineLength) {
        reason.resize(kLineLength);
        reason += "...";
    }
    return fmt::format("{} {} {}: {}", kernel, record.name, to_string(judgement.verdict), reason);
}

std::string tail(const std::string& text, size_t count) {
    size_t start = text.size();
    // The line feed that ends the last line does not start another one.
    if (start > 0 && text[start - 1] == '\n') {
        start--;
    }
    for (size_t lines = 0; start > 0; start--) {
        if (text[start - 1] == '\n' && ++lines == count) {
            break;
        }
    }
    return text.substr(start);
}

std::string clock_text(std::chrono::seconds time) {
    const auto s = time.count();
    if (s >= 3600) {
        return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
    }
    return fmt::format("{:02}:{:02}", s / 60, s % 60);
}

}  // namespace vmtest
