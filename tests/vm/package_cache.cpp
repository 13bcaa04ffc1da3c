// SPDX-License-Identifier: GPL-2.0-only
#include "vm/package_cache.h"

#include <fmt/format.h>

#include <iostream>

namespace vmtest {
namespace {

constexpr const char* kReady = ".ready";

}  // namespace

void fill_once(const fs::path& target, const std::function<void()>& fill) {
    fs::create_directories(target.parent_path());
    const FileLock lock(target.parent_path() / ".lock");
    if (fs::exists(target / kReady)) {
        return;
    }
    fs::remove_all(target);
    fs::create_directories(target);
    fill();
    write_file(target / kReady, "");
}

std::optional<fs::path> newest_complete(const fs::path& dir) {
    std::optional<fs::path> best;
    if (!fs::exists(dir)) {
        return best;
    }
    for (const auto& entry : fs::directory_iterator(dir)) {
        const fs::path ready = entry.path() / kReady;
        if (fs::exists(ready) &&
            (!best || fs::last_write_time(ready) > fs::last_write_time(*best / kReady))) {
            best = entry.path();
        }
    }
    return best;
}

std::optional<CacheChoice> choose_in_cache(const std::string& what, const fs::path& dir,
                                           const std::optional<std::string>& offered) {
    const auto cached = newest_complete(dir);
    if (!offered && !cached) {
        return std::nullopt;
    }
    if (!offered) {
        return CacheChoice{.root = *cached,
                           .notice = fmt::format("{}: apt has none now, using {}", what,
                                                 cached->filename().string())};
    }
    CacheChoice choice{.root = dir / *offered, .notice = {}};
    if (cached && !fs::exists(choice.root / kReady)) {
        choice.notice = fmt::format("{}: {} takes the place of {}", what, *offered,
                                    cached->filename().string());
    }
    return choice;
}

std::optional<fs::path> provide_in_cache(const std::string& what, const fs::path& dir,
                                         const std::optional<std::string>& offered,
                                         const std::function<void(const fs::path& root)>& fill) {
    const auto choice = choose_in_cache(what, dir, offered);
    if (!choice) {
        return std::nullopt;
    }
    if (!choice->notice.empty()) {
        std::cout << choice->notice << std::endl;
    }
    if (offered) {
        fill_once(choice->root, [&] { fill(choice->root); });
    }
    return choice->root;
}

}  // namespace vmtest
