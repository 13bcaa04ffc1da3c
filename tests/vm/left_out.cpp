// SPDX-License-Identifier: GPL-2.0-only
#include "vm/left_out.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace vmtest {
namespace {

bool matches(const std::string& pattern, const std::string& name) {
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

bool any_matches(const std::vector<std::string>& patterns, const std::string& name) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const auto& pattern) { return matches(pattern, name); });
}

}  // namespace

LeftOut::LeftOut(std::string_view text) {
    int number = 0;
    std::istringstream in{std::string(text)};
    for (std::string line; std::getline(in, line);) {
        number++;
        std::istringstream words(line);
        std::string first;
        std::string second;
        std::string rest;
        words >> first >> second >> rest;
        if (first.empty() || first.starts_with('#')) {
            continue;
        }
        const bool keep = first == "keep" && !second.empty();
        if (keep ? !rest.empty() : !second.empty()) {
            throw std::runtime_error(
                fmt::format("line {}: not \"PATTERN\" or \"keep PATTERN\"", number));
        }
        (keep ? keep_ : out_).push_back(keep ? second : first);
    }
}

bool LeftOut::leaves_out(const std::string& name) const {
    return any_matches(out_, name) && !any_matches(keep_, name);
}

std::vector<std::string> LeftOut::unused(const std::vector<std::string>& names) const {
    std::vector<std::string> found;
    for (const auto* patterns : {&out_, &keep_}) {
        std::copy_if(patterns->begin(), patterns->end(), std::back_inserter(found),
                     [&](const std::string& pattern) {
                         return std::none_of(names.begin(), names.end(), [&](const auto& name) {
                             return matches(pattern, name);
                         });
                     });
    }
    return found;
}

}  // namespace vmtest
