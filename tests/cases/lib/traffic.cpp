// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/traffic.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "cases/lib/driver_state.h"

namespace cases {
namespace {

constexpr const char* kIperfPort = "5201";
constexpr size_t kAddressLen = 20;
// A prime, so that no offset by a power of two goes unnoticed.
constexpr size_t kPeriod = 65521;
constexpr size_t kChunk = 65536;

/// A socket in the host's namespace, where it stays.
vmtest::Fd open_socket(const Host& host, int family, int type, int protocol) {
    const NamespaceScope scope(host.ns.name());
    vmtest::Fd fd(::socket(family, type | SOCK_CLOEXEC, protocol));
    if (!fd.valid()) {
        vmtest::throw_errno("socket in " + host.ns.name());
    }
    return fd;
}

template <typename Value>
void set_option(int fd, int level, int option, const Value& value) {
    if (::setsockopt(fd, level, option, &value, sizeof(value)) != 0) {
        vmtest::throw_errno(fmt::format("socket option {}.{}", level, option));
    }
}

/// Room for many packets: what gets lost shall not get lost here.
void enlarge_buffers(int fd) {
    set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20);
    set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, 8 << 20);
}

/// No call waits longer than this.
void limit_waiting(int fd) {
    const timeval limit{.tv_sec = patience(seconds(60)).count() / 1000, .tv_usec = 0};
    set_option(fd, SOL_SOCKET, SO_RCVTIMEO, limit);
    set_option(fd, SOL_SOCKET, SO_SNDTIMEO, limit);
}

/// A socket address of either family.
struct Endpoint {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
};

Endpoint endpoint(int family, const std::string& address, uint16_t port) {
    Endpoint result;
    void* binary = nullptr;
    if (family == AF_INET) {
        auto* in = reinterpret_cast<sockaddr_in*>(&result.storage);
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        binary = &in->sin_addr;
        result.length = sizeof(*in);
    } else {
        auto* in6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        binary = &in6->sin6_addr;
        result.length = sizeof(*in6);
    }
    if (::inet_pton(family, address.c_str(), binary) != 1) {
        throw std::runtime_error("not an address: " + address);
    }
    return result;
}

bool readable(int fd, Millis limit) {
    pollfd poll{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, static_cast<int>(limit.count())) > 0;
}

std::array<unsigned char, kAddressLen> parse_address(const std::string& text) {
    std::array<unsigned char, kAddressLen> result{};
    std::istringstream in(text);
    std::string byte;
    for (auto& target : result) {
        if (!std::getline(in, byte, ':')) {
            throw std::runtime_error("not a hardware address: " + text);
        }
        target = static_cast<unsigned char>(std::stoul(byte, nullptr, 16));
    }
    return result;
}

/// Both ends of a connection: that of the server, that of the client.
std::pair<vmtest::Fd, vmtest::Fd> connect_tcp(const Host& server, const Host& client, int family,
                                              const std::string& address) {
    const auto listener = open_socket(server, family, SOCK_STREAM, 0);
    auto target = endpoint(family, address, 0);
    if (::bind(listener.get(), target.get(), target.length) != 0 ||
        ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&target.storage),
                      &target.length) != 0) {
        vmtest::throw_errno("listen at " + address);
    }
    auto connected = open_socket(client, family, SOCK_STREAM, 0);
    limit_waiting(connected.get());
    limit_waiting(listener.get());
    if (::connect(connected.get(), target.get(), target.length) != 0) {
        vmtest::throw_errno("connect to " + address);
    }
    vmtest::Fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!accepted.valid()) {
        vmtest::throw_errno("accept at " + address);
    }
    limit_waiting(accepted.get());
    return {std::move(accepted), std::move(connected)};
}

/// Bytes that repeat after a prime number of them, long enough for a chunk from
/// any position.
std::string make_pattern() {
    std::string pattern(kPeriod + kChunk, '\0');
    uint32_t value = 1;
    for (size_t i = 0; i < kPeriod; i++) {
        value = value * 1664525 + 1013904223;
        pattern[i] = static_cast<char>(value >> 24);
    }
    for (size_t i = kPeriod; i < pattern.size(); i++) {
        pattern[i] = pattern[i - kPeriod];
    }
    return pattern;
}

void send_pattern(int fd, const std::string& pattern, uint64_t bytes) {
    for (uint64_t at = 0; at < bytes;) {
        const auto sent = ::send(fd, pattern.data() + at % kPeriod,
                                 std::min<uint64_t>(kChunk, bytes - at), MSG_NOSIGNAL);
        if (sent <= 0) {
            vmtest::throw_errno(fmt::format("TCP send at byte {}", at));
        }
        at += static_cast<uint64_t>(sent);
    }
}

