// SPDX-License-Identifier: GPL-2.0-only
#include "vm/budgets.h"

#include <fmt/format.h>

#include <regex>
#include <sstream>

namespace vmtest {
namespace {

constexpr int kMaxKernelFile = 900;
constexpr int kMaxHeader = 300;
constexpr int kMaxFunction = 100;
constexpr int kMaxNesting = 3;
constexpr int kMaxCppFile = 700;

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> lines;
    std::istringstream in{std::string(text)};
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

/// Replaces comments, strings and character constants by blanks, so that only
/// code is left where it was.
std::string code_only(std::string_view text) {
    enum class In { kCode, kLine, kBlock, kString, kChar };
    std::string out(text);
    In in = In::kCode;
    for (size_t i = 0; i < out.size(); i++) {
        const char c = out[i];
        const char next = i + 1 < out.size() ? out[i + 1] : '\0';
        switch (in) {
            case In::kCode:
                if (c == '/' && (next == '/' || next == '*')) {
                    in = next == '/' ? In::kLine : In::kBlock;
                    out[i] = out[i + 1] = ' ';
                    i++;
                } else if (c == '"' || c == '\'') {
                    in = c == '"' ? In::kString : In::kChar;
                }
                continue;
            case In::kLine:
                in = c == '\n' ? In::kCode : in;
                break;
            case In::kBlock:
                if (c == '*' && next == '/') {
                    in = In::kCode;
                    out[i + 1] = ' ';
                }
                break;
            case In::kString:
            case In::kChar:
                if (c == '\\') {
                    out[i + 1] = ' ';
                } else if (c == (in == In::kString ? '"' : '\'')) {
                    in = In::kCode;
                    continue;
                }
                break;
        }
        if (c != '\n') {
            out[i] = ' ';
        }
    }
    return out;
}

bool is_header(const std::string& file) {
    return file.ends_with(".h");
}
bool is_compat(const std::string& file) {
    return file.find("compat") != std::string::npos;
}
bool is_driver(const std::string& file) {
    return file.find('/') == std::string::npos || file.starts_with("include/");
}

void check_length(const std::string& file, size_t lines, size_t limit,
                  std::vector<Finding>& found) {
    if (lines > limit) {
        found.push_back({file, static_cast<int>(limit) + 1,
                         fmt::format("{} lines, {} are allowed", lines, limit)});
    }
}

/// Kernel style puts the braces of a function into the first column, and one tab
/// per level before a statement.
void check_functions(const std::string& file, const std::vector<std::string>& code,
                     std::vector<Finding>& found) {
    static const std::regex block(
        R"(^(\t+)(\} else |else )?(if|for|while|do|switch|[a-z_]*for_each[a-z_]*)\b.*\{\s*$)");
    int start = 0;
    for (size_t i = 0; i < code.size(); i++) {
        const int line = static_cast<int>(i) + 1;
        std::smatch match;
        if (code[i] == "{") {
            start = line;
        } else if (code[i] == "}" && start != 0) {
            if (line - start - 1 > kMaxFunction) {
                found.push_back({file, start,
                                 fmt::format("a function of {} lines, {} are allowed",
                                             line - start - 1, kMaxFunction)});
            }
            start = 0;
        } else if (start != 0 && std::regex_match(code[i], match, block) &&
                   match.length(1) > kMaxNesting) {
            found.push_back(
                {file, line,
                 fmt::format("nested {} deep, {} are allowed", match.length(1), kMaxNesting)});
        }
    }
}

struct Rule {
    const char* expression;
    const char* text;
    bool (*applies)(const std::string& file);
};

const std::vector<Rule>& rules() {
    static const std::vector<Rule> all = {
        {R"(\b(LINUX_VERSION_CODE|KERNEL_VERSION)\b)", "kernel version test outside compat",
         [](const std::string& file) { return !is_compat(file); }},
        {R"((->|\.)stats\.\w+\s*(\+\+|\+=)|(\+\+|--)\s*\w*(->|\.)stats\.)",
         "counts in dev->stats: use the counters of the ring", is_driver},
        {R"(\breturn -1;)", "returns -1: use an error code", is_driver},
    };
    return all;
}

void check_rules(const std::string& file, const std::vector<std::string>& code,
                 std::vector<Finding>& found) {
    for (const auto& rule : rules()) {
        if (!rule.applies(file)) {
            continue;
        }
        const std::regex expression(rule.expression);
        for (size_t i = 0; i < code.size(); i++) {
            if (std::regex_search(code[i], expression)) {
                found.push_back({file, static_cast<int>(i) + 1, rule.text});
            }
        }
    }
}

void check_marks(const std::string& file, const std::vector<std::string>& lines,
                 std::vector<Finding>& found) {
    static const std::regex mark(
        "\\b(TO"
        "DO|FIX"
        "ME|X"
        "XX|HA"
        "CK)\\b");
    for (size_t i = 0; i < lines.size(); i++) {
        if (std::regex_search(lines[i], mark)) {
            found.push_back({file, static_cast<int>(i) + 1, "mark of unfinished work"});
        }
    }
}

}  // namespace

std::vector<Finding> check_kernel_source(const std::string& file, std::string_view text) {
    const auto lines = split_lines(text);
    const auto code = split_lines(code_only(text));
    std::vector<Finding> found;
    check_length(file, lines.size(), is_header(file) ? kMaxHeader : kMaxKernelFile, found);
    check_functions(file, code, found);
    check_rules(file, code, found);
    check_marks(file, lines, found);
    return found;
}

std::vector<Finding> check_cpp_source(const std::string& file, std::string_view text) {
    const auto lines = split_lines(text);
    std::vector<Finding> found;
    check_length(file, lines.size(), kMaxCppFile, found);
    check_marks(file, lines, found);
    return found;
}

}  // namespace vmtest
