// SPDX-License-Identifier: GPL-2.0-only
#include "vm/kernel_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "vm/process.h"

namespace vmtest {
namespace {

using std::chrono::hours;

constexpr std::string_view kOption = "CONFIG_";
constexpr std::string_view kUnset = "# CONFIG_";
/// Folders whose programs the build of external modules runs.
constexpr std::array kToolFolders = {"scripts", "tools"};

void make(const fs::path& tree, const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {"nice", "make", "-s",
                                     fmt::format("-j{}", std::thread::hardware_concurrency())};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    run_or_throw(argv, hours(3), {.dir = tree.string()});
}

void configure(const fs::path& tree, const std::string& fragment) {
    make(tree, {"tinyconfig"});
    const fs::path config = tree / ".config";
    write_file(config, read_file(config) + fragment);
    make(tree, {"olddefconfig"});
    const auto unmet = unmet_options(fragment, read_file(config));
    if (!unmet.empty()) {
        std::string text = "the kernel does not take these lines of the configuration:\n";
        for (const auto& line : unmet) {
            text += line + "\n";
        }
        throw std::runtime_error(text);
    }
}

/// Removes what was only needed to link the kernel: most of the tree's size.
void prune(const fs::path& tree) {
    std::vector<fs::path> objects;
    for (auto it = fs::recursive_directory_iterator(tree); it != fs::end(it); ++it) {
        const fs::path& path = it->path();
        const bool tools = it.depth() == 0 && std::find(kToolFolders.begin(), kToolFolders.end(),
                                                        path.filename()) != kToolFolders.end();
        if (tools) {
            it.disable_recursion_pending();
        } else if (path.extension() == ".o" || path.extension() == ".a" ||
                   path.extension() == ".ko") {
            objects.push_back(path);
        }
    }
    for (const auto& object : objects) {
        fs::remove(object);
    }
}

}  // namespace

std::vector<std::string> option_lines(std::string_view fragment) {
    std::vector<std::string> lines;
    std::istringstream in{std::string(fragment)};
    for (std::string line; std::getline(in, line);) {
        const bool unset = line.starts_with(kUnset) && line.ends_with(" is not set");
        if (unset || line.starts_with(kOption)) {
            lines.push_back(line);
        }
    }
    return lines;
}

std::vector<std::string> unmet_options(std::string_view fragment, std::string_view config) {
    std::set<std::string> have;
    std::set<std::string> names;
    for (const auto& line : option_lines(config)) {
        have.insert(line);
        if (line.starts_with(kOption)) {
            names.insert(line.substr(0, line.find('=')));
        }
    }
    std::vector<std::string> unmet;
    for (const auto& line : option_lines(fragment)) {
        const bool met = line.starts_with(kOption)
                             ? have.contains(line)
                             : !names.contains(line.substr(2, line.find(' ', 2) - 2));
        if (!met) {
            unmet.push_back(line);
        }
    }
    return unmet;
}

void build_kernel(const fs::path& tree, const std::string& fragment, const fs::path& root) {
    configure(tree, fragment);
    make(tree, {"bzImage", "modules"});
    std::string release = read_file(tree / "include/config/kernel.release");
    release.erase(release.find_last_not_of('\n') + 1);
    fs::create_directories(root / "boot");
    fs::copy_file(tree / "arch/x86/boot/bzImage", root / "boot" / ("vmlinuz-" + release),
                  fs::copy_options::overwrite_existing);
    make(tree, {"modules_install", "INSTALL_MOD_PATH=" + root.string()});
    prune(tree);
}

}  // namespace vmtest
