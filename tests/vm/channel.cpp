// SPDX-License-Identifier: GPL-2.0-only
#include "vm/channel.h"

#include <poll.h>

#include <array>
#include <cerrno>

namespace vmtest {

using nlohmann::json;

bool Channel::send(const json& message) {
    const std::string line = message.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    size_t sent = 0;
    while (sent < line.size() && !closed_) {
        const ssize_t n = ::write(fd_.get(), line.data() + sent, line.size() - sent);
        if (n > 0) {
            sent += static_cast<size_t>(n);
        } else if (n < 0 && errno != EINTR) {
            closed_ = true;
        }
    }
    return !closed_;
}

bool Channel::read_more(const Deadline& deadline) {
    pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(deadline.left().count()));
    if (ready == 0) {
        return false;
    }
    if (ready < 0) {
        return errno == EINTR;
    }
    std::array<char, 65536> buffer;
    const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
    if (n > 0) {
        input_.append(buffer.data(), static_cast<size_t>(n));
        return true;
    }
    closed_ = n == 0 || errno != EINTR;
    return !closed_;
}

std::optional<json> Channel::receive(const Deadline& deadline) {
    for (;;) {
        const size_t end = input_.find('\n');
        if (end != std::string::npos) {
            const std::string line = input_.substr(0, end);
            input_.erase(0, end + 1);
            json message = json::parse(line, nullptr, false);
            if (message.is_object()) {
                return message;
            }
            continue;
        }
        if (closed_ || !read_more(deadline)) {
            return std::nullopt;
        }
    }
}

}  // namespace vmtest
