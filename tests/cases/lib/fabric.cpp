// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/fabric.h"

#include <fmt/format.h>

#include <algorithm>

#include "cases/lib/command.h"

namespace cases {
namespace {

std::string port_file(const std::string& hca, int port, const std::string& file) {
    return fmt::format("/sys/class/infiniband/{}/ports/{}/{}", hca, port, file);
}

ModuleParams params_of(const FabricOptions& options) {
    ModuleParams params = options.vib;
    params["nhca"] = std::to_string(options.nhca);
    return params;
}

}  // namespace

std::string port_guid(const std::string& hca, int port) {
    // fe80:0000:0000:0000:0256:4200:0000:0010: the GUID is the second half.
    std::string guid = read_text(port_file(hca, port, "gids/0")).substr(20);
    std::erase(guid, ':');
    return "0x" + guid;
}

std::string port_state(const std::string& hca, int port) {
    // "4: ACTIVE"
    const std::string text = read_text(port_file(hca, port, "state"));
    return text.substr(text.find(' ') + 1);
}

unsigned port_lid(const std::string& hca, int port) {
    return static_cast<unsigned>(std::stoul(read_text(port_file(hca, port, "lid")), nullptr, 16));
}

void wait_port_state(const std::string& hca, const std::string& state, Millis limit) {
    wait_until(
        hca + " is " + state, [&] { return port_state(hca) == state; }, limit);
}

Fabric::Fabric(const FabricOptions& options)
    : nhca_(options.nhca), module_(Module::built("vib", params_of(options))) {}

std::vector<std::string> Fabric::hcas() const {
    std::vector<std::string> names;
    names.reserve(static_cast<size_t>(nhca_));
    for (int i = 0; i < nhca_; i++) {
        names.push_back(hca(i));
    }
    return names;
}

void Fabric::wait_active(Millis limit) const {
    for (const auto& name : hcas()) {
        wait_port_state(name, "ACTIVE", limit);
    }
}

std::string Fabric::control_file(const std::string& name) {
    return "/sys/kernel/debug/vib/" + name;
}

void Fabric::control(const std::string& name, const std::string& text) {
    write_text(control_file(name), text);
}

std::string Fabric::query(const std::string& name) {
    return read_text(control_file(name));
}

}  // namespace cases
