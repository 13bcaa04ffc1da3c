// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "cases/lib/wait.h"
#include "vm/process.h"

namespace cases {

using vmtest::Process;
using vmtest::ProcessOptions;
using vmtest::RunResult;

/// Runs a program and returns what it printed. Throws std::runtime_error with
/// that text when it fails or does not end within patience(@p limit).
std::string must_run(const std::vector<std::string>& argv, Millis limit = seconds(60),
                     const ProcessOptions& options = {});

/// Reads a file such as one of sysfs, without the line feed at its end. Throws
/// when it cannot be read.
std::string read_text(const std::string& file);

/// Writes a file such as one of sysfs. Throws std::system_error with the
/// kernel's answer when it refuses.
void write_text(const std::string& file, const std::string& text);

}  // namespace cases
