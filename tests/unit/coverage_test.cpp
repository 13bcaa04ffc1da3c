// SPDX-License-Identifier: GPL-2.0-only
// The table of what ran.
#include "vm/coverage.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace {

TEST(Coverage, TableHasALinePerFileAndASum) {
    const auto summary = nlohmann::json::parse(R"({
        "files": [
            {"filename": "a.c", "line_total": 8, "line_covered": 7,
             "branch_total": 3, "branch_covered": 1},
            {"filename": "include/b.h", "line_total": 2, "line_covered": 2,
             "branch_total": 0, "branch_covered": 0}
        ],
        "line_total": 10, "line_covered": 9, "branch_total": 3, "branch_covered": 1})");
    EXPECT_EQ(vmtest::coverage_table(summary),
              "| File                             | Lines |     run | Branches |    taken |\n"
              "|----------------------------------|------:|--------:|---------:|---------:|\n"
              "| a.c                              |     8 |  87.5 % |        3 |   33.3 % |\n"
              "| include/b.h                      |     2 | 100.0 % |        0 |          |\n"
              "| all                              |    10 |  90.0 % |        3 |   33.3 % |\n");
}

TEST(Coverage, ARunThatLeftNothingIsAnError) {
    const vmtest::fs::path results =
        vmtest::fs::temp_directory_path() / ("coverage-test-" + std::to_string(::getpid()));
    vmtest::fs::create_directories(results / "coverage-1");
    EXPECT_THROW(vmtest::report_coverage(results, SOURCE_DIR), std::runtime_error);
    vmtest::fs::remove_all(results);
}

}  // namespace
