// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/connected.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace cases {

namespace {

// What ping adds to its payload: IP header and ICMP header.
constexpr unsigned kPing4 = 28;

}  // namespace

void connect_mode(const Host& host, unsigned mtu) {
    host.ns.must({"ip", "link", "set", host.dev.name(), "type", "ipoib", "mode", "connected"});
    host.dev.set_mtu(mtu);
}

void datagram_mode(const Host& host) {
    host.ns.must({"ip", "link", "set", host.dev.name(), "type", "ipoib", "mode", "datagram"});
}

uint64_t cm_number(const Host& host, const std::string& word) {
    const std::string text = driver_dump(host, "cm");
    const auto at = text.find(word + " ");
    if (at == std::string::npos) {
        throw std::runtime_error("no \"" + word + "\" in:\n" + text);
    }
    return std::stoull(text.substr(at + word.size() + 1));
}

size_t cm_lines(const Host& host, const std::vector<std::string>& words) {
    std::istringstream text(driver_dump(host, "cm"));
    size_t n = 0;
    for (std::string line; std::getline(text, line);) {
        const std::string padded = " " + line + " ";
        n += std::ranges::all_of(words, [&](const std::string& word) {
            return padded.find(" " + word + " ") != std::string::npos;
        });
    }
    return n;
}

void wait_connected(const Host& from, const Host& to) {
    const std::string qpn = "0x" + to.dev.state().address.substr(3, 2) +
                            to.dev.state().address.substr(6, 2) +
                            to.dev.state().address.substr(9, 2);
    wait_until(
        fmt::format("{} has a connection to {}", from.ns.name(), to.ns.name()),
        [&] {
            (void)from.ns.run({"ping", "-n", "-c", "1", "-W", "1", to.ip4});
            return cm_lines(from, {"to", qpn, "connected"}) == 1;
        },
        seconds(60));
}

void ping_long(const Host& from, const std::string& address, unsigned payload, int count) {
    for (int i = 0; i < count; i++) {
        from.ping(address, 1, {"-W", "30", "-i", "30", "-M", "do", "-s", std::to_string(payload)});
    }
}

void ping_whole(const Host& from, const Host& to, unsigned bytes, int count) {
    // The first answer waits for a connection back.
    ping_long(from, to.ip4, bytes - kPing4, count + 1);
}

namespace {

/// Takes the interface down; a connection that was lost track of would hold memory.
void expect_nothing_left(const Host& host) {
    wait_rings_at_rest(host.dev);
    host.dev.down();
    wait_nothing_held(host.dev);
    for (const char* word : {"sending", "receiving", "peers", "buffers", "bytes"}) {
        EXPECT_EQ(cm_number(host, word), 0U) << host.ns.name() << " " << word;
    }
}

}  // namespace

void ConnectedHosts::SetUp() {
    TwoHosts::SetUp();
    connect_mode(a());
    connect_mode(b());
}

void ConnectedHosts::TearDown() {
    for (const Host* host : {&a(), &b()}) {
        if (!testing::Test::HasFailure()) {
            expect_nothing_left(*host);
        }
    }
    TwoHosts::TearDown();
}

void ConnectedHosts::connect_both() {
    wait_connected(a(), b());
    wait_connected(b(), a());
}

void ConnectedHosts::wait_traffic() {
    wait_until(
        "whole packets come through again",
        [&] {
            return a()
                .ns
                .run({"ping", "-n", "-c", "1", "-W", "2", "-s",
                      std::to_string(kConnectedMtu - kPing4), b().ip4})
                .ok();
        },
        seconds(120));
    connect_both();
    a().ping(b().ip4, 5);
    b().ping(a().ip4, 5);
    ping_whole(a(), b());
    ping_whole(b(), a());
}

}  // namespace cases
