// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "cases/lib/two_hosts.h"

namespace cases {

/// JoinState of a member record (IBTA 15.2.5.17): full member, send-only
/// non-member, send-only full member.
inline constexpr unsigned kFullMember = 1;
inline constexpr unsigned kSendOnly = 4 | 8;

/// MGID of the IPv4 broadcast group of the full default partition.
inline constexpr const char* kBroadcastMgid = "ff12:401b:ffff::ffff:ffff";

/// One port in one multicast group, as the subnet manager has it.
struct SaMember {
    /// In the shortest form, say "ff12:401b:ffff::ffff:ffff".
    std::string mgid;
    std::string port_gid;
    unsigned join_state = 0;
};

/// All memberships the subnet manager knows, asked of the SA with saquery.
std::vector<SaMember> sa_members();

/// JoinState of a host's port in a group; 0 when it is not in it.
unsigned sa_join_state(const Host& host, const std::string& mgid);

/// Waits until a host's port has one of the JoinState bits @p states in a group.
void wait_member(const Host& host, const std::string& mgid, unsigned states);

/// Waits until a host's port is not in a group.
void wait_no_member(const Host& host, const std::string& mgid);

/// Default GID of a host's port in the shortest form.
std::string port_gid(const Host& host);

}  // namespace cases
