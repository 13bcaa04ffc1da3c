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

std::string make(const Kernel& kernel, const fs::path& dir,
                 const std::vector<std::string>& make_args) {
    std::vector<std::string> argv = {"make",
                                     "-s",
                                     fmt::format("-j{}", std::thread::hardware_concurrency()),
                                     "-C",
                                     kernel.build_tree.string(),
                                     "M=" + dir.string(),
                                     "modules"};
    argv.insert(argv.end(), make_args.begin(), make_args.end());
    const auto result = run(argv, std::chrono::minutes(20));
    if (!result.ok()) {
        throw std::runtime_error(fmt::format("{} does not build for {}:\n{}",
                                             dir.filename().string(), kernel.spec.name,
                                             result.output));
    }
    return result.output;
}

/// Builds both modules in @p dir from a copy of their sources.
std::string build_in(const fs::path& dir, const Kernel& kernel, const fs::path& source,
                     const std::vector<std::string>& more_args) {
    auto make_args = more_args;
    if (kernel.spec.is_debug()) {
        make_args.emplace_back("DEBUG=1");
    }
    if (kernel.spec.coverage) {
        make_args.emplace_back("COVERAGE=1");
    }
    mirror(source, dir / "ib_ipoib", is_driver_source);
    mirror(source / "tests/vib", dir / "vib", is_vib_source);
    return make(kernel, dir / "ib_ipoib", make_args) + make(kernel, dir / "vib", make_args);
}

fs::path module_dir(const Kernel& kernel, const fs::path& source, const std::string& purpose) {
    fs::path dir =
        build_dir(source) / fmt::format("{}-{}", purpose, kernel.spec.name) / kernel.release;
    fs::create_directories(dir);
    return dir;
}

/// The kernel's build says this when it was installed without its vmlinux.
std::string without_btf_notice(const std::string& output) {
    return std::regex_replace(output, std::regex("Skipping BTF generation [^\n]*\n"), "");
}

}  // namespace

fs::path build_modules(const Kernel& kernel, const fs::path& source) {
    fs::path dir = module_dir(kernel, source, "modules");
    const FileLock lock(dir / ".lock");
    build_in(dir, kernel, source, {});
    for (const auto* module : {"ib_ipoib/ib_ipoib.ko", "vib/vib.ko"}) {
        const fs::path built = dir / module;
        fs::copy_file(built, dir / built.filename(), fs::copy_options::overwrite_existing);
    }
    return dir;
}

std::string strict_build(const Kernel& kernel, const fs::path& source) {
    const fs::path dir = module_dir(kernel, source, "strict");
    const FileLock lock(dir / ".lock");
    std::vector<std::string> make_args = {"W=1", "KCFLAGS=-Werror"};
    if (!kernel.spec.is_built()) {
        // The newest kernels want a newer sparse than Debian has.
        make_args.insert(make_args.end(), {"C=2", "CF=-Wsparse-error"});
    }
    std::string output = without_btf_notice(build_in(dir, kernel, source, make_args));
    if (!output.empty()) {
        // What was only a notice must show again the next time.
        fs::remove_all(dir);
    }
    return output;
}

}  // namespace vmtest
