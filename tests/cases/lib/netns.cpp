// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/netns.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <system_error>

namespace cases {

Namespace::Namespace(std::string name) : name_(std::move(name)) {
    must_run({"ip", "netns", "add", name_});
    must({"ip", "link", "set", "lo", "up"});
}

Namespace::~Namespace() {
    if (!name_.empty()) {
        vmtest::run({"ip", "netns", "del", name_}, patience(seconds(60)));
    }
}

RunResult Namespace::run(const std::vector<std::string>& argv, Millis limit) const {
    return vmtest::run(argv, patience(limit), {.netns = name_});
}

std::string Namespace::must(const std::vector<std::string>& argv, Millis limit) const {
    return must_run(argv, limit, {.netns = name_});
}

Process Namespace::start(const std::vector<std::string>& argv) const {
    return Process(argv, {.netns = name_});
}

NamespaceScope::NamespaceScope(const std::string& name) {
    if (name.empty()) {
        return;
    }
    home_ = vmtest::Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    const vmtest::Fd target(::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!target.valid() || ::setns(target.get(), CLONE_NEWNET) != 0) {
        throw std::system_error(errno, std::generic_category(), "namespace " + name);
    }
}

NamespaceScope::~NamespaceScope() {
    if (home_.valid()) {
        ::setns(home_.get(), CLONE_NEWNET);
    }
}

}  // namespace cases
