// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/netdev.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <sys/socket.h>

#include <array>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace cases {
namespace {

namespace fs = std::filesystem;

struct Release {
    void operator()(nl_sock* sock) const { nl_socket_free(sock); }
    void operator()(rtnl_link* link) const { rtnl_link_put(link); }
    void operator()(rtnl_addr* addr) const { rtnl_addr_put(addr); }
    void operator()(nl_addr* addr) const { nl_addr_put(addr); }
};
using Socket = std::unique_ptr<nl_sock, Release>;
using Link = std::unique_ptr<rtnl_link, Release>;
using Address = std::unique_ptr<rtnl_addr, Release>;
using Binary = std::unique_ptr<nl_addr, Release>;

void check(int error, const std::string& what) {
    if (error < 0) {
        throw std::runtime_error(what + ": " + nl_geterror(error));
    }
}

/// A socket in the namespace; it stays there when the thread goes back.
Socket open_socket(const std::string& netns) {
    const NamespaceScope scope(netns);
    Socket sock(nl_socket_alloc());
    check(nl_connect(sock.get(), NETLINK_ROUTE), "rtnetlink");
    return sock;
}

/// The device, or null when there is none.
Link query(nl_sock* sock, const std::string& name) {
    rtnl_link* found = nullptr;
    const int error = rtnl_link_get_kernel(sock, 0, name.c_str(), &found);
    if (error == -NLE_OBJ_NOTFOUND || error == -NLE_NODEV) {
        return nullptr;
    }
    check(error, name);
    return Link(found);
}

Link must_query(nl_sock* sock, const std::string& name) {
    auto link = query(sock, name);
    if (!link) {
        throw std::runtime_error("there is no device " + name);
    }
    return link;
}

/// Asks the kernel for a change of the device.
template <typename Change>
void change(const Netdev& netdev, const std::string& what, Change set) {
    const auto sock = open_socket(netdev.netns());
    const auto now = must_query(sock.get(), netdev.name());
    const Link wanted(rtnl_link_alloc());
    set(wanted.get());
    check(rtnl_link_change(sock.get(), now.get(), wanted.get(), 0), netdev.name() + ": " + what);
}

Address make_address(nl_sock* sock, const std::string& device, const std::string& text) {
    const auto link = must_query(sock, device);
    nl_addr* raw = nullptr;
    check(nl_addr_parse(text.c_str(), AF_UNSPEC, &raw), text);
    const Binary local(raw);
    Address address(rtnl_addr_alloc());
    rtnl_addr_set_ifindex(address.get(), rtnl_link_get_ifindex(link.get()));
    check(rtnl_addr_set_local(address.get(), local.get()), text);
    if (nl_addr_get_family(local.get()) == AF_INET6) {
        // No duplicate detection: nobody has to wait for the address.
        rtnl_addr_set_flags(address.get(), IFA_F_NODAD);
    }
    return address;
}

}  // namespace

bool Netdev::exists() const {
    const auto sock = open_socket(netns_);
    return query(sock.get(), name_) != nullptr;
}

LinkState Netdev::state() const {
    const auto sock = open_socket(netns_);
    const auto link = must_query(sock.get(), name_);
    LinkState state;
    state.index = rtnl_link_get_ifindex(link.get());
    state.flags = rtnl_link_get_flags(link.get());
    state.mtu = rtnl_link_get_mtu(link.get());
    state.carrier = rtnl_link_get_carrier(link.get()) != 0;
    std::array<char, 128> text{};
    if (nl_addr* address = rtnl_link_get_addr(link.get()); address != nullptr) {
        state.address = nl_addr2str(address, text.data(), text.size());
    }
    if (const char* kind = rtnl_link_get_type(link.get()); kind != nullptr) {
        state.kind = kind;
    }
    return state;
}

