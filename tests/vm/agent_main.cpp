// SPDX-License-Identifier: GPL-2.0-only
// Process 1 of a test VM: finishes the set-up of the guest, then serves the
// runner in a child of its own and collects orphans.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "vm/agent.h"
#include "vm/cache.h"
#include "vm/vm.h"

namespace {

using namespace vmtest;

struct Mount {
    const char* type;
    const char* where;
};

constexpr std::array kMounts = {Mount{"tmpfs", "/run"},
                                Mount{"tmpfs", "/dev/shm"},
                                Mount{"devpts", "/dev/pts"},
                                Mount{"debugfs", "/sys/kernel/debug"},
                                Mount{"tracefs", "/sys/kernel/tracing"},
                                Mount{"cgroup2", "/sys/fs/cgroup"}};

void mount_all() {
    for (const auto& [type, where] : kMounts) {
        std::error_code ignored;
        fs::create_directories(where, ignored);
        if (::mount(type, where, type, 0, nullptr) != 0) {
            std::perror(where);
        }
    }
    fs::create_directories("/run/netns");
}

void prepare_system() {
    ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    ::setenv("HOME", "/root", 1);
    ::setenv("TERM", "vt100", 0);
    mount_all();
    const auto limit = std::chrono::minutes(2);
    run({"ip", "link", "set", "lo", "up"}, limit);
    const auto loaded = run({"modprobe", "-a", "ib_umad", "ib_uverbs", "rdma_ucm"}, limit);
    if (!loaded.ok()) {
        std::fputs(loaded.output.c_str(), stderr);
    }
}

/// Opens the port that the runner named; there is no udev to make links.
Fd open_port() {
    const Deadline deadline(std::chrono::seconds(30));
    while (!deadline.over()) {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator("/sys/class/virtio-ports", ignored)) {
            if (read_file(entry.path() / "name") == std::string(kAgentPort) + "\n") {
                return Fd(::open(("/dev/" + entry.path().filename().string()).c_str(),
                                 O_RDWR | O_CLOEXEC));
            }
        }
        std::this_thread::sleep_for(Millis(50));
    }
    throw std::runtime_error("no port to the runner");
}

/// Every ping switches the time stamps of received packets on and off again, for
/// which the kernel rewrites its own code. An emulated CPU that ran such a place
/// at that moment was seen to stay there for ever. One user that stays keeps the
/// code as it is.
Fd keep_time_stamps_on() {
    Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (!fd.valid() || ::setsockopt(fd.get(), SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)) != 0) {
        std::perror("time stamps");
    }
    return fd;
}

int serve() {
    try {
        prepare_system();
        const Fd time_stamps = keep_time_stamps_on();
        Agent agent(open_port());
        agent.serve();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "guest agent: %s\n", error.what());
        return 1;
    }
    return 0;
}

}  // namespace

int main() {
    const pid_t agent = ::fork();
    if (agent == 0) {
        return serve();
    }
    while (::waitpid(-1, nullptr, 0) != agent) {
    }
    ::sync();
    // Switching off needs ACPI; QEMU takes a restart for the end as well.
    ::reboot(fs::exists("/sys/firmware/acpi") ? RB_POWER_OFF : RB_AUTOBOOT);
    return 1;
}
