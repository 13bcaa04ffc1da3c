// SPDX-License-Identifier: GPL-2.0-only
#include "vm/vm.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>

#include "vm/initramfs.h"

namespace vmtest {
namespace {

constexpr const char* kProbeMessage = "accelerator-works";
constexpr auto kProbeLimit = std::chrono::seconds(20);

/// Everything of a CPU but the quick string instructions: emulated, they copy
/// byte by byte, and the kernel would use them for every page.
constexpr const char* kEmulatedCpu = "max,erms=off,fsrm=off";

void append(std::vector<std::string>& argv, std::initializer_list<std::string> words) {
    argv.insert(argv.end(), words);
}

std::vector<std::string> base_command(QemuCommand argv, bool kvm, int smp, int memory_mib) {
    append(argv, {"-accel", kvm ? "kvm" : "tcg,thread=multi", "-cpu", kvm ? "host" : kEmulatedCpu});
    // One CPU per socket: the MP table, by which kernels without ACPI find
    // them, lists no others.
    append(argv, {"-smp", fmt::format("{0},sockets={0}", smp), "-m", std::to_string(memory_mib),
                  "-nodefaults", "-display", "none", "-no-reboot"});
    return argv;
}

/// Shares a host folder under @p tag.
void share(std::vector<std::string>& argv, const fs::path& folder, const std::string& tag,
           bool writable = false) {
    append(argv,
           {"-virtfs", fmt::format("local,path={},mount_tag={},security_model=none,readonly={},"
                                   "multidevs=remap",
                                   folder.string(), tag, writable ? "off" : "on")});
}

std::vector<std::string> vm_command(const Kernel& kernel, const VmOptions& options, int port) {
    auto argv = base_command(options.qemu, options.kvm, options.smp, kernel.spec.memory_mib);
    if (options.interactive) {
        append(argv, {"-serial", "mon:stdio"});
    } else {
        append(argv, {"-serial", "file:" + options.console.string()});
    }
    append(argv, {"-kernel", kernel.image, "-initrd", options.initramfs});
    // The console tells how far a kernel came that never gets to its first
    // program, which then makes it quiet.
    // A loaded host can stall a virtual CPU for long: the stall detector waits
    // for a minute before it calls that a fault. For the same reason CPUs seem
    // to have time stamp counters that differ; emulated ones never do, and any
    // other clock is a device, which takes a hundred times as long to read.
    append(argv, {"-append",
                  "console=ttyS0 panic=-1 mitigations=off log_buf_len=1M "
                  "rcupdate.rcu_cpu_stall_timeout=60 " +
                      std::string(options.interactive ? "quiet " : "") +
                      std::string(options.kvm ? "" : "tsc=reliable ") + kernel.spec.boot_args});
    share(argv, "/", "root");
    share(argv, kernel.modules, "modules");
    if (!options.coverage.empty()) {
        share(argv, options.coverage, kCoverageTag, true);
    }
    append(argv,
           {"-device", "virtio-serial-pci", "-chardev", fmt::format("socket,id=agent,fd={}", port),
            "-device", fmt::format("virtserialport,chardev=agent,name={}", kAgentPort)});
    return argv;
}

}  // namespace

Vm::Vm(const Kernel& kernel, const VmOptions& options) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::runtime_error("no socket for the guest agent");
    }
    channel_ = std::make_unique<Channel>(Fd(ends[0]));
    const Fd port(ends[1]);
    ProcessOptions process;
    process.keep_fds = {port.get()};
    if (options.interactive) {
        process.input_fd = STDIN_FILENO;
        process.output_fd = STDOUT_FILENO;
    }
    qemu_.emplace(vm_command(kernel, options, port.get()), process);
}

std::optional<nlohmann::json> Vm::wait_ready(Millis limit) {
    const Deadline deadline(limit);
    while (auto message = channel_->receive(deadline)) {
        if (message->value("event", "") == "hello") {
            return message;
        }
    }
    return std::nullopt;
}

void Vm::power_off() {
    channel_->send({{"op", "poweroff"}});
    qemu_->wait(std::chrono::seconds(20));
    qemu_.reset();
}

bool kvm_works(const Kernel& kernel, const fs::path& scratch) {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) {
        return false;
    }
    const fs::path initramfs = scratch / "probe.cpio";
    write_probe_initramfs(initramfs, kProbeMessage);
    auto argv = base_command(installed_qemu(), true, 2, 256);
    append(argv, {"-serial", "stdio", "-kernel", kernel.image, "-initrd", initramfs, "-append",
                  "console=ttyS0 panic=-1 quiet"});
    const auto result = run(argv, kProbeLimit);
    return result.ok() && result.output.find(kProbeMessage) != std::string::npos;
}

}  // namespace vmtest
