// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cases/lib/command.h"

namespace cases {

/// A network namespace: one of the hosts. Gone with the object.
class Namespace {
  public:
    /// Makes the namespace, with its loopback up.
    explicit Namespace(std::string name);
    Namespace(Namespace&& other) noexcept : name_(std::exchange(other.name_, "")) {}
    Namespace& operator=(Namespace&&) = delete;
    Namespace(const Namespace&) = delete;
    Namespace& operator=(const Namespace&) = delete;
    ~Namespace();

    [[nodiscard]] const std::string& name() const { return name_; }

    /// Runs a program in it to the end, whatever its status.
    [[nodiscard]] RunResult run(const std::vector<std::string>& argv,
                                Millis limit = seconds(60)) const;
    /// Runs a program in it that must succeed; see cases::must_run().
    std::string must(const std::vector<std::string>& argv, Millis limit = seconds(60)) const;
    /// Starts a program in it.
    [[nodiscard]] Process start(const std::vector<std::string>& argv) const;

  private:
    std::string name_;
};

/// The calling thread is in a namespace while the object lives.
class NamespaceScope {
  public:
    /// @param name the namespace; empty for staying where the thread is
    explicit NamespaceScope(const std::string& name);
    NamespaceScope(NamespaceScope&&) = delete;
    NamespaceScope& operator=(NamespaceScope&&) = delete;
    NamespaceScope(const NamespaceScope&) = delete;
    NamespaceScope& operator=(const NamespaceScope&) = delete;
    ~NamespaceScope();

  private:
    vmtest::Fd home_;
};

}  // namespace cases
