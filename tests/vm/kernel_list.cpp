// SPDX-License-Identifier: GPL-2.0-only
#include "vm/kernel_list.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>
#include <stdexcept>

namespace vmtest {
namespace {

std::set<std::string> split_commas(const std::string& value) {
    std::set<std::string> parts;
    std::istringstream in(value);
    for (std::string part; std::getline(in, part, ',');) {
        if (!part.empty()) {
            parts.insert(part);
        }
    }
    return parts;
}

int parse_number(const std::string& key, const std::string& value) {
    int number = 0;
    const char* end = value.data() + value.size();
    const auto result = std::from_chars(value.data(), end, number);
    if (result.ec != std::errc() || result.ptr != end || number <= 0) {
        throw std::runtime_error(fmt::format("{} needs a number above 0, not \"{}\"", key, value));
    }
    return number;
}

/// The value of run=: only when the kernel is asked for by name.
bool parse_named(const std::string& value) {
    if (value != "named") {
        throw std::runtime_error("run can only be named, not \"" + value + "\"");
    }
    return true;
}

void set_key(KernelSpec& spec, const std::string& key, const std::string& value) {
    if (key == "image") {
        spec.image = value;
    } else if (key == "headers") {
        spec.headers = value;
    } else if (key == "source") {
        spec.source = value;
    } else if (key == "config") {
        spec.config = value;
    } else if (key == "left-out") {
        spec.left_out = value;
    } else if (key == "run") {
        spec.by_default = !parse_named(value);
    } else if (key == "suite") {
        spec.suite = value;
    } else if (key == "lacks") {
        spec.lacks = split_commas(value);
    } else if (key == "boot") {
        spec.boot_args += (spec.boot_args.empty() ? "" : " ") + value;
    } else if (key == "memory") {
        spec.memory_mib = parse_number(key, value);
    } else if (key == "slowness") {
        spec.slowness = parse_number(key, value);
    } else {
        throw std::runtime_error("unknown key \"" + key + "\"");
    }
}

KernelSpec parse_line(const std::string& line) {
    KernelSpec spec;
    std::istringstream words(line);
    words >> spec.name;
    for (std::string word; words >> word;) {
        const size_t equals = word.find('=');
        if (equals == std::string::npos) {
            throw std::runtime_error("\"" + word + "\" is not key=value");
        }
        set_key(spec, word.substr(0, equals), word.substr(equals + 1));
    }
    const bool stock = !spec.image.empty() && !spec.headers.empty();
    const bool built = !spec.source.empty() && !spec.config.empty();
    if (stock == built) {
        throw std::runtime_error("image= and headers= or source= and config= are needed");
    }
    return spec;
}

}  // namespace

std::vector<KernelSpec> parse_kernel_list(std::string_view text) {
    std::vector<KernelSpec> all;
    std::set<std::string> names;
    std::istringstream in{std::string(text)};
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        number++;
        const size_t first = line.find_first_not_of(" \t");
        if (first == std::string::npos || line[first] == '#') {
            continue;
        }
        try {
            all.push_back(parse_line(line));
            if (!names.insert(all.back().name).second) {
                throw std::runtime_error("the name is already taken");
            }
        } catch (const std::runtime_error& error) {
            throw std::runtime_error(fmt::format("line {}: {}", number, error.what()));
        }
    }
    return all;
}

}  // namespace vmtest
