// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/wait.h"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace cases {
namespace {

constexpr Millis kPollEvery{20};

int slowness() {
    const char* value = std::getenv("SLOWNESS");
    return value == nullptr ? 1 : std::max(1, std::atoi(value));
}

}  // namespace

Millis patience(Millis time) {
    return time * slowness();
}

Millis wait_until(const std::string& what, const std::function<bool()>& condition, Millis limit) {
    const auto start = vmtest::Clock::now();
    const vmtest::Deadline deadline(patience(limit));
    while (!condition()) {
        if (deadline.over()) {
            throw std::runtime_error(
                fmt::format("waited {} ms in vain for: {}", patience(limit).count(), what));
        }
        std::this_thread::sleep_for(kPollEvery);
    }
    return std::chrono::duration_cast<Millis>(vmtest::Clock::now() - start);
}

void let_pass(Millis time) {
    std::this_thread::sleep_for(time);
}

}  // namespace cases
