// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

namespace cases {

/// The kernel's messages since the object was made.
class KernelLogMark {
  public:
    KernelLogMark();
    [[nodiscard]] std::string text() const;
    /// Waits until @p text is among them.
    void wait_for(const std::string& text) const;

  private:
    std::string mark_;
};

}  // namespace cases
