// SPDX-License-Identifier: GPL-2.0-only
#include "vm/modules.h"

#include <fmt/format.h>

#include <regex>
#include <stdexcept>
#include <thread>

#include "vm/process.h"

namespace vmtest {
namespace {

bool is_source_name(const fs::path& name) {
    return name == "Kbuild" || name.extension() == ".c" || name.extension() == ".h";
}

bool is_generated(const fs::path& name) {
    return name.string().ends_with(".mod.c");
}

/// The driver: the files at the top and what is under include/.
bool is_driver_source(const fs::path& relative) {
    if (relative == "include" || relative.string().starts_with("include/")) {
        return true;
    }
    return !relative.has_parent_path() && is_source_name(relative) && !is_generated(relative);
}

bool is_vib_source(const fs::path& relative) {
    return !relative.has_parent_path() && is_source_name(relative) && !is_generated(relative);
}

/// The kernel's build says this when it was installed without its vmlinux.
std::string without_btf_notice(const std::string& output) {
    return std::regex_replace(output, std::regex("Skipping BTF generation [^\n]*\n"), "");
}

RunResult make(const Kernel& kernel, const fs::path& dir,
               const std::vector<std::string>& make_args) {
    std::vector<std::string> argv = {"make",
                                     "-s",
                                     fmt::format("-j{}", std::thread::hardware_concurrency()),
                                     "-C",
                                     kernel.build_tree.string(),
                                     "M=" + dir.string(),
                                     "modules"};
    argv.insert(argv.end(), make_args.begin(), make_args.end());
    auto result = run(argv, std::chrono::minutes(20));
    result.output = without_btf_notice(result.output);
    return result;
}

/// Builds one module in @p dir; throws when the tools have anything to say.
void build_one(const Kernel& kernel, const fs::path& dir,
               const std::vector<std::string>& make_args) {
    const auto result = make(kernel, dir, make_args);
    if (result.ok() && result.output.empty()) {
        return;
    }
    if (result.ok() || result.output.find("warning:") != std::string::npos) {
        // It shows only when the file that it is about is compiled, and must
        // show again the next time.
        fs::remove_all(dir);
    }
    throw std::runtime_error(fmt::format("{} does not build {}for {}:\n{}", dir.filename().string(),
                                         result.ok() ? "without a word " : "", kernel.spec.name,
                                         result.output));
}

/// Builds both modules from a copy of their sources, with W=1. Other flags here
/// than there would compile all of it a second time. Debug information would be
/// 17 of their 18 MB, which each loading in a VM copies.
fs::path build_both(const Kernel& kernel, const fs::path& source,
                    const std::vector<std::string>& more_args) {
    fs::path dir = build_dir(source) / ("modules-" + kernel.spec.name) / kernel.release;
    fs::create_directories(dir);
    const FileLock lock(dir / ".lock");
    std::vector<std::string> make_args = {"W=1", "KCFLAGS=-Werror -g0"};
    make_args.insert(make_args.end(), more_args.begin(), more_args.end());
    if (kernel.spec.is_debug()) {
        make_args.emplace_back("DEBUG=1");
    }
    if (kernel.spec.coverage) {
        make_args.emplace_back("COVERAGE=1");
    }
    mirror(source, dir / "ib_ipoib", is_driver_source);
    mirror(source / "tests/vib", dir / "vib", is_vib_source);
    for (const std::string module : {"ib_ipoib", "vib"}) {
        build_one(kernel, dir / module, make_args);
        const std::string file = module + ".ko";
        fs::copy_file(dir / module / file, dir / file, fs::copy_options::overwrite_existing);
    }
    return dir;
}

}  // namespace

fs::path build_modules(const Kernel& kernel, const fs::path& source) {
    return build_both(kernel, source, {});
}

void check_modules(const Kernel& kernel, const fs::path& source) {
    std::vector<std::string> make_args;
    if (!kernel.spec.is_built()) {
        // The newest kernels want a newer sparse than Debian has.
        make_args = {"C=2", "CF=-Wsparse-error"};
    }
    build_both(kernel, source, make_args);
}

}  // namespace vmtest
