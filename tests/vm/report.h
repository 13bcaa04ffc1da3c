// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "vm/runner.h"

namespace vmtest {

/// The results of one kernel in the JUnit XML format.
std::string junit_xml(const std::string& kernel, const std::vector<CaseResult>& results);

/// Everything there is to say about a case that did not pass: reason, output,
/// kernel log and the end of the VM's console.
std::string failure_text(const CaseResult& result, const fs::path& console);

/// One line that names a case that did not pass and the start of the reason.
std::string failure_line(const std::string& kernel, const CaseResult& result);

/// The last @p count lines of @p text.
std::string tail(const std::string& text, size_t count);

/// "1:02:03" or "02:03".
std::string clock_text(std::chrono::seconds time);

}  // namespace vmtest
