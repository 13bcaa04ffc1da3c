// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "vm/cache.h"

namespace vmtest {

/// The code name of the Debian release that is installed. Throws
/// std::runtime_error when it is no Debian release.
std::string installed_suite();

/// The packages of one Debian suite as apt knows them, downloaded and unpacked
/// but never installed.
class Apt {
  public:
    /// @p suite empty: the suites that the machine is set up for. Any other
    /// suite: its main component from where the machine has its own packages,
    /// with lists in the cache that are fetched anew after a day. The machine's
    /// own apt knows nothing of it.
    explicit Apt(const std::string& suite = "");

    /// The packages that @p package depends on and whose whole name matches the
    /// expression @p pattern; empty when apt does not know the package.
    [[nodiscard]] std::vector<std::string> depends(const std::string& package,
                                                   const std::string& pattern) const;
    /// The packages whose whole name matches @p pattern, the newest last.
    /// @param prefix what every such name begins with
    [[nodiscard]] std::vector<std::string> names(const std::string& prefix,
                                                 const std::string& pattern) const;
    /// The newest version of @p package, empty when there is none.
    [[nodiscard]] std::string version(const std::string& package) const;
    /// Downloads @p packages and unpacks them under @p root.
    void unpack(const std::vector<std::string>& packages, const fs::path& root) const;

  private:
    [[nodiscard]] std::vector<std::string> command(const std::string& program,
                                                   const std::vector<std::string>& arguments) const;
    void update(const std::string& suite);

    fs::path dir_;
    std::vector<std::string> options_;
};

}  // namespace vmtest
