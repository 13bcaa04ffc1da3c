// SPDX-License-Identifier: GPL-2.0-only
// Which of the folders in the cache is used when packages come and go.
#include "vm/package_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

#include "vm/process.h"

namespace {

using namespace vmtest;
using std::chrono::hours;

class PackageCache : public testing::Test {
  protected:
    void SetUp() override { fs::create_directories(dir_); }
    void TearDown() override { fs::remove_all(dir_); }

    [[nodiscard]] const fs::path& dir() const { return dir_; }
    /// A folder of the cache that was filled @p age ago.
    void fill(const std::string& name, hours age) const {
        fs::create_directories(dir_ / name);
        const fs::path ready = dir_ / name / ".ready";
        write_file(ready, "");
        fs::last_write_time(ready, fs::file_time_type::clock::now() - age);
    }
    /// Expects the choice of a folder, and what is told.
    void expect_choice(const std::optional<std::string>& offered, const std::string& folder,
                       const std::string& notice) const {
        const auto choice = choose_in_cache("kernel k", dir_, offered);
        ASSERT_TRUE(choice);
        EXPECT_EQ(choice->root, dir_ / folder);
        EXPECT_EQ(choice->notice, notice);
    }

  private:
    fs::path dir_ =
        fs::temp_directory_path() / ("package-cache-test-" + std::to_string(::getpid()));
};

TEST_F(PackageCache, NothingOfferedAndNothingThereIsNone) {
    fs::create_directories(dir() / "interrupted");
    EXPECT_FALSE(choose_in_cache("kernel k", dir(), std::nullopt));
    EXPECT_FALSE(choose_in_cache("kernel k", dir() / "missing", std::nullopt));
}

TEST_F(PackageCache, TheFirstComesWithoutANotice) {
    expect_choice("linux-1", "linux-1", "");
}

TEST_F(PackageCache, WhatIsThereIsUsedWithoutANotice) {
    fill("linux-1", hours(2));
    fill("linux-2", hours(1));
    expect_choice("linux-1", "linux-1", "");
}

TEST_F(PackageCache, ANewerPackageTakesThePlaceAndIsNamed) {
    fill("linux-1", hours(2));
    fill("linux-2", hours(1));
    // An interrupted download is no kernel yet.
    fs::create_directories(dir() / "linux-3");
    expect_choice("linux-3", "linux-3", "kernel k: linux-3 takes the place of linux-2");
}

TEST_F(PackageCache, WithoutAnOfferTheLastOneFilledIsUsedAndNamed) {
    fill("linux-2", hours(1));
    fill("linux-1", hours(2));
    expect_choice(std::nullopt, "linux-2", "kernel k: apt has none now, using linux-2");
}

TEST_F(PackageCache, OnlyWhatIsOfferedAndMissingIsFilled) {
    int fills = 0;
    const auto count = [&fills](const fs::path&) { fills++; };
    EXPECT_FALSE(provide_in_cache("kernel k", dir(), std::nullopt, count));
    EXPECT_EQ(provide_in_cache("kernel k", dir(), "linux-1", count), dir() / "linux-1");
    EXPECT_EQ(provide_in_cache("kernel k", dir(), "linux-1", count), dir() / "linux-1");
    EXPECT_EQ(provide_in_cache("kernel k", dir(), std::nullopt, count), dir() / "linux-1");
    EXPECT_EQ(fills, 1);
}

TEST_F(PackageCache, WhatWasInterruptedIsFilledAnew) {
    const fs::path target = dir() / "linux-1";
    const auto interrupted = [&] {
        write_file(target / "half", "");
        throw std::runtime_error("no space");
    };
    EXPECT_THROW(fill_once(target, interrupted), std::runtime_error);
    EXPECT_FALSE(newest_complete(dir()));
    fill_once(target, [&] { write_file(target / "whole", ""); });
    EXPECT_EQ(newest_complete(dir()), target);
    EXPECT_FALSE(fs::exists(target / "half"));
    fill_once(target, [] { FAIL() << "it is complete"; });
}

}  // namespace
