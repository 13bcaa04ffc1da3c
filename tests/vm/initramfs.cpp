// SPDX-License-Identifier: GPL-2.0-only
#include "vm/initramfs.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <sstream>
#include <stdexcept>

#include "vm/process.h"

namespace vmtest {
namespace {

constexpr std::array kBootModules = {"virtio_pci", "virtio_console", "9pnet_virtio", "9p",
                                     "overlay"};
constexpr std::array kFolders = {"bin", "modules", "proc", "sys", "dev", "lower", "upper", "new"};

/// The files of @p module and what it needs, in loading order. Modules that are
/// built into the kernel have none.
std::vector<fs::path> module_files(const Kernel& kernel, const std::string& module) {
    const std::string base = kernel.modules.parent_path().parent_path();
    const auto result =
        run({"modprobe", "-d", base, "-S", kernel.release, "--show-depends", module},
            std::chrono::minutes(1));
    if (!result.ok()) {
        throw std::runtime_error(
            fmt::format("kernel {} has no module {}:\n{}", kernel.release, module, result.output));
    }
    std::vector<fs::path> files;
    std::istringstream in(result.output);
    for (std::string word; in >> word;) {
        if (word == "insmod" && in >> word) {
            files.emplace_back(word);
        }
    }
    return files;
}

void add_busybox_and_folders(const fs::path& stage) {
    for (const auto* folder : kFolders) {
        fs::create_directories(stage / folder);
    }
    fs::copy_file("/bin/busybox", stage / "bin/busybox");
}

/// Copies a module, unpacked, into @p folder. Returns its name there.
std::string add_module(const fs::path& file, const fs::path& folder) {
    fs::copy_file(file, folder / file.filename());
    if (file.extension() != ".xz") {
        return file.filename();
    }
    run_or_throw({"xz", "-d", (folder / file.filename()).string()}, std::chrono::minutes(1));
    return file.stem();
}

void add_script(const fs::path& target, const std::string& text) {
    write_file(target, text);
    fs::permissions(target, fs::perms::owner_all);
}

void pack(const fs::path& stage, const fs::path& target) {
    const auto result =
        run({"sh", "-c", "find . | cpio --quiet -o -H newc -R 0:0 > \"$0\"", target.string()},
            std::chrono::minutes(1), {.dir = stage.string()});
    if (!result.ok()) {
        throw std::runtime_error("cannot pack the initramfs: " + result.output);
    }
}

/// A folder that starts empty and is removed in the end.
class Stage {
  public:
    explicit Stage(const fs::path& target) : dir_(target.string() + ".stage") {
        fs::remove_all(dir_);
        fs::create_directories(dir_);
        add_busybox_and_folders(dir_);
    }
    Stage(Stage&&) = delete;
    Stage& operator=(Stage&&) = delete;
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    ~Stage() {
        std::error_code ignored;
        fs::remove_all(dir_, ignored);
    }
    [[nodiscard]] const fs::path& dir() const { return dir_; }

  private:
    fs::path dir_;
};

}  // namespace

void write_initramfs(const Kernel& kernel, const fs::path& init, const fs::path& agent,
                     const fs::path& target) {
    const Stage stage(target);
    std::string order;
    std::set<std::string> seen;
    for (const auto* module : kBootModules) {
        for (const auto& file : module_files(kernel, module)) {
            if (seen.insert(file.filename()).second) {
                order += add_module(file, stage.dir() / "modules") + "\n";
            }
        }
    }
    write_file(stage.dir() / "modules/order", order);
    write_file(stage.dir() / "agent", agent.string() + "\n");
    add_script(stage.dir() / "init", read_file(init));
    pack(stage.dir(), target);
}

void write_probe_initramfs(const fs::path& target, const std::string& message) {
    const Stage stage(target);
    add_script(stage.dir() / "init", fmt::format("#!/bin/busybox sh\n"
                                                 "/bin/busybox mount -t proc proc /proc\n"
                                                 "/bin/busybox echo {}\n"
                                                 "echo o > /proc/sysrq-trigger\n"
                                                 "/bin/busybox sleep 60\n",
                                                 message));
    pack(stage.dir(), target);
}

}  // namespace vmtest