LinkStats Netdev::stats() const {
    const auto sock = open_socket(netns_);
    const auto link = must_query(sock.get(), name_);
    const auto get = [&](rtnl_link_stat_id_t id) { return rtnl_link_get_stat(link.get(), id); };
    return {.rx_packets = get(RTNL_LINK_RX_PACKETS),
            .tx_packets = get(RTNL_LINK_TX_PACKETS),
            .rx_bytes = get(RTNL_LINK_RX_BYTES),
            .tx_bytes = get(RTNL_LINK_TX_BYTES),
            .rx_errors = get(RTNL_LINK_RX_ERRORS),
            .tx_errors = get(RTNL_LINK_TX_ERRORS),
            .rx_dropped = get(RTNL_LINK_RX_DROPPED),
            .tx_dropped = get(RTNL_LINK_TX_DROPPED)};
}

void Netdev::up() const {
    change(*this, "up", [](rtnl_link* link) { rtnl_link_set_flags(link, IFF_UP); });
}

void Netdev::down() const {
    change(*this, "down", [](rtnl_link* link) { rtnl_link_unset_flags(link, IFF_UP); });
}

void Netdev::set_mtu(unsigned mtu) const {
    change(*this, fmt::format("mtu {}", mtu),
           [mtu](rtnl_link* link) { rtnl_link_set_mtu(link, mtu); });
}

void Netdev::rename(const std::string& name) {
    change(*this, "rename to " + name,
           [&name](rtnl_link* link) { rtnl_link_set_name(link, name.c_str()); });
    name_ = name;
}

void Netdev::move_to(const Namespace& target) {
    const vmtest::Fd fd(::open(("/run/netns/" + target.name()).c_str(), O_RDONLY | O_CLOEXEC));
    change(*this, "move to " + target.name(),
           [&fd](rtnl_link* link) { rtnl_link_set_ns_fd(link, fd.get()); });
    netns_ = target.name();
}

void Netdev::add_address(const std::string& address) const {
    const auto sock = open_socket(netns_);
    const auto wanted = make_address(sock.get(), name_, address);
    check(rtnl_addr_add(sock.get(), wanted.get(), 0), name_ + ": add " + address);
}

void Netdev::del_address(const std::string& address) const {
    const auto sock = open_socket(netns_);
    const auto wanted = make_address(sock.get(), name_, address);
    check(rtnl_addr_delete(sock.get(), wanted.get(), 0), name_ + ": delete " + address);
}

void Netdev::wait_running(Millis limit) const {
    wait_until(
        name_ + " runs",
        [this] {
            const LinkState now = state();
            return (now.flags & IFF_UP) != 0 && now.carrier;
        },
        limit);
}

void Netdev::wait_no_carrier(Millis limit) const {
    wait_until(
        name_ + " has no carrier", [this] { return !state().carrier; }, limit);
}

std::string Netdev::sysfs(const std::string& file) const {
    return "/sys/class/net/" + name_ + "/" + file;
}

std::optional<Netdev> find_ipoib(const std::string& hca, int port) {
    std::error_code error;
    const auto parent = fs::canonical("/sys/class/infiniband/" + hca + "/device", error);
    if (error) {
        return std::nullopt;
    }
    for (const auto& entry : fs::directory_iterator("/sys/class/net")) {
        const std::string name = entry.path().filename();
        // A device may go away while it is looked at; then it is not the one.
        if (fs::canonical(entry.path() / "device", error) != parent || error) {
            continue;
        }
        try {
            // dev_port counts from 0; a P_Key child has the port of its parent.
            if (std::stoi(read_text(entry.path() / "dev_port")) == port - 1 &&
                !fs::exists(entry.path() / "parent")) {
                return Netdev(name, "", fmt::format("{}:{}", hca, port));
            }
        } catch (const std::exception&) {
            continue;
        }
    }
    return std::nullopt;
}

Netdev wait_ipoib(const std::string& hca, int port) {
    std::optional<Netdev> found;
    wait_until(fmt::format("an IPoIB device on {} port {}", hca, port), [&] {
        found = find_ipoib(hca, port);
        return found.has_value();
    });
    return *found;
}

}  // namespace cases
