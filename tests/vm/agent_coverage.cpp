// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>

#include "vm/agent.h"
#include "vm/cache.h"
#include "vm/vm.h"

namespace vmtest {
namespace {

constexpr const char* kGcov = "/sys/kernel/debug/gcov";
/// The runner's folder.
constexpr const char* kShare = "/run/coverage";

void open_share() {
    if (fs::create_directory(kShare) &&
        ::mount(kCoverageTag, kShare, "9p", 0, "trans=virtio,version=9p2000.L,cache=none") != 0) {
        throw std::runtime_error(std::string("no folder for it: ") + std::strerror(errno));
    }
}

}  // namespace

std::optional<std::string> save_coverage() {
    try {
        open_share();
        // A folder per folder of objects; the notes are links to where the
        // compiler left them.
        for (const auto& entry : fs::recursive_directory_iterator(kGcov)) {
            const fs::path target = kShare / entry.path().filename();
            const bool notes = entry.path().extension() == ".gcno";
            if (entry.path().extension() == ".gcda" || (notes && !fs::exists(target))) {
                write_file(target, read_file(entry.path()));
            }
        }
    } catch (const std::exception& error) {
        return fmt::format("cannot save what ran: {}", error.what());
    }
    return std::nullopt;
}

}  // namespace vmtest
