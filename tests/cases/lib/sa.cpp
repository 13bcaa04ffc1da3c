// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/sa.h"

#include <arpa/inet.h>

#include <array>
#include <sstream>
#include <stdexcept>

namespace cases {
namespace {

/// A GID in the shortest form.
std::string shortest(const std::string& gid) {
    in6_addr binary{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_pton(AF_INET6, gid.c_str(), &binary) != 1 ||
        ::inet_ntop(AF_INET6, &binary, text.data(), text.size()) == nullptr) {
        throw std::runtime_error("not a GID: " + gid);
    }
    return text.data();
}

}  // namespace

std::vector<SaMember> sa_members() {
    std::vector<SaMember> members;
    // Without the key the SA hides the ports.
    std::istringstream in(must_run({"saquery", "--smkey", "1", "-m"}));
    for (std::string line; std::getline(in, line);) {
        // "		MGID....................ff12:401b:ffff::1"
        const auto start = line.find_first_not_of(" \t");
        const auto dots = line.find("..");
        if (start == std::string::npos || dots == std::string::npos) {
            continue;
        }
        const std::string name = line.substr(start, dots - start);
        const std::string value = line.substr(line.find_first_not_of('.', dots));
        if (name == "MGID") {
            members.push_back({.mgid = shortest(value), .port_gid = "", .join_state = 0});
        } else if (name == "PortGid" && !members.empty()) {
            members.back().port_gid = shortest(value.substr(0, value.find(' ')));
        } else if (name == "ScopeState" && !members.empty()) {
            members.back().join_state = static_cast<unsigned>(std::stoul(value, nullptr, 16)) & 0xF;
        }
    }
    return members;
}

unsigned sa_join_state(const Host& host, const std::string& mgid) {
    unsigned state = 0;
    for (const auto& member : sa_members()) {
        if (member.mgid == shortest(mgid) && member.port_gid == port_gid(host)) {
            state |= member.join_state;
        }
    }
    return state;
}

void wait_member(const Host& host, const std::string& mgid, unsigned states) {
    wait_until(host.hca + " is in " + mgid,
               [&] { return (sa_join_state(host, mgid) & states) != 0; });
}

void wait_no_member(const Host& host, const std::string& mgid) {
    wait_until(host.hca + " is not in " + mgid, [&] { return sa_join_state(host, mgid) == 0; });
}

std::string port_gid(const Host& host) {
    return shortest(read_text("/sys/class/infiniband/" + host.hca + "/ports/1/gids/0"));
}

}  // namespace cases
