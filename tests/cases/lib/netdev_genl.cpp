// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/netdev_genl.h"

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>

namespace cases {
namespace {

// From the kernel's uapi/linux/netdev.h, which Debian 12 has no copy of.
constexpr uint8_t kQueueGet = 10;
constexpr uint8_t kNapiGet = 11;
constexpr uint8_t kStatsGet = 12;
constexpr int kQueueId = 1;
constexpr int kQueueIfindex = 2;
constexpr int kQueueType = 3;
constexpr int kQueueNapi = 4;
constexpr int kNapiIfindex = 1;
constexpr int kStatsIfindex = 1;
constexpr int kStatsType = 2;
constexpr int kStatsId = 3;
constexpr int kStatsScope = 4;
constexpr int kStatsRxPackets = 8;
constexpr int kStatsRxBytes = 9;
constexpr int kStatsTxPackets = 10;
constexpr int kStatsTxBytes = 11;
constexpr int kMaxAttr = 40;
constexpr uint32_t kTypeTx = 1;
constexpr uint32_t kScopeQueue = 1;

using Attrs = std::array<nlattr*, kMaxAttr + 1>;

struct Free {
    void operator()(nl_sock* sock) const { nl_socket_free(sock); }
    void operator()(nl_msg* msg) const { nlmsg_free(msg); }
};

int require(int result, const char* what) {
    if (result < 0) {
        throw std::runtime_error(std::string(what) + ": " + nl_geterror(result));
    }
    return result;
}

/// A socket for the family in one network namespace.
class Genl {
  public:
    explicit Genl(const std::string& netns) : sock_(nl_socket_alloc()) {
        const NamespaceScope scope(netns);
        require(genl_connect(sock_.get()), "generic netlink");
    }

    /// Number of the family, negative when there is none.
    [[nodiscard]] int family() const { return genl_ctrl_resolve(sock_.get(), "netdev"); }

    /// Asks for all objects of one kind of a device and hands their attributes on.
    void dump(uint8_t command, const std::map<int, uint32_t>& filter,
              const std::function<void(const Attrs&)>& take) const {
        const std::unique_ptr<nl_msg, Free> msg(nlmsg_alloc());
        const int id = require(family(), "netlink family netdev");
        genlmsg_put(msg.get(), NL_AUTO_PORT, NL_AUTO_SEQ, id, 0, NLM_F_DUMP, command, 1);
        for (const auto& [attr, value] : filter) {
            require(nla_put_u32(msg.get(), attr, value), "netlink attribute");
        }
        auto each = [](nl_msg* reply, void* arg) -> int {
            Attrs attrs{};
            if (genlmsg_parse(nlmsg_hdr(reply), 0, attrs.data(), kMaxAttr, nullptr) == 0) {
                (*static_cast<const std::function<void(const Attrs&)>*>(arg))(attrs);
            }
            return NL_OK;
        };
        auto* arg = const_cast<std::function<void(const Attrs&)>*>(&take);
        require(nl_socket_modify_cb(sock_.get(), NL_CB_VALID, NL_CB_CUSTOM, each, arg),
                "netlink callback");
        require(nl_send_auto(sock_.get(), msg.get()), "netlink request");
        require(nl_recvmsgs_default(sock_.get()), "netlink answer");
    }

  private:
    std::unique_ptr<nl_sock, Free> sock_;
};

uint32_t number(const Attrs& attrs, int attr) {
    nlattr* found = attrs.at(static_cast<size_t>(attr));
    return found != nullptr ? nla_get_u32(found) : 0;
}

/// Counters are sent in four bytes when they fit.
uint64_t counter(const Attrs& attrs, int attr) {
    nlattr* found = attrs.at(static_cast<size_t>(attr));
    if (found == nullptr) {
        return 0;
    }
    return nla_len(found) == sizeof(uint64_t) ? nla_get_u64(found) : nla_get_u32(found);
}

}  // namespace

bool have_netdev_genl() {
    return Genl("").family() >= 0;
}

std::vector<GenlQueue> genl_queues(const Netdev& dev) {
    const Genl genl(dev.netns());
    const auto ifindex = static_cast<uint32_t>(dev.state().index);
    std::map<std::pair<bool, uint32_t>, GenlQueue> found;
    genl.dump(kQueueGet, {{kQueueIfindex, ifindex}}, [&](const Attrs& attrs) {
        const bool tx = number(attrs, kQueueType) == kTypeTx;
        const uint32_t id = number(attrs, kQueueId);
        found[{tx, id}] = {.id = id, .tx = tx, .napi = number(attrs, kQueueNapi)};
    });
    genl.dump(kStatsGet, {{kStatsIfindex, ifindex}, {kStatsScope, kScopeQueue}},
              [&](const Attrs& attrs) {
                  const bool tx = number(attrs, kStatsType) == kTypeTx;
                  GenlQueue& queue = found.at({tx, number(attrs, kStatsId)});
                  queue.packets = counter(attrs, tx ? kStatsTxPackets : kStatsRxPackets);
                  queue.bytes = counter(attrs, tx ? kStatsTxBytes : kStatsRxBytes);
              });
    std::vector<GenlQueue> queues;
    queues.reserve(found.size());
    for (const auto& [key, queue] : found) {
        queues.push_back(queue);
    }
    return queues;
}

size_t genl_napis(const Netdev& dev) {
    size_t count = 0;
    Genl(dev.netns())
        .dump(kNapiGet, {{kNapiIfindex, static_cast<uint32_t>(dev.state().index)}},
              [&](const Attrs&) { count++; });
    return count;
}

}  // namespace cases
