// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/smp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <rdma/ib_user_mad.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "vm/cache.h"

namespace cases {
namespace {

using namespace vmtest;

/// IBTA 14.2.1.2: an SMP with a directed route. No field needs padding.
struct DirectedSmp {
    uint8_t base_version;
    uint8_t mgmt_class;
    uint8_t class_version;
    uint8_t method;
    uint16_t status;
    uint8_t hop_pointer;
    uint8_t hop_count;
    std::array<uint32_t, 2> tid;
    uint16_t attribute;
    uint16_t reserved;
    uint32_t modifier;
    std::array<uint32_t, 2> m_key;
    uint16_t source_lid;
    uint16_t destination_lid;
    std::array<uint8_t, 28> reserved_2;
    std::array<uint8_t, 64> data;
    std::array<uint8_t, 64> initial_path;
    std::array<uint8_t, 64> return_path;
};
static_assert(sizeof(DirectedSmp) == 256);

/// What the kernel takes and gives: its header and the MAD.
struct Message {
    ib_user_mad_hdr header;
    DirectedSmp smp;
};

constexpr uint8_t kDirectedRoute = 0x81;
constexpr uint8_t kGet = 1;
constexpr uint8_t kGetResponse = 0x81;
constexpr uint16_t kNodeInfo = 0x11;
constexpr uint16_t kPermissiveLid = 0xffff;

fs::path device_of(const std::string& hca) {
    for (const auto& entry : fs::directory_iterator("/sys/class/infiniband_mad")) {
        const fs::path file = entry.path() / "ibdev";
        if (entry.path().filename().string().starts_with("umad") && read_file(file) == hca + "\n") {
            return fs::path("/dev/infiniband") / entry.path().filename();
        }
    }
    throw std::runtime_error(hca + " has no umad device");
}

void control(const Fd& fd, unsigned long request, void* argument, const std::string& what) {
    if (::ioctl(fd.get(), request, argument) != 0) {
        throw std::system_error(errno, std::generic_category(), what);
    }
}

}  // namespace

SmpSender::SmpSender(const std::string& hca)
    : fd_(::open(device_of(hca).c_str(), O_RDWR | O_CLOEXEC)) {
    if (!fd_.valid()) {
        throw std::system_error(errno, std::generic_category(), "umad of " + hca);
    }
    control(fd_, IB_USER_MAD_ENABLE_PKEY, nullptr, "umad with P_Keys");
    ib_user_mad_reg_req wish{};
    wish.mgmt_class = kDirectedRoute;
    wish.mgmt_class_version = 1;
    control(fd_, IB_USER_MAD_REGISTER_AGENT, &wish, "agent for SMPs");
    agent_ = wish.id;
}

bool SmpSender::send(const std::vector<uint8_t>& ports, Millis limit) {
    Message message{};
    message.header.id = agent_;
    message.header.timeout_ms = static_cast<uint32_t>(limit.count());
    message.header.lid = kPermissiveLid;
    message.smp.base_version = 1;
    message.smp.mgmt_class = kDirectedRoute;
    message.smp.class_version = 1;
    message.smp.method = kGet;
    message.smp.hop_count = static_cast<uint8_t>(ports.size());
    message.smp.tid[1] = htonl(++tid_);
    message.smp.attribute = htons(kNodeInfo);
    message.smp.source_lid = kPermissiveLid;
    message.smp.destination_lid = kPermissiveLid;
    // Entry 0 is not used.
    std::copy(ports.begin(), ports.end(), message.smp.initial_path.begin() + 1);
    return ::write(fd_.get(), &message, sizeof(message)) == sizeof(message);
}

bool SmpSender::ask(const std::vector<uint8_t>& ports) {
    return send(ports, Millis(0));
}

bool SmpSender::answers(const std::vector<uint8_t>& ports, Millis limit) {
    if (!send(ports, limit)) {
        return false;
    }
    // The kernel tells of an answer that does not come as well.
    Message message{};
    if (::read(fd_.get(), &message, sizeof(message)) != sizeof(message)) {
        return false;
    }
    return message.header.status == 0 && message.smp.method == kGetResponse &&
           message.smp.tid[1] == htonl(tid_);
}

}  // namespace cases
