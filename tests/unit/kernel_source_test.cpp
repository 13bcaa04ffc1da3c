// SPDX-License-Identifier: GPL-2.0-only
// The check of a kernel's configuration against what was asked for.
#include "vm/kernel_source.h"

#include <gtest/gtest.h>

namespace {

using vmtest::option_lines;
using vmtest::unmet_options;
using Lines = std::vector<std::string>;

constexpr const char* kConfig =
    "# CONFIG_C is not set\n"
    "CONFIG_A=y\n"
    "CONFIG_B=m\n"
    "CONFIG_TEXT=\"a b\"\n";

TEST(KernelConfig, CommentsAreNoOptions) {
    EXPECT_EQ(option_lines("# why\nCONFIG_A=y\n\n# CONFIG_C is not set\n# CONFIG_D is slow\n"),
              (Lines{"CONFIG_A=y", "# CONFIG_C is not set"}));
    EXPECT_EQ(option_lines(""), Lines{});
}

TEST(KernelConfig, TakesWhatIsThere) {
    EXPECT_EQ(unmet_options("CONFIG_A=y\nCONFIG_B=m\n# a comment\n\n", kConfig), Lines{});
    EXPECT_EQ(unmet_options("CONFIG_TEXT=\"a b\"\n", kConfig), Lines{});
}

TEST(KernelConfig, NamesWhatIsMissingOrOther) {
    EXPECT_EQ(unmet_options("CONFIG_A=m\nCONFIG_NEW=y\nCONFIG_C=y\n", kConfig),
              (Lines{"CONFIG_A=m", "CONFIG_NEW=y", "CONFIG_C=y"}));
}

TEST(KernelConfig, UnsetMayAlsoBeAbsent) {
    EXPECT_EQ(unmet_options("# CONFIG_C is not set\n# CONFIG_NEW is not set\n", kConfig), Lines{});
    EXPECT_EQ(unmet_options("# CONFIG_B is not set\n", kConfig), Lines{"# CONFIG_B is not set"});
}

TEST(KernelConfig, LongerNamesAreOthers) {
    EXPECT_EQ(unmet_options("# CONFIG_AB is not set\n", kConfig), Lines{});
    EXPECT_EQ(unmet_options("CONFIG_TEX=\"a b\"\n", kConfig), Lines{"CONFIG_TEX=\"a b\""});
}

}  // namespace
