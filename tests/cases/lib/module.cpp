// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/module.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "cases/lib/command.h"
#include "vm/cache.h"

namespace cases {
namespace {

std::vector<std::string> with_params(std::vector<std::string> argv, const ModuleParams& params) {
    for (const auto& [name, value] : params) {
        argv.push_back(name);
        argv.back().append("=").append(value);
    }
    return argv;
}

/// Loads what the .ko file says it depends on and is not there yet. Each program
/// costs tenths of a second in an emulated VM, and every case comes here twice.
void load_dependencies(const std::string& file) {
    // One of the strings of its section .modinfo, each of which ends with a zero.
    constexpr std::string_view kTag("\0depends=", 9);
    const std::string content = vmtest::read_file(file);
    const size_t tag = content.find(kTag);
    if (tag == std::string::npos) {
        throw std::runtime_error(file + " does not say what it depends on");
    }
    std::istringstream names(content.c_str() + tag + kTag.size());
    std::vector<std::string> argv = {"modprobe", "-a"};
    const size_t options = argv.size();
    for (std::string name; std::getline(names, name, ',');) {
        if (!Module::loaded(name)) {
            argv.push_back(name);
        }
    }
    if (argv.size() > options) {
        must_run(argv);
    }
}

}  // namespace

std::string Module::file(const std::string& name) {
    const char* dir = std::getenv("MODULE_DIR");
    if (dir == nullptr) {
        throw std::runtime_error("MODULE_DIR does not say where the modules are");
    }
    return std::string(dir) + "/" + name + ".ko";
}

bool Module::loaded(const std::string& name) {
    return std::filesystem::exists("/sys/module/" + name + "/refcnt");
}

Module Module::built(const std::string& name, const ModuleParams& params) {
    load_dependencies(file(name));
    must_run(with_params({"insmod", file(name)}, params));
    return Module(name);
}

Module Module::stock(const std::string& name, const ModuleParams& params) {
    must_run(with_params({"modprobe", name}, params));
    return Module(name);
}

Module& Module::operator=(Module&& other) noexcept {
    std::swap(name_, other.name_);
    return *this;
}

void Module::unload(Millis limit) {
    const std::string name = std::exchange(name_, "");
    if (!name.empty()) {
        must_run({"rmmod", name}, limit);
    }
}

Module::~Module() {
    if (!name_.empty()) {
        vmtest::run({"rmmod", name_}, patience(seconds(120)));
    }
}

}  // namespace cases
