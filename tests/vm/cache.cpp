// SPDX-License-Identifier: GPL-2.0-only
#include "vm/cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace vmtest {
namespace {

std::string env_or_empty(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

bool same_content(const fs::path& a, const fs::path& b) {
    return fs::exists(b) && fs::file_size(a) == fs::file_size(b) && read_file(a) == read_file(b);
}

}  // namespace

fs::path cache_dir() {
    const std::string xdg = env_or_empty("XDG_CACHE_HOME");
    const std::string home = env_or_empty("HOME");
    fs::path base;
    if (!xdg.empty()) {
        base = xdg;
    } else if (!home.empty()) {
        base = fs::path(home) / ".cache";
    } else {
        throw std::runtime_error("neither XDG_CACHE_HOME nor HOME is set");
    }
    fs::path dir = base / "ib_ipoib";
    fs::create_directories(dir);
    return dir;
}

fs::path build_dir(const fs::path& source) {
    const fs::path real = fs::canonical(source);
    const size_t hash = std::hash<std::string>{}(real.string());
    fs::path dir = cache_dir() / "build" /
                   fmt::format("{}-{:08x}", real.filename().string(), hash & 0xffffffffU);
    fs::create_directories(dir);
    return dir;
}

FileLock::FileLock(const fs::path& file)
    : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (!fd_.valid() || ::flock(fd_.get(), LOCK_EX) != 0) {
        throw std::runtime_error("cannot lock " + file.string());
    }
}

std::string read_file(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) {
        throw std::runtime_error("cannot read " + file.string());
    }
    return std::move(text).str();
}

void write_file(const fs::path& file, const std::string& text) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (!out) {
        throw std::runtime_error("cannot write " + file.string());
    }
}

void mirror(const fs::path& source, const fs::path& target,
            bool (*wanted)(const fs::path& relative)) {
    std::set<fs::path> keep;
    for (auto it = fs::recursive_directory_iterator(source); it != fs::end(it); ++it) {
        const fs::path relative = fs::relative(it->path(), source);
        if (!wanted(relative)) {
            it.disable_recursion_pending();
            continue;
        }
        if (it->is_directory()) {
            continue;
        }
        keep.insert(relative);
        const fs::path copy = target / relative;
        if (!same_content(it->path(), copy)) {
            fs::create_directories(copy.parent_path());
            fs::copy_file(it->path(), copy, fs::copy_options::overwrite_existing);
        }
    }
    if (!fs::exists(target)) {
        return;
    }
    std::vector<fs::path> stale;
    for (const auto& entry : fs::recursive_directory_iterator(target)) {
        const fs::path relative = fs::relative(entry.path(), target);
        if (entry.is_regular_file() && wanted(relative) && !keep.contains(relative)) {
            stale.push_back(entry.path());
        }
    }
    for (const auto& file : stale) {
        fs::remove(file);
    }
}

}  // namespace vmtest
