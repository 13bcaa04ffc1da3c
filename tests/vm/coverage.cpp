// SPDX-License-Identifier: GPL-2.0-only
#include "vm/coverage.h"

#include <fmt/format.h>

#include <vector>

#include "vm/process.h"

namespace vmtest {
namespace {

using nlohmann::json;

constexpr auto kLimit = std::chrono::minutes(20);

std::vector<std::string> gcovr(const fs::path& sources) {
    return {"gcovr", "--root", sources.string()};
}

/// Turns what one VM left into a file that gcovr can add to others.
fs::path trace_of(const fs::path& folder, const fs::path& sources, const fs::path& out) {
    fs::path trace = out / (folder.filename().string() + ".json");
    auto argv = gcovr(sources);
    argv.insert(argv.end(), {"--json", trace.string(), folder.string()});
    run_or_throw(argv, kLimit);
    return trace;
}

/// In percent; 0 when there is nothing that could run.
double share_of(const json& entry, const std::string& kind) {
    const int total = entry.value(kind + "_total", 0);
    const int covered = entry.value(kind + "_covered", 0);
    return total == 0 ? 0 : 100.0 * covered / total;
}

std::string percent(const json& entry, const std::string& kind) {
    return entry.value(kind + "_total", 0) == 0 ? ""
                                                : fmt::format("{:.1f} %", share_of(entry, kind));
}

std::string row(const std::string& name, const json& entry) {
    return fmt::format("| {:<32} | {:>5} | {:>7} | {:>8} | {:>8} |\n", name,
                       entry.value("line_total", 0), percent(entry, "line"),
                       entry.value("branch_total", 0), percent(entry, "branch"));
}

}  // namespace

std::string coverage_table(const json& summary) {
    std::string text = fmt::format("| {:<32} | {:>5} | {:>7} | {:>8} | {:>8} |\n", "File", "Lines",
                                   "run", "Branches", "taken");
    text += fmt::format("|{0:-<34}|{0:->6}:|{0:->8}:|{0:->9}:|{0:->9}:|\n", "");
    for (const auto& file : summary.at("files")) {
        text += row(file.at("filename").get<std::string>(), file);
    }
    return text + row("all", summary);
}

Coverage report_coverage(const fs::path& results, const fs::path& sources) {
    const fs::path out = results / "coverage";
    fs::create_directories(out);
    auto argv = gcovr(sources);
    const size_t words = argv.size();
    for (const auto& entry : fs::directory_iterator(results)) {
        const std::string name = entry.path().filename();
        // A VM that was lost in its first case has left nothing.
        if (name.starts_with(kCoveragePrefix) && !fs::is_empty(entry.path())) {
            argv.insert(argv.end(),
                        {"--add-tracefile", trace_of(entry.path(), sources, out).string()});
        }
    }
    if (argv.size() == words) {
        throw std::runtime_error("no VM has told what ran in it");
    }
    const fs::path summary = out / "summary.json";
    argv.insert(argv.end(),
                {"--json-summary", summary.string(), "--txt", (out / "missing.txt").string(),
                 "--html-details", (out / "index.html").string()});
    run_or_throw(argv, kLimit);
    const json sums = json::parse(read_file(summary));
    return {.table = coverage_table(sums), .lines = share_of(sums, "line")};
}

}  // namespace vmtest
