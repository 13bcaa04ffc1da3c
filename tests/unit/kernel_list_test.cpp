// SPDX-License-Identifier: GPL-2.0-only
// The list of kernels and its parser.
#include "vm/kernel_list.h"

#include <gtest/gtest.h>

#include "vm/cache.h"

namespace {

using vmtest::parse_kernel_list;

constexpr const char* kNeeded = "line 2: image= and headers= or source= and config= are needed";

std::string error_of(const std::string& text) {
    try {
        parse_kernel_list(text);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

TEST(KernelList, ReadsEveryKey) {
    const auto all = parse_kernel_list(
        "# a comment\n"
        "\n"
        "  # another\n"
        "one image=i headers=h\n"
        "two image=i2 headers=h2 suite=s lacks=a,b boot=x=1 boot=y memory=2048 slowness=4 "
        "left-out=f\n"
        "three source=src-* config=c run=named\n"
        "four source=src-* config=d,c coverage=yes\n");
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].name, "one");
    EXPECT_EQ(all[0].image, "i");
    EXPECT_EQ(all[0].headers, "h");
    EXPECT_TRUE(all[0].lacks.empty());
    EXPECT_EQ(all[0].slowness, 1);
    EXPECT_EQ(all[1].suite, "s");
    EXPECT_EQ(all[1].lacks, (std::set<std::string>{"a", "b"}));
    EXPECT_EQ(all[1].boot_args, "x=1 y");
    EXPECT_EQ(all[1].memory_mib, 2048);
    EXPECT_EQ(all[1].slowness, 4);
    EXPECT_EQ(all[1].left_out, "f");
    EXPECT_TRUE(all[1].by_default);
    EXPECT_EQ(all[2].source, "src-*");
    EXPECT_EQ(all[2].configs, std::vector<std::string>{"c"});
    EXPECT_FALSE(all[2].by_default);
    EXPECT_FALSE(all[2].coverage);
    EXPECT_TRUE(all[2].is_debug());
    EXPECT_EQ(all[3].configs, (std::vector<std::string>{"d", "c"}));
    EXPECT_TRUE(all[3].coverage);
    EXPECT_TRUE(all[3].is_built());
    EXPECT_FALSE(all[3].is_debug());
}

TEST(KernelList, NamesTheLineOfAMistake) {
    EXPECT_EQ(error_of("\nx image=i\n"), kNeeded);
    EXPECT_EQ(error_of("\nx source=s headers=h\n"), kNeeded);
    EXPECT_EQ(error_of("\nx image=i headers=h source=s config=c\n"), kNeeded);
    EXPECT_EQ(error_of("x image=i headers=h run=never\n"),
              "line 1: run can only be named, not \"never\"");
    EXPECT_EQ(error_of("x image=i headers=h coverage=no\n"),
              "line 1: coverage can only be yes, not \"no\"");
    EXPECT_EQ(error_of("x source=s config=,\n"),
              "line 1: image= and headers= or source= and config= are needed");
    EXPECT_EQ(error_of("x image=i headers=h what\n"), "line 1: \"what\" is not key=value");
    EXPECT_EQ(error_of("x image=i headers=h what=1\n"), "line 1: unknown key \"what\"");
    EXPECT_EQ(error_of("x image=i headers=h memory=1k\n"),
              "line 1: memory needs a number above 0, not \"1k\"");
    EXPECT_EQ(error_of("x image=i headers=h slowness=0\n"),
              "line 1: slowness needs a number above 0, not \"0\"");
    EXPECT_EQ(error_of("x image=i headers=h\nx image=i headers=h\n"),
              "line 2: the name is already taken");
}

TEST(KernelList, OfTheTreeIsValid) {
    const auto all =
        parse_kernel_list(vmtest::read_file(vmtest::fs::path(SOURCE_DIR) / "tests/kernels/list"));
    EXPECT_FALSE(all.empty());
}

}  // namespace
