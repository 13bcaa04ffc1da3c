// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/kernel_log.h"

#include <atomic>

#include "cases/lib/command.h"

namespace cases {

KernelLogMark::KernelLogMark() {
    static std::atomic<int> count = 0;
    mark_ = "cases: mark " + std::to_string(++count) + ".";
    write_text("/dev/kmsg", mark_);
}

std::string KernelLogMark::text() const {
    const std::string all = must_run({"dmesg"});
    const auto at = all.rfind(mark_);
    // A log that has wrapped since then has nothing but newer messages.
    return at == std::string::npos ? all : all.substr(at);
}

void KernelLogMark::wait_for(const std::string& text) const {
    wait_until("\"" + text + "\" in the kernel log",
               [&] { return this->text().find(text) != std::string::npos; });
}

}  // namespace cases
