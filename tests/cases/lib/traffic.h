// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cases/lib/two_hosts.h"
#include "vm/fd.h"

namespace cases {

/// A UDP socket of a host.
class UdpSocket {
  public:
    /// @param host whose it is
    /// @param port local port, 0 for any
    /// @param family AF_INET or AF_INET6
    UdpSocket(const Host& host, uint16_t port, int family);

    /// Sends and receives through the host's IPoIB device alone, needs no
    /// address of the host, and may send to broadcast addresses.
    void bind_to_device(const Host& host);
    /// Joins a multicast group on the host's IPoIB device.
    void join(const std::string& group, const Host& host);
    /// Sends multicast through the host's IPoIB device, with no copy for the
    /// host itself.
    void multicast_from(const Host& host);

    /// Sends one packet. Throws std::system_error when the kernel refuses.
    void send(const std::string& address, uint16_t port, const std::string& payload);
    /// The next packet; nothing when none comes within @p limit.
    std::optional<std::string> receive(Millis limit);

  private:
    int family_;
    vmtest::Fd fd_;
};

/// A socket for frames of one ethertype on a host's IPoIB device.
class FrameSocket {
  public:
    /// @param ethertype such as ETH_P_RARP
    FrameSocket(const Host& host, uint16_t ethertype);

    /// Sends a frame to a hardware address as Netdev::state() gives it.
    void send(const std::string& address, const std::string& payload);
    /// The next frame that another host sent; nothing when none comes within
    /// @p limit.
    std::optional<std::string> receive(Millis limit);

  private:
    uint16_t ethertype_;
    int index_;
    vmtest::Fd fd_;
};

/// Numbers of packets from @p first, to be sent as payload.
std::vector<std::string> numbered(int first, int count);
/// Receives what is there or comes within @p limit after the packet before it,
/// up to @p count packets.
std::vector<std::string> receive_all(UdpSocket& socket, size_t count, Millis limit);

/// Moves @p bytes with TCP from @p from to @p to and compares what arrives with
/// what was sent. Throws when that differs or does not arrive.
/// @param address of the host that listens: the receiver, or with @p reverse the
///        sender
void tcp_transfer(const Host& from, const Host& to, const std::string& address, uint64_t bytes,
                  bool reverse = false);

/// TCP in one direction that goes on until the object is gone, whatever happens
/// to the connection.
class TcpLoad {
  public:
    /// Returns when data flow. Several streams have 64 KiB each on their way at
    /// most, so that up to 8 cannot overrun a receive ring.
    TcpLoad(const Host& from, const Host& to, const std::string& address, int streams = 1);

  private:
    Process server_;
    Process client_;
};

/// One counter of `ethtool -S`. Throws for a name that is not there.
uint64_t ethtool_stat(const Host& host, const std::string& name);

/// What a command is refused with: runs it, expects it to fail and returns what
/// it printed. Throws when it succeeds.
std::string must_refuse(const Host& host, const std::vector<std::string>& argv);

/// A file of a host's device in sysfs, read in the host's namespace.
std::string host_sysfs(const Host& host, const std::string& file);

/// A dump of the driver in debugfs: "mcg", "path", "neigh" or "state".
std::string driver_dump(const Host& host, const std::string& which);

}  // namespace cases
