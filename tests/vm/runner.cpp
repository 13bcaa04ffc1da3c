// SPDX-License-Identifier: GPL-2.0-only
#include "vm/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "vm/coverage.h"
#include "vm/initramfs.h"
#include "vm/modules.h"
#include "vm/report.h"
#include "vm/splat.h"

namespace vmtest {
namespace {

using nlohmann::json;
using std::chrono::seconds;

/// A kernel may hang or report a fault of its own before anything of the project
/// is loaded. That speaks neither for nor against a case.
constexpr int kBootAttempts = 3;
/// Lines that are shown of the console of a VM that did not start.
constexpr size_t kBootLines = 40;
/// For the steps that the agent takes after a case, each of which it limits.
constexpr seconds kCleanupLimit{400};
/// Where the verdict of the accelerator probe is kept, one per start of the host.
constexpr const char* kBootId = "/proc/sys/kernel/random/boot_id";

/// Copies what the agent reports about the end of a case.
void note_exit(CaseRecord& record, const json& event) {
    record.status = event.value("status", -1);
    record.timed_out = event.value("timed_out", false);
    const json result = event.value("result", json());
    if (!result.is_object()) {
        return;
    }
    record.reported = true;
    record.failures = result.value("failures", std::vector<std::string>());
    if (result.contains("skip")) {
        record.skip_reason = result.value("skip", "");
    }
}

/// Takes one event into the record. Returns true when it was the last one.
bool note(CaseRecord& record, const json& event, const Runner::Sink& sink) {
    const std::string kind = event.value("event", "");
    if (kind == "output") {
        const std::string text = event.value("text", "");
        record.output += text;
        if (sink) {
            sink(text);
        }
    } else if (kind == "kmsg") {
        record.kernel_log += event.value("text", "") + "\n";
    } else if (kind == "exit") {
        note_exit(record, event);
    } else if (kind == "done") {
        record.cleanup_errors = event.value("cleanup_errors", std::vector<std::string>());
        record.leak_report = event.value("leak_report", "");
        return true;
    }
    return false;
}

/// Whether the kernel says that it has met a fault. Leaks come at the end.
bool tells_of_fault(const json& event) {
    if (event.value("event", "") != "kmsg") {
        return false;
    }
    const auto splats = scan_kernel_log(event.value("text", ""));
    return !splats.empty() && !splats.front().leak;
}

/// Whether hardware virtualization works; probed once per start of the host.
bool find_kvm(const Kernel& kernel, const fs::path& scratch) {
    const fs::path known = cache_dir() / "accelerator";
    const std::string boot_id = read_file(kBootId);
    if (fs::exists(known)) {
        const std::string text = read_file(known);
        if (text.starts_with(boot_id)) {
            return text.ends_with("kvm\n");
        }
    }
    const bool works = kvm_works(kernel, scratch);
    write_file(known, boot_id + (works ? "kvm\n" : "tcg\n"));
    return works;
}

}  // namespace

KernelSetup prepare_kernel(const KernelSpec& spec, const RunnerConfig& config) {
    KernelSetup setup{.kernel = provide_kernel(spec), .modules = {}, .initramfs = {}, .qemu = {}};
    fs::remove_all(config.results);
    fs::create_directories(config.results);
    std::cout << fmt::format("kernel {}: building the modules for {}", spec.name,
                             setup.kernel.release)
              << std::endl;
    setup.modules = build_modules(setup.kernel, config.source);
    setup.initramfs = config.results / "initramfs.cpio";
    write_initramfs(setup.kernel, config.source / "tests/vm/guest_init.sh",
                    config.programs / "guest-agent", setup.initramfs);
    setup.kvm = find_kvm(setup.kernel, config.results);
    setup.qemu = setup.kvm ? installed_qemu() : provide_emulator();
    return setup;
}

Runner::Runner(KernelSetup setup, RunnerConfig config, std::string label)
    : setup_(std::move(setup)), config_(std::move(config)), label_(std::move(label)) {}

Runner::~Runner() {
    if (vm_) {
        vm_->power_off();
    }
}

std::string Runner::start_vm() {
    boots_++;
    console_ = config_.results / fmt::format("console-{}{}.log", label_, boots_);
    VmOptions options{.qemu = setup_.qemu,
                      .initramfs = setup_.initramfs,
                      .smp = config_.smp,
                      .kvm = setup_.kvm,
                      .console = console_};
    if (setup_.kernel.spec.coverage) {
        options.coverage = config_.results / fmt::format("{}{}{}", kCoveragePrefix, label_, boots_);
        fs::create_directories(options.coverage);
    }
    vm_ = std::make_unique<Vm>(setup_.kernel, options);
    const auto hello = vm_->wait_ready(config_.boot_limit * setup_.kernel.spec.slowness);
    if (!hello) {
        return fmt::format("did not start, see {}\n{}", console_.string(),
                           fs::exists(console_) ? tail(read_file(console_), kBootLines) : "");
    }
    const std::string log = hello->value("kernel_log", "");
    const std::string fault = boot_fault(log, hello->value("stopped", std::vector<std::string>()));
    if (fault.empty()) {
        return "";
    }
    const fs::path file = config_.results / fmt::format("boot-{}{}.kernel.log", label_, boots_);
    write_file(file, log);
    return fmt::format("not fit for a case after its start, see {}: {}\n{}", file.string(), fault,
                       first_report(log));
}

bool Runner::boot() {
    for (int attempt = 0; attempt < kBootAttempts && !gave_up_; attempt++) {
        const std::string fault = start_vm();
        if (fault.empty()) {
            return true;
        }
        std::cout << fmt::format("kernel {}: {}\n", setup_.kernel.spec.name, fault) << std::flush;
        vm_.reset();
    }
    gave_up_ = true;
    return false;
}

json Runner::make_order(const std::vector<std::string>& argv, seconds limit) const {
    return {{"op", "run"},
            {"argv", argv},
            {"limit_s", limit.count()},
            {"env",
             {{"MODULE_DIR", setup_.modules.string()},
              {"KERNEL_NAME", setup_.kernel.spec.name},
              {"SLOWNESS", std::to_string(setup_.kernel.spec.slowness)}}}};
}

CaseRecord Runner::talk(const std::string& name, const json& order, seconds limit,
                        const Sink& sink) {
    CaseRecord record{.name = name};
    const auto start = Clock::now();
    Deadline deadline(limit + kCleanupLimit * setup_.kernel.spec.slowness);
    bool fault = false;
    record.lost = !vm_->channel().send(order);
    bool last = false;
    while (!last && !record.lost) {
        const auto event = vm_->channel().receive(deadline);
        if (event) {
            last = note(record, *event, sink);
            if (!fault && tells_of_fault(*event)) {
                fault = true;
                deadline = Deadline(std::min<Millis>(deadline.left(), config_.fault_limit));
            }
        } else {
            record.lost = true;
        }
    }
    record.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return record;
}

CaseResult Runner::run_case(const std::string& name, const std::vector<std::string>& argv,
                            const Sink& sink, seconds limit) {
    limit = (limit.count() != 0 ? limit : config_.case_limit) * setup_.kernel.spec.slowness;
    CaseResult result;
    if (vm_ || boot()) {
        json order = make_order(argv, limit);
        order["coverage"] = setup_.kernel.spec.coverage;
        result.record = talk(name, order, limit, sink);
    } else {
        result.record = CaseRecord{.name = name, .no_vm = true};
    }
    result.judgement = judge(result.record, setup_.kernel.spec.lacks);
    if (result.judgement.replace_vm) {
        vm_.reset();
    }
    return result;
}

int Runner::run_interactive(const std::vector<std::string>& argv) {
    Vm vm(setup_.kernel, VmOptions{.qemu = setup_.qemu,
                                   .initramfs = setup_.initramfs,
                                   .smp = config_.smp,
                                   .kvm = setup_.kvm,
                                   .console = {},
                                   .interactive = true});
    if (!vm.wait_ready(config_.boot_limit * setup_.kernel.spec.slowness)) {
        std::cerr << "the VM did not become ready\n";
        return 1;
    }
    json order = make_order(argv, std::chrono::hours(24));
    order["tty"] = true;
    CaseRecord record;
    bool last = !vm.channel().send(order);
    while (!last) {
        const auto event = vm.channel().receive(Deadline(std::chrono::hours(25)));
        last = !event || note(record, *event, {});
    }
    vm.power_off();
    return record.status.value_or(1);
}

}  // namespace vmtest
