// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <algorithm>
#include <chrono>

namespace vmtest {

using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

/// A point in time after which waiting is given up.
class Deadline {
  public:
    /// A deadline that lies @p length ahead of now.
    explicit Deadline(Millis length) : end_(Clock::now() + length) {}

    /// What is left of it, never negative.
    [[nodiscard]] Millis left() const {
        const auto rest = std::chrono::duration_cast<Millis>(end_ - Clock::now());
        return std::max(rest, Millis(0));
    }

    /// True once the time is over.
    [[nodiscard]] bool over() const { return Clock::now() >= end_; }

  private:
    Clock::time_point end_;
};

}  // namespace vmtest
