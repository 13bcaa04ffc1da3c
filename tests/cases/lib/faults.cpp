// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/faults.h"

#include <sstream>
#include <stdexcept>

#include "cases/lib/fabric.h"

namespace cases {
namespace {

constexpr const char* kFile = "faults";

}  // namespace

FaultRule::FaultRule(const std::string& text) {
    Fabric::control(kFile, text);
    // "3: hits=0 seen=0 drop class=sa": the newest is the last.
    std::istringstream list(Fabric::query(kFile));
    for (std::string line; std::getline(list, line);) {
        id_ = static_cast<unsigned>(std::stoul(line));
    }
}

FaultRule FaultRule::counter(const std::string& words) {
    return FaultRule("drop " + words + " skip=2147483647");
}

FaultRule& FaultRule::operator=(FaultRule&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
}

FaultRule::~FaultRule() {
    try {
        remove();
    } catch (const std::exception&) {
        // The fabric may be gone, and all rules with it.
        id_ = 0;
    }
}

void FaultRule::remove() {
    if (id_ != 0) {
        Fabric::control(kFile, "del " + std::to_string(id_));
        id_ = 0;
    }
}

uint64_t FaultRule::number(const std::string& key) const {
    std::istringstream list(Fabric::query(kFile));
    for (std::string line; std::getline(list, line);) {
        const size_t at = line.find(key);
        if (std::stoul(line) == id_ && at != std::string::npos) {
            return std::stoull(line.substr(at + key.size()));
        }
    }
    throw std::runtime_error("the fault rule is gone");
}

}  // namespace cases
