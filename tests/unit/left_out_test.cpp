// SPDX-License-Identifier: GPL-2.0-only
// Which cases a kernel leaves out, and the files that say so.
#include "vm/left_out.h"

#include <gtest/gtest.h>

#include "vm/cache.h"
#include "vm/kernel_list.h"

namespace {

using vmtest::LeftOut;

TEST(LeftOut, NamesNothingByDefault) {
    EXPECT_FALSE(LeftOut().leaves_out("Suite.Case"));
    EXPECT_FALSE(LeftOut("# a comment\n\n  # another\n").leaves_out("Suite.Case"));
}

TEST(LeftOut, TakesPatternsAndKeepsExceptions) {
    const LeftOut left_out(
        "Faults.*\n"
        "  Ping.Large   \n"
        "keep Faults.One*\n"
        "keep\n");
    EXPECT_TRUE(left_out.leaves_out("Faults.Two"));
    EXPECT_FALSE(left_out.leaves_out("Faults.OneOfThem"));
    EXPECT_TRUE(left_out.leaves_out("Ping.Large"));
    EXPECT_FALSE(left_out.leaves_out("Ping.LargeToo"));
    EXPECT_FALSE(left_out.leaves_out("New.Case"));
    EXPECT_TRUE(left_out.leaves_out("keep"));
}

TEST(LeftOut, FindsPatternsWithoutUse) {
    const LeftOut left_out("A.*\nB.*\nkeep A.1\nkeep A.3\n");
    EXPECT_EQ(left_out.unused({"A.1", "A.2"}), (std::vector<std::string>{"B.*", "A.3"}));
    EXPECT_TRUE(left_out.unused({"A.1", "A.3", "B.1"}).empty());
}

TEST(LeftOut, NamesTheLineOfAMistake) {
    for (const char* text : {"\nA.* B.*\n", "\nkeep A.* B.*\n", "\nA.*=B\tC\n"}) {
        try {
            const LeftOut left_out(text);
            ADD_FAILURE() << text;
        } catch (const std::runtime_error& error) {
            EXPECT_STREQ(error.what(), "line 2: not \"PATTERN\" or \"keep PATTERN\"");
        }
    }
}

TEST(LeftOut, FilesOfTheTreeAreValid) {
    const vmtest::fs::path dir = vmtest::fs::path(SOURCE_DIR) / "tests/kernels";
    for (const auto& spec : vmtest::parse_kernel_list(vmtest::read_file(dir / "list"))) {
        if (!spec.left_out.empty()) {
            EXPECT_NO_THROW(LeftOut(vmtest::read_file(dir / spec.left_out))) << spec.name;
        }
    }
}

}  // namespace
