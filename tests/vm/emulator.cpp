// SPDX-License-Identifier: GPL-2.0-only
#include "vm/emulator.h"

#include <fmt/format.h>

#include <chrono>
#include <iostream>
#include <stdexcept>

#include "vm/apt.h"
#include "vm/package_cache.h"
#include "vm/process.h"

namespace vmtest {
namespace {

constexpr const char* kProgram = "qemu-system-x86_64";
constexpr const char* kPackage = "qemu-system-x86";

/// Throws std::runtime_error when there is none that runs here.
QemuCommand provide_backport() {
    const Apt apt(installed_suite() + "-backports");
    const std::string version = apt.version(kPackage);
    const auto root =
        provide_in_cache("QEMU", cache_dir() / "qemu",
                         version.empty() ? std::nullopt : std::optional<std::string>(version),
                         [&](const fs::path& place) {
                             std::cout << fmt::format("QEMU: downloading {}", version) << std::endl;
                             apt.unpack({kPackage, "qemu-system-data", "seabios"}, place);
                         });
    if (!root) {
        throw std::runtime_error("the backports have none");
    }
    QemuCommand command = {(*root / "usr/bin" / kProgram).string()};
    // Its libraries are those that the installed one has brought along.
    auto probe = command;
    probe.emplace_back("--version");
    run_or_throw(probe, std::chrono::minutes(1));
    for (const char* data : {"usr/share/seabios", "usr/share/qemu"}) {
        command.emplace_back("-L");
        command.push_back((*root / data).string());
    }
    return command;
}

}  // namespace

QemuCommand installed_qemu() {
    return {kProgram};
}

QemuCommand provide_emulator() {
    try {
        return provide_backport();
    } catch (const std::exception& error) {
        std::cout << fmt::format("QEMU: {}\nQEMU: using the one that is installed", error.what())
                  << std::endl;
        return installed_qemu();
    }
}

}  // namespace vmtest
