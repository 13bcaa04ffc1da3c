// SPDX-License-Identifier: GPL-2.0-only
// The project's own checks of its sources.
#include "vm/budgets.h"

#include <gtest/gtest.h>

namespace {

using vmtest::check_cpp_source;
using vmtest::check_kernel_source;

std::string lines(int count, const std::string& line) {
    std::string text;
    for (int i = 0; i < count; i++) {
        text += line + "\n";
    }
    return text;
}

/// The text of the only finding, or how many there are.
std::string only(const std::vector<vmtest::Finding>& found) {
    return found.size() == 1 ? found[0].text : std::to_string(found.size()) + " findings";
}

TEST(Budgets, LengthOfFiles) {
    EXPECT_TRUE(check_kernel_source("ipoib_x.c", lines(900, "")).empty());
    EXPECT_EQ(only(check_kernel_source("ipoib_x.c", lines(901, ""))), "901 lines, 900 are allowed");
    EXPECT_EQ(only(check_kernel_source("include/ipoib_x.h", lines(301, ""))),
              "301 lines, 300 are allowed");
    EXPECT_EQ(only(check_cpp_source("tests/vm/x.cpp", lines(701, ""))),
              "701 lines, 700 are allowed");
}

TEST(Budgets, LengthOfFunctions) {
    EXPECT_TRUE(
        check_kernel_source("x.c", "int f(void)\n{\n" + lines(100, "\ta();") + "}\n").empty());
    EXPECT_EQ(only(check_kernel_source("x.c", "int f(void)\n{\n" + lines(101, "\ta();") + "}\n")),
              "a function of 101 lines, 100 are allowed");
}

TEST(Budgets, NestingOfBlocks) {
    const std::string three =
        "int f(void)\n{\n\tif (a) {\n\t\tfor (;;) {\n\t\t\tif (b) {\n\t\t\t\tc();\n";
    EXPECT_TRUE(check_kernel_source("x.c", three + "\t\t\t}\n\t\t}\n\t}\n}\n").empty());
    EXPECT_EQ(only(check_kernel_source("x.c", three + "\t\t\t\tif (d) {\n\t\t\t\t}\n}\n")),
              "nested 4 deep, 3 are allowed");
}

TEST(Budgets, VersionTestsOnlyInCompat) {
    const std::string text = "#if LINUX_VERSION_CODE < 0x60c00\n#endif\n";
    EXPECT_TRUE(check_kernel_source("include/compat/compat.h", text).empty());
    EXPECT_TRUE(check_kernel_source("tests/vib/compat.h", text).empty());
    EXPECT_EQ(only(check_kernel_source("ipoib_main.c", text)),
              "kernel version test outside compat");
}

TEST(Budgets, ForbiddenInTheDriver) {
    EXPECT_EQ(only(check_kernel_source("ipoib_x.c", "\tdev->stats.tx_errors++;\n")),
              "counts in dev->stats: use the counters of the ring");
    EXPECT_EQ(only(check_kernel_source("ipoib_x.c", "\t++dev->stats.tx_errors;\n")),
              "counts in dev->stats: use the counters of the ring");
    EXPECT_EQ(only(check_kernel_source("ipoib_x.c", "\treturn -1;\n")),
              "returns -1: use an error code");
    EXPECT_TRUE(check_kernel_source("tests/vib/vib_x.c", "\treturn -1;\n").empty());
}

TEST(Budgets, CommentsAndStringsAreNoCode) {
    EXPECT_TRUE(check_kernel_source("ipoib_x.c",
                                    "/* return -1; */\n// return -1;\n\tf(\"return -1;\\\"\");\n")
                    .empty());
}

}  // namespace
