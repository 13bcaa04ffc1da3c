// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmtest {

/// Which cases a kernel runs only when everything is asked for. The file of a
/// kernel has one pattern per line, with * for any text: what it matches is left
/// out, unless a line "keep PATTERN" matches as well. A case that no line names
/// runs, so a new case runs everywhere until somebody writes down why not.
class LeftOut {
  public:
    /// Leaves nothing out.
    LeftOut() = default;
    /// Reads the text of a file. Throws std::runtime_error that names the line
    /// for anything that is no pattern.
    explicit LeftOut(std::string_view text);

    /// True when the case runs only if everything is asked for.
    [[nodiscard]] bool leaves_out(const std::string& name) const;

    /// Patterns that match none of @p names: lines that have lost their sense.
    [[nodiscard]] std::vector<std::string> unused(const std::vector<std::string>& names) const;

  private:
    std::vector<std::string> out_;
    std::vector<std::string> keep_;
};

}  // namespace vmtest
