// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "cases/lib/driver_state.h"
#include "cases/lib/traffic.h"

namespace cases {

/// MTU of connected mode.
constexpr unsigned kConnectedMtu = 65520;

/// Switches a host's device to connected mode, with the largest MTU, while it is
/// up.
void connect_mode(const Host& host, unsigned mtu = kConnectedMtu);
/// And back.
void datagram_mode(const Host& host);

/// One number of the driver's dump "cm" of a host: the one behind @p word.
uint64_t cm_number(const Host& host, const std::string& word);
/// How many lines of that dump have all these words, say {"to", "connected"}.
size_t cm_lines(const Host& host, const std::vector<std::string>& words);

/// Waits until @p from sends to @p to on a connection: with small packets, which
/// go as datagrams until then.
void wait_connected(const Host& from, const Host& to);

/// Pings with @p payload bytes, not to be fragmented, one packet at a time: the
/// socket that the kernel answers from has room for two of the longest. All must be
/// answered.
void ping_long(const Host& from, const std::string& address, unsigned payload, int count);

/// The same with IPv4 packets of @p bytes with their headers.
void ping_whole(const Host& from, const Host& to, unsigned bytes = kConnectedMtu, int count = 3);

/// Two hosts in connected mode.
class ConnectedHosts : public TwoHosts {
  protected:
    void SetUp() override;
    void TearDown() override;

    /// Connections in both directions.
    void connect_both();
    /// Waits until packets of every size come through again; from then on all
    /// must.
    void wait_traffic();
};

}  // namespace cases