void expect_pattern(int fd, const std::string& pattern, uint64_t bytes) {
    std::string chunk(kChunk, '\0');
    uint64_t at = 0;
    for (;;) {
        const auto got = ::recv(fd, chunk.data(), chunk.size(), 0);
        if (got < 0) {
            vmtest::throw_errno(fmt::format("TCP receive at byte {}", at));
        }
        if (got == 0) {
            break;
        }
        if (pattern.compare(at % kPeriod, static_cast<size_t>(got), chunk, 0,
                            static_cast<size_t>(got)) != 0) {
            throw std::runtime_error(fmt::format("TCP data differ after byte {}", at));
        }
        at += static_cast<uint64_t>(got);
    }
    if (at != bytes) {
        throw std::runtime_error(fmt::format("{} of {} bytes came by TCP", at, bytes));
    }
}

std::vector<std::string> iperf_client(const std::string& address) {
    return {"iperf3", "-c", address, "-p", kIperfPort};
}

Process start_server(const Host& host, const std::string& address) {
    auto server = host.ns.start({"iperf3", "-s", "-1", "-p", kIperfPort, "-B", address});
    wait_until("iperf3 listens", [&] {
        return host.ns.run({"ss", "-ltnH"}).output.find(fmt::format(":{}", kIperfPort)) !=
               std::string::npos;
    });
    return server;
}

}  // namespace

UdpSocket::UdpSocket(const Host& host, uint16_t port, int family)
    : family_(family), fd_(open_socket(host, family, SOCK_DGRAM, 0)) {
    enlarge_buffers(fd_.get());
    const auto local = endpoint(family, family == AF_INET ? "0.0.0.0" : "::", port);
    if (::bind(fd_.get(), local.get(), local.length) != 0) {
        vmtest::throw_errno(fmt::format("bind to UDP port {}", port));
    }
}

void UdpSocket::bind_to_device(const Host& host) {
    const std::string& name = host.dev.name();
    if (::setsockopt(fd_.get(), SOL_SOCKET, SO_BINDTODEVICE, name.c_str(), name.size()) != 0) {
        vmtest::throw_errno("bind to " + name);
    }
    set_option(fd_.get(), SOL_SOCKET, SO_BROADCAST, 1);
}

void UdpSocket::join(const std::string& group, const Host& host) {
    const auto address = endpoint(family_, group, 0);
    group_req request{};
    request.gr_interface = static_cast<uint32_t>(host.dev.state().index);
    std::memcpy(&request.gr_group, &address.storage, sizeof(address.storage));
    set_option(fd_.get(), family_ == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, MCAST_JOIN_GROUP,
               request);
}

