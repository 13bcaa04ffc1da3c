// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/feature.h"

#include <filesystem>
#include <map>
#include <stdexcept>

#include "cases/lib/command.h"
#include "cases/lib/netdev_genl.h"

namespace cases {
namespace {

/// The kernel ships an IPoIB driver of its own as a module.
bool have_stock_ipoib() {
    return vmtest::run({"modinfo", "ib_ipoib"}, patience(seconds(30))).ok();
}

/// Allocations of one module can be made to fail.
bool have_failslab() {
    return std::filesystem::exists("/sys/kernel/debug/failslab/require-start");
}

}  // namespace

bool have_feature(const std::string& name) {
    static const std::map<std::string, bool (*)()> probes = {
        {"failslab", have_failslab},
        {"netdev-genl", have_netdev_genl},
        {"stock-ipoib", have_stock_ipoib},
    };
    const auto probe = probes.find(name);
    if (probe == probes.end()) {
        throw std::runtime_error("no probe for the feature " + name);
    }
    return probe->second();
}

}  // namespace cases
