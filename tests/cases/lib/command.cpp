// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/command.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "vm/cache.h"
#include "vm/fd.h"

namespace cases {

std::string must_run(const std::vector<std::string>& argv, Millis limit,
                     const ProcessOptions& options) {
    auto result = vmtest::run(argv, patience(limit), options);
    if (!result.ok()) {
        throw std::runtime_error(fmt::format(
            "`{}`{} {}:\n{}", vmtest::command_line(argv),
            options.netns.empty() ? "" : " in " + options.netns,
            result.status < 0 ? "does not end" : fmt::format("failed with {}", result.status),
            result.output));
    }
    return std::move(result.output);
}

std::string read_text(const std::string& file) {
    std::string text = vmtest::read_file(file);
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

void write_text(const std::string& file, const std::string& text) {
    // One write() for the whole text, as the files of sysfs and debugfs want it.
    const vmtest::Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid() ||
        ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        throw std::system_error(errno, std::generic_category(), file + " <- \"" + text + "\"");
    }
}

}  // namespace cases
