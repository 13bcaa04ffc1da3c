// SPDX-License-Identifier: GPL-2.0-only
#include "vm/kernel_list.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>
#include <stdexcept>

namespace vmtest {
namespace {

std::vector<std::string> split_commas(const std::string& value) {
    std::vector<std::string> parts;
    std::istringstream in(value);
    for (std::string part; std::getline(in, part, ',');) {
        if (!part.empty()) {
            parts.push_back(part);
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

/// The value of a key that can only be there or not: true when it is @p word.
bool parse_word(const std::string& key, const std::string& value, const std::string& word) {
    if (value != word) {
        throw std::runtime_error(fmt::format("{} can only be {}, not \"{}\"", key, word, value));
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
        spec.configs = split_commas(value);
    } else if (key == "left-out") {
        spec.left_out = value;
    } else if (key == "run") {
        spec.by_default = !parse_word(key, value, "named");
    } else if (key == "suite") {
        spec.suite = value;
    } else if (key == "lacks") {
        const auto features = split_commas(value);
        spec.lacks = std::set<std::string>(features.begin(), features.end());
    } else if (key == "coverage") {
        spec.coverage = parse_word(key, value, "yes");
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
    const bool built = !spec.source.empty() && !spec.configs.empty();
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
