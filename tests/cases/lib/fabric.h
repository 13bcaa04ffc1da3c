// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "cases/lib/module.h"

namespace cases {

/// GUID of an HCA's port as "0x0256...".
std::string port_guid(const std::string& hca, int port = 1);
/// State of an HCA's port, say "ACTIVE" or "INIT".
std::string port_state(const std::string& hca, int port = 1);
/// LID of an HCA's port.
unsigned port_lid(const std::string& hca, int port = 1);
/// Waits until the port has the state.
void wait_port_state(const std::string& hca, const std::string& state, Millis limit = seconds(30));

/// What the HCAs of the virtual fabric can do.
struct FabricOptions {
    int nhca = 2;
    /// More parameters of the module vib, say {"lso", "0"}.
    ModuleParams vib;
};

/// The virtual InfiniBand fabric: the module vib and its controls.
class Fabric {
  public:
    explicit Fabric(const FabricOptions& options = {});

    /// Name of an HCA: "vib0", "vib1", ...
    [[nodiscard]] static std::string hca(int index) { return "vib" + std::to_string(index); }
    /// All HCAs it started with.
    [[nodiscard]] std::vector<std::string> hcas() const;

    /// Waits until all ports are ACTIVE, which takes a subnet manager.
    void wait_active(Millis limit = seconds(30)) const;
    /// Unloads it. Throws when that fails.
    void unload() { module_.unload(); }

    /// A file of vib's control folder in debugfs.
    [[nodiscard]] static std::string control_file(const std::string& name);
    /// Writes to a file of the control folder.
    static void control(const std::string& name, const std::string& text);
    /// Reads a file of the control folder.
    [[nodiscard]] static std::string query(const std::string& name);

  private:
    int nhca_;
    Module module_;
};

}  // namespace cases
