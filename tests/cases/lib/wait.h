// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <functional>
#include <string>

#include "vm/deadline.h"

namespace cases {

using std::chrono::seconds;
using vmtest::Millis;

/// @p time stretched by how much slower than usual the kernel under test is.
Millis patience(Millis time);

/// Waits until @p condition holds, asking often. Throws std::runtime_error with
/// @p what when it does not within patience(@p limit). Returns the time it took.
Millis wait_until(const std::string& what, const std::function<bool()>& condition,
                  Millis limit = seconds(30));

/// Lets time pass where it is time itself that matters, as in "still holds after
/// a while"; never to wait for something to happen.
void let_pass(Millis time);

}  // namespace cases
