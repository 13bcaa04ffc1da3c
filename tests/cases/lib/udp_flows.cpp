// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/udp_flows.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <stdexcept>
#include <system_error>

namespace cases {
namespace {

sockaddr_in address_of(const std::string& text, uint16_t port) {
    sockaddr_in result{.sin_family = AF_INET, .sin_port = htons(port)};
    if (::inet_pton(AF_INET, text.c_str(), &result.sin_addr) != 1) {
        throw std::runtime_error("not an address: " + text);
    }
    return result;
}

/// A socket of @p host, bound to its address and connected to the other one's.
vmtest::Fd connected(const Host& host, uint16_t port, const Host& peer, uint16_t peer_port) {
    const NamespaceScope scope(host.ns.name());
    vmtest::Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto own = address_of(host.ip4, port);
    const auto other = address_of(peer.ip4, peer_port);
    if (!fd.valid() ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)) != 0 ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&other), sizeof(other)) != 0) {
        vmtest::throw_errno("UDP socket of " + host.ns.name());
    }
    return fd;
}

unsigned napi_of(const vmtest::Fd& fd) {
    unsigned id = 0;
    socklen_t length = sizeof(id);
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_INCOMING_NAPI_ID, &id, &length) != 0) {
        vmtest::throw_errno("SO_INCOMING_NAPI_ID");
    }
    return id;
}

/// Takes in one packet; false when none comes in time.
bool take(UdpFlows::Flow& flow, Millis limit) {
    pollfd poll{.fd = flow.receiver.get(), .events = POLLIN, .revents = 0};
    if (::poll(&poll, 1, static_cast<int>(limit.count())) <= 0) {
        return false;
    }
    uint32_t number = 0;
    if (::recv(flow.receiver.get(), &number, sizeof(number), 0) != sizeof(number)) {
        vmtest::throw_errno("receive");
    }
    // Numbers that were lost leave gaps; only going back is disorder.
    flow.disordered += number < flow.received ? 1 : 0;
    flow.received++;
    flow.napis.insert(napi_of(flow.receiver));
    return true;
}

}  // namespace

UdpFlows::UdpFlows(const Host& from, const Host& to, int count, uint16_t first_port) {
    for (int i = 0; i < count; i++) {
        const auto port = static_cast<uint16_t>(first_port + i);
        flows_.push_back({.sender = connected(from, port, to, port),
                          .receiver = connected(to, port, from, port)});
    }
}

void UdpFlows::round(int burst, Millis limit) {
    for (int i = 0; i < burst; i++) {
        for (auto& flow : flows_) {
            if (::send(flow.sender.get(), &flow.sent, sizeof(flow.sent), 0) != sizeof(flow.sent)) {
                vmtest::throw_errno("send");
            }
            flow.sent++;
        }
    }
    Millis wait = patience(limit);
    for (auto& flow : flows_) {
        for (int i = 0; i < burst; i++) {
            if (!take(flow, wait)) {
                // What else is lost has had its time as well.
                wait = std::min(wait, Millis(10));
                break;
            }
        }
    }
}

uint64_t UdpFlows::sent() const {
    return std::accumulate(flows_.begin(), flows_.end(), uint64_t{0},
                           [](uint64_t sum, const Flow& flow) { return sum + flow.sent; });
}

uint64_t UdpFlows::received() const {
    return std::accumulate(flows_.begin(), flows_.end(), uint64_t{0},
                           [](uint64_t sum, const Flow& flow) { return sum + flow.received; });
}

uint64_t UdpFlows::disordered() const {
    return std::accumulate(flows_.begin(), flows_.end(), uint64_t{0},
                           [](uint64_t sum, const Flow& flow) { return sum + flow.disordered; });
}

UdpLoad::UdpLoad(UdpFlows& flows)
    : thread_([this, &flows] {
          while (!stop_) {
              flows.round();
              rounds_++;
          }
      }) {}

void UdpLoad::stop() {
    stop_ = true;
    if (thread_.joinable()) {
        thread_.join();
    }
}

}  // namespace cases
