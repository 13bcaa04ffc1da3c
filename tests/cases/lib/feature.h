// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "vm/verdict.h"

/// Skips the case when the kernel under test lacks a feature of cases/lib/
/// feature.cpp. The runner turns the skip into a failure on a kernel that is not
/// listed as lacking it.
#define REQUIRE_FEATURE(name)                          \
    if (!cases::have_feature(name)) {                  \
        GTEST_SKIP() << vmtest::kSkipPrefix << (name); \
    }                                                  \
    static_assert(true, "a semicolon follows")

namespace cases {

/// True when the kernel under test has the feature. Throws for a name that
/// feature.cpp does not list.
bool have_feature(const std::string& name);

}  // namespace cases
