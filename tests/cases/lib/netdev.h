// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cases/lib/netns.h"

namespace cases {

/// What the kernel says about a network device at one moment.
struct LinkState {
    int index = 0;
    /// IFF_* flags.
    unsigned flags = 0;
    unsigned mtu = 0;
    bool carrier = false;
    /// Hardware address as "80:00:00:48:fe:80:...".
    std::string address;
    /// rtnl kind, say "ipoib".
    std::string kind;
};

/// The counters of a network device (64 bits).
struct LinkStats {
    uint64_t rx_packets = 0;
    uint64_t tx_packets = 0;
    uint64_t rx_bytes = 0;
    uint64_t tx_bytes = 0;
    uint64_t rx_errors = 0;
    uint64_t tx_errors = 0;
    uint64_t rx_dropped = 0;
    uint64_t tx_dropped = 0;
};

/// A network device by name, in the first namespace or in one of the hosts.
/// Every function throws std::runtime_error with the kernel's answer when the
/// kernel refuses.
class Netdev {
  public:
    explicit Netdev(std::string name, std::string netns = "", std::string port = "")
        : name_(std::move(name)), netns_(std::move(netns)), port_(std::move(port)) {}

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::string& netns() const { return netns_; }
    /// Its HCA and port, "vib0:1"; empty when that is not known.
    [[nodiscard]] const std::string& port() const { return port_; }

    /// True when there is such a device.
    [[nodiscard]] bool exists() const;
    [[nodiscard]] LinkState state() const;
    [[nodiscard]] LinkStats stats() const;

    void up() const;
    void down() const;
    void set_mtu(unsigned mtu) const;
    /// Takes effect while the device is down; changes the name of this object.
    void rename(const std::string& name);
    /// Moves the device, and this object with it.
    void move_to(const Namespace& target);
    /// Adds an address such as "10.0.0.1/24" or "fd00::1/64" (usable at once).
    void add_address(const std::string& address) const;
    void del_address(const std::string& address) const;

    /// Waits until the device runs: up and with carrier.
    void wait_running(Millis limit = seconds(30)) const;
    /// Waits until it has no carrier.
    void wait_no_carrier(Millis limit = seconds(30)) const;

    /// A file of the device in sysfs, say "mode"; first namespace only.
    [[nodiscard]] std::string sysfs(const std::string& file) const;

  private:
    std::string name_;
    std::string netns_;
    std::string port_;
};

/// The IPoIB device of an HCA's port while it is in the first namespace.
std::optional<Netdev> find_ipoib(const std::string& hca, int port = 1);

/// Waits for it.
Netdev wait_ipoib(const std::string& hca, int port = 1);

}  // namespace cases
