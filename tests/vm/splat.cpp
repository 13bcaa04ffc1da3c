// SPDX-License-Identifier: GPL-2.0-only
#include "vm/splat.h"

#include <algorithm>
#include <array>
#include <optional>
#include <regex>

namespace vmtest {
namespace {

/// Lines of a log that are shown before its first fault, and from there on: a
/// report of KASAN has two call traces more and the memory around the place.
constexpr size_t kLinesBefore = 10;
constexpr size_t kLinesOfReport = 80;

struct Pattern {
    const char* kind;
    const char* text;
    bool leak;
};

// Only the first pattern that a line matches counts: special ones come first.
constexpr std::array kPatterns = {
    Pattern{"KASAN", R"(KASAN)", false},
    Pattern{"KCSAN", R"(KCSAN)", false},
    Pattern{"KFENCE", R"(BUG: KFENCE)", false},
    Pattern{"UBSAN", R"(UBSAN:)", false},
    Pattern{"kmemleak", R"(kmemleak: \d+ new suspected|unreferenced object)", true},
    // The tracker's own allocations fail too where allocations are made to fail.
    Pattern{"ref_tracker", R"(^(?!.*: memory allocation failure, unreliable).*ref_tracker:)", true},
    Pattern{"netdev reference", R"(unregister_netdevice: waiting for)", true},
    Pattern{"refcount", R"(refcount_t:)", false},
    Pattern{"lockdep",
            R"(possible (circular|recursive|irq lock)|inconsistent lock state|bad unlock balance)"
            R"(|suspicious RCU usage|held lock freed|lock held when returning|DEBUG_LOCKS_WARN_ON)"
            R"(|lockdep: (BUG|MAX)|BUG: MAX_LOCK|INFO: trying to register non-static key)",
            false},
    // The kernel's command line and an early message name a parameter.
    Pattern{"RCU stall",
            R"(^(?!.*rcu_cpu_stall_timeout).*(rcu.*(stall|detected expedited|kthread starved))"
            R"(|self-detected stall))",
            false},
    Pattern{"lockup", R"((soft|hard) lockup|LOCKUP)", false},
    Pattern{"hung task", R"(blocked for more than \d+ seconds)", false},
    Pattern{"atomic sleep", R"(sleeping function called from|scheduling while atomic)", false},
    Pattern{"ODEBUG", R"(ODEBUG:)", false},
    Pattern{"list corruption", R"(list_(add|del) (corruption|double)|list_del corruption)", false},
    Pattern{"workqueue", R"(workqueue: .*(leaked|lock or atomic)|BUG: workqueue)", false},
    Pattern{
        "slab",
        R"(^BUG \S+ \((Not t|T)ainted|Poison overwritten|Object already free|Objects remaining in)",
        false},
    Pattern{"page allocation", R"(page allocation failure)", false},
    Pattern{"oops", R"(^Oops|general protection fault|Kernel panic|unable to handle|kernel BUG at)",
            false},
    Pattern{"BUG", R"(^BUG[: ]|\bBUG: )", false},
    Pattern{"WARNING", R"(^WARNING: )", false},
    Pattern{"call trace", R"(^Call Trace:|^RIP: )", false},
};

struct Compiled {
    const Pattern* pattern;
    std::regex expression;
};

const std::vector<Compiled>& compiled() {
    static const std::vector<Compiled> all = [] {
        std::vector<Compiled> made;
        made.reserve(kPatterns.size());
        for (const auto& pattern : kPatterns) {
            made.push_back({&pattern, std::regex(pattern.text, std::regex::optimize)});
        }
        return made;
    }();
    return all;
}

/// The message of a log line without "<4>", "[   12.345678]" and "[T123]".
std::string message_of(const std::string& line) {
    static const std::regex prefix(R"(^(<\d+>)?\s*(\[\s*\d+\.\d+\])?\s*(\[\s*[CT]\d+\])?\s*)",
                                   std::regex::optimize);
    return std::regex_replace(line, prefix, "", std::regex_constants::format_first_only);
}

std::optional<Splat> check_line(const std::string& line) {
    const std::string message = message_of(line);
    for (const auto& [pattern, expression] : compiled()) {
        if (std::regex_search(message, expression)) {
            return Splat{.kind = pattern->kind, .line = line, .leak = pattern->leak};
        }
    }
    return std::nullopt;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

}  // namespace

std::vector<Splat> scan_kernel_log(std::string_view log) {
    std::vector<Splat> found;
    for (const auto& line : lines_of(log)) {
        if (auto splat = check_line(line)) {
            found.push_back(std::move(*splat));
        }
    }
    return found;
}

std::string first_report(std::string_view log) {
    const auto lines = lines_of(log);
    const auto fault = std::ranges::find_if(
        lines, [](const std::string& line) { return check_line(line).has_value(); });
    if (fault == lines.end()) {
        return "";
    }
    const auto at = static_cast<size_t>(fault - lines.begin());
    const size_t first = at - std::min(at, kLinesBefore);
    const size_t end = std::min(at + kLinesOfReport, lines.size());
    std::string report;
    for (size_t i = first; i < end; i++) {
        report += lines[i] + "\n";
    }
    return report;
}

bool lockdep_checks(const std::string& stats) {
    return std::regex_search(stats, std::regex(R"((^|\n) *debug_locks: +1(\n|$))"));
}

}  // namespace vmtest
