// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <string>
#include <utility>

#include "cases/lib/wait.h"

namespace cases {

/// Parameters of a module, by name.
using ModuleParams = std::map<std::string, std::string>;

/// A loaded kernel module; unloaded with the object.
class Module {
  public:
    /// Loads a module that was built from the tree, by insmod of its .ko, after
    /// the modules it depends on. Throws when it does not load.
    static Module built(const std::string& name, const ModuleParams& params = {});
    /// Loads the kernel's own module of that name.
    static Module stock(const std::string& name, const ModuleParams& params = {});

    Module(Module&& other) noexcept : name_(std::exchange(other.name_, "")) {}
    Module& operator=(Module&& other) noexcept;
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;
    ~Module();

    /// Unloads it now. Throws when that fails or does not end.
    void unload(Millis limit = seconds(60));

    /// True when a module of that name is loaded.
    static bool loaded(const std::string& name);
    /// The file of a module that was built from the tree.
    static std::string file(const std::string& name);

  private:
    explicit Module(std::string name) : name_(std::move(name)) {}

    std::string name_;
};

}  // namespace cases
