// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmtest {

/// Something in a source file that a rule of the project forbids.
struct Finding {
    std::string file;
    int line = 0;
    std::string text;
};

/// Checks one kernel C file or header: length of the file and of its functions,
/// depth of nesting, kernel version tests outside compat, and what may not come
/// into the driver: counting in dev->stats, returning bare -1.
/// @param file its path inside the tree, which decides what applies
std::vector<Finding> check_kernel_source(const std::string& file, std::string_view text);

/// Checks one C++ file: its length and marks of unfinished work.
std::vector<Finding> check_cpp_source(const std::string& file, std::string_view text);

}  // namespace vmtest