void UdpSocket::multicast_from(const Host& host) {
    const int index = host.dev.state().index;
    if (family_ == AF_INET) {
        ip_mreqn request{};
        request.imr_ifindex = index;
        set_option(fd_.get(), IPPROTO_IP, IP_MULTICAST_IF, request);
        set_option(fd_.get(), IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    } else {
        set_option(fd_.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
        set_option(fd_.get(), IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
    }
}

void UdpSocket::send(const std::string& address, uint16_t port, const std::string& payload) {
    const auto target = endpoint(family_, address, port);
    if (::sendto(fd_.get(), payload.data(), payload.size(), 0, target.get(), target.length) < 0) {
        vmtest::throw_errno("send to " + address);
    }
}

std::optional<std::string> UdpSocket::receive(Millis limit) {
    if (!readable(fd_.get(), limit)) {
        return std::nullopt;
    }
    std::string payload(65536, '\0');
    const auto got = ::recv(fd_.get(), payload.data(), payload.size(), 0);
    if (got < 0) {
        vmtest::throw_errno("receive");
    }
    payload.resize(static_cast<size_t>(got));
    return payload;
}

FrameSocket::FrameSocket(const Host& host, uint16_t ethertype)
    : ethertype_(ethertype),
      index_(host.dev.state().index),
      fd_(open_socket(host, AF_PACKET, SOCK_DGRAM, htons(ethertype))) {
    sockaddr_ll local{};
    local.sll_family = AF_PACKET;
    local.sll_protocol = htons(ethertype);
    local.sll_ifindex = index_;
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0) {
        vmtest::throw_errno("bind a packet socket");
    }
    set_option(fd_.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
}

void FrameSocket::send(const std::string& address, const std::string& payload) {
    // An address of 20 bytes goes beyond the end of sockaddr_ll, which the
    // kernel allows for.
    union {
        sockaddr_ll head;
        std::array<char, offsetof(sockaddr_ll, sll_addr) + kAddressLen> bytes;
    } target{};
    const auto binary = parse_address(address);
    target.head.sll_family = AF_PACKET;
    target.head.sll_protocol = htons(ethertype_);
    target.head.sll_ifindex = index_;
    target.head.sll_halen = kAddressLen;
    std::memcpy(target.bytes.data() + offsetof(sockaddr_ll, sll_addr), binary.data(),
                binary.size());
    if (::sendto(fd_.get(), payload.data(), payload.size(), 0,
                 reinterpret_cast<const sockaddr*>(&target), sizeof(target)) < 0) {
        vmtest::throw_errno("send a frame to " + address);
    }
}

std::optional<std::string> FrameSocket::receive(Millis limit) {
    if (!readable(fd_.get(), limit)) {
        return std::nullopt;
    }
    std::string payload(65536, '\0');
    const auto got = ::recv(fd_.get(), payload.data(), payload.size(), 0);
    if (got < 0) {
        vmtest::throw_errno("receive a frame");
    }
    payload.resize(static_cast<size_t>(got));
    return payload;
}

std::vector<std::string> numbered(int first, int count) {
    std::vector<std::string> result;
    result.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; i++) {
        result.push_back(std::to_string(first + i));
    }
    return result;
}

std::vector<std::string> receive_all(UdpSocket& socket, size_t count, Millis limit) {
    std::vector<std::string> result;
    while (result.size() < count) {
        auto packet = socket.receive(limit);
        if (!packet) {
            break;
        }
        result.push_back(std::move(*packet));
    }
    return result;
}

void tcp_transfer(const Host& from, const Host& to, const std::string& address, uint64_t bytes,
                  bool reverse) {
    const Host& server = reverse ? from : to;
    const Host& client = reverse ? to : from;
    const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
    auto [accepted, connected] = connect_tcp(server, client, family, address);
    const auto pattern = make_pattern();
    std::exception_ptr failed;
    std::thread sender([&, fd = reverse ? accepted.get() : connected.get()] {
        try {
            send_pattern(fd, pattern, bytes);
        } catch (...) {
            failed = std::current_exception();
        }
        ::shutdown(fd, SHUT_WR);
    });
    try {
        expect_pattern(reverse ? connected.get() : accepted.get(), pattern, bytes);
    } catch (...) {
        // What the receiver says comes first; the sender fails for it.
        ::shutdown(accepted.get(), SHUT_RDWR);
        ::shutdown(connected.get(), SHUT_RDWR);
        sender.join();
        throw;
    }
    sender.join();
    if (failed) {
        std::rethrow_exception(failed);
    }
}

TcpLoad::TcpLoad(const Host& from, const Host& to, const std::string& address, int streams)
    : server_(start_server(to, address)), client_([&] {
          auto argv = iperf_client(address);
          argv.insert(argv.end(), {"-t", "3600", "-P", std::to_string(streams)});
          if (streams > 1) {
              argv.insert(argv.end(), {"-w", "64K"});
          }
          return from.ns.start(argv);
      }()) {
    const auto before = to.dev.stats().rx_bytes;
    wait_until("TCP data flow", [&] { return to.dev.stats().rx_bytes > before + (1 << 20); });
}

uint64_t ethtool_stat(const Host& host, const std::string& name) {
    const auto stats = ethtool_stats(host.dev);
    const auto found = stats.find(name);
    if (found == stats.end()) {
        throw std::runtime_error("ethtool -S has no " + name);
    }
    return found->second;
}

std::string must_refuse(const Host& host, const std::vector<std::string>& argv) {
    auto result = host.ns.run(argv);
    if (result.ok()) {
        throw std::runtime_error("`" + vmtest::command_line(argv) + "` was not refused");
    }
    return std::move(result.output);
}

std::string host_sysfs(const Host& host, const std::string& file) {
    // `ip netns exec` shows the sysfs of the namespace.
    std::string text = must_run({"ip", "netns", "exec", host.ns.name(), "cat",
                                 "/sys/class/net/" + host.dev.name() + "/" + file});
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

std::string driver_dump(const Host& host, const std::string& which) {
    return driver_dump(host.dev, which);
}

}  // namespace cases
