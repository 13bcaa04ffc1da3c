// SPDX-License-Identifier: GPL-2.0-only
#include "vm/apt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "vm/process.h"

namespace vmtest {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr const char* kKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
constexpr hours kListsLast{24};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

/// Where the machine gets the packages of its own release from.
std::string base_address() {
    const auto result = run({"apt-get", "indextargets", "--format",
                             "$(REPO_URI) $(CODENAME) $(COMPONENT)", "ShortDesc: Packages"},
                            minutes(1));
    const std::regex wanted(R"((\S+) )" + installed_suite() + " main");
    for (const auto& line : lines_of(result.output)) {
        std::smatch match;
        if (std::regex_match(line, match, wanted)) {
            return match.str(1);
        }
    }
    throw std::runtime_error("apt has no package list of this release: run scripts/setup first");
}

bool fresh(const fs::path& stamp) {
    return fs::exists(stamp) &&
           fs::file_time_type::clock::now() - fs::last_write_time(stamp) < kListsLast;
}

}  // namespace

std::string installed_suite() {
    std::smatch match;
    const std::string text = read_file("/etc/os-release");
    if (!std::regex_search(text, match, std::regex(R"re(VERSION_CODENAME="?([a-z]+))re"))) {
        throw std::runtime_error("/etc/os-release does not name a Debian release");
    }
    return match.str(1);
}

Apt::Apt(const std::string& suite) {
    if (suite.empty()) {
        return;
    }
    dir_ = cache_dir() / "apt" / suite;
    fs::create_directories(dir_ / "lists/partial");
    fs::create_directories(dir_ / "cache/archives/partial");
    for (const std::string& option :
         {"Dir::Etc::SourceList=" + (dir_ / "sources.list").string(),
          std::string("Dir::Etc::SourceParts=/dev/null"),
          std::string("Dir::Etc::Preferences=/dev/null"),
          std::string("Dir::Etc::PreferencesParts=/dev/null"),
          "Dir::State::Lists=" + (dir_ / "lists").string(),
          std::string("Dir::State::status=/dev/null"), "Dir::Cache=" + (dir_ / "cache").string(),
          std::string("APT::Sandbox::User=root"), std::string("Acquire::Languages=none")}) {
        options_.emplace_back("-o");
        options_.push_back(option);
    }
    update(suite);
}

void Apt::update(const std::string& suite) {
    const FileLock lock(dir_ / ".lock");
    const fs::path stamp = dir_ / ".updated";
    if (fresh(stamp)) {
        return;
    }
    write_file(dir_ / "sources.list",
               fmt::format("deb [signed-by={}] {} {} main\n", kKeyring, base_address(), suite));
    const auto result = run(command("apt-get", {"-q", "update"}), minutes(10));
    if (result.ok()) {
        write_file(stamp, "");
        return;
    }
    // What is in the cache may do.
    std::cout << fmt::format("apt: cannot fetch the package lists of {}\n{}", suite, result.output)
              << std::flush;
}

std::vector<std::string> Apt::command(const std::string& program,
                                      const std::vector<std::string>& arguments) const {
    std::vector<std::string> argv = {program};
    argv.insert(argv.end(), options_.begin(), options_.end());
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
}

std::vector<std::string> Apt::depends(const std::string& package,
                                      const std::string& pattern) const {
    const auto result = run(command("apt-cache", {"depends", package}), minutes(1));
    const std::regex wanted(R"(^\s*\|?Depends: (\S+)$)");
    const std::regex name(pattern);
    std::vector<std::string> found;
    for (const auto& line : lines_of(result.output)) {
        std::smatch match;
        if (std::regex_match(line, match, wanted) && std::regex_match(match.str(1), name)) {
            found.push_back(match.str(1));
        }
    }
    return found;
}

std::vector<std::string> Apt::names(const std::string& prefix, const std::string& pattern) const {
    const auto result = run(command("apt-cache", {"pkgnames", prefix}), minutes(1));
    const std::regex name(pattern);
    std::vector<std::string> found = lines_of(result.output);
    std::erase_if(found, [&](const std::string& one) {
        return !std::regex_match(one, name) || version(one).empty();
    });
    std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
        return ::strverscmp(a.c_str(), b.c_str()) < 0;
    });
    return found;
}

std::string Apt::version(const std::string& package) const {
    const auto result = run(command("apt-cache", {"policy", package}), minutes(1));
    std::smatch match;
    if (!std::regex_search(result.output, match, std::regex(R"(Candidate: ([0-9]\S*))"))) {
        return "";
    }
    return match.str(1);
}

void Apt::unpack(const std::vector<std::string>& packages, const fs::path& root) const {
    const fs::path debs = root / "debs";
    fs::create_directories(debs);
    std::vector<std::string> arguments = {"-q", "download"};
    arguments.insert(arguments.end(), packages.begin(), packages.end());
    run_or_throw(command("apt-get", arguments), minutes(20), {.dir = debs.string()});
    for (const auto& deb : fs::directory_iterator(debs)) {
        run_or_throw({"dpkg", "-x", deb.path().string(), root.string()}, minutes(20));
    }
    fs::remove_all(debs);
}

}  // namespace vmtest
