// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <functional>
#include <string>

namespace cases {

/// Runs the body of a guest program that is no set of cases and tells the agent
/// how it ended: an exception is a failure, and its text is printed.
/// @param name for messages
/// @return the exit status for main()
int run_program(const std::string& name, const std::function<void()>& body);

}  // namespace cases
