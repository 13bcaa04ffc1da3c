// SPDX-License-Identifier: GPL-2.0-only
#include "vm/runner.h"

#include <fmt/format.h>

#include <iostream>

#include "vm/initramfs.h"
#include "vm/modules.h"

namespace vmtest {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr seconds kBootLimit{180};
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

}  // namespace

Runner::Runner(const KernelSpec& spec, RunnerConfig config)
    : config_(std::move(config)), kernel_(provide_kernel(spec)) {
    fs::remove_all(config_.results);
    fs::create_directories(config_.results);
    std::cout << fmt::format("kernel {}: building the modules for {}", spec.name, kernel_.release)
              << std::endl;
    modules_ = build_modules(kernel_, config_.source);
    initramfs_ = config_.results / "initramfs.cpio";
    write_initramfs(kernel_, config_.source / "tests/vm/guest_init.sh",
                    config_.programs / "guest-agent", initramfs_);
    find_accelerator();
}

Runner::~Runner() {
    if (vm_) {
        vm_->power_off();
    }
}

void Runner::find_accelerator() {
    const fs::path known = cache_dir() / "accelerator";
    const std::string boot_id = read_file(kBootId);
    if (fs::exists(known)) {
        const std::string text = read_file(known);
        if (text.starts_with(boot_id)) {
            kvm_ = text.ends_with("kvm\n");
            return;
        }
    }
    kvm_ = kvm_works(kernel_, config_.results);
    write_file(known, boot_id + (kvm_ ? "kvm\n" : "tcg\n"));
}

bool Runner::boot() {
    boots_++;
    console_ = config_.results / fmt::format("console-{}.log", boots_);
    vm_ = std::make_unique<Vm>(
        kernel_,
        VmOptions{.initramfs = initramfs_, .smp = config_.smp, .kvm = kvm_, .console = console_});
    return vm_->wait_ready(kBootLimit * kernel_.spec.slowness).has_value();
}

json Runner::make_order(const std::vector<std::string>& argv, seconds limit) const {
    return {{"op", "run"},
            {"argv", argv},
            {"limit_s", limit.count()},
            {"env",
             {{"MODULE_DIR", modules_.string()},
              {"KERNEL_NAME", kernel_.spec.name},
              {"SLOWNESS", std::to_string(kernel_.spec.slowness)}}}};
}

CaseRecord Runner::talk(const std::string& name, const json& order, seconds limit,
                        const Sink& sink) {
    CaseRecord record{.name = name};
    const auto start = Clock::now();
    const Deadline deadline(limit + kCleanupLimit * kernel_.spec.slowness);
    record.lost = !vm_->channel().send(order);
    bool last = false;
    while (!last && !record.lost) {
        const auto event = vm_->channel().receive(deadline);
        if (event) {
            last = note(record, *event, sink);
        } else {
            record.lost = true;
        }
    }
    record.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return record;
}

CaseResult Runner::run_case(const std::string& name, const std::vector<std::string>& argv,
                            const Sink& sink, seconds limit) {
    limit = (limit.count() != 0 ? limit : config_.case_limit) * kernel_.spec.slowness;
    CaseResult result;
    if (vm_ || boot()) {
        result.record = talk(name, make_order(argv, limit), limit, sink);
    } else {
        result.record = CaseRecord{.name = name, .lost = true};
        result.record.output = "the VM did not become ready\n";
    }
    result.judgement = judge(result.record, kernel_.spec.lacks);
    if (result.judgement.replace_vm) {
        vm_.reset();
    }
    return result;
}

int Runner::run_interactive(const std::vector<std::string>& argv) {
    Vm vm(kernel_, VmOptions{.initramfs = initramfs_,
                             .smp = config_.smp,
                             .kvm = kvm_,
                             .console = {},
                             .interactive = true});
    if (!vm.wait_ready(kBootLimit * kernel_.spec.slowness)) {
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
