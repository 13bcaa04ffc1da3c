// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vm/verdict.h"
#include "vm/vm.h"

namespace vmtest {

/// What a run needs to know.
struct RunnerConfig {
    /// The checkout.
    fs::path source;
    /// Folder of the programs that run in the guest.
    fs::path programs;
    /// Folder for consoles, kernel logs and the report; emptied at the start.
    fs::path results;
    int smp = 2;
    /// Time for one case, before the kernel's slowness stretches it.
    std::chrono::seconds case_limit{300};
    /// The same for the start of a VM.
    std::chrono::seconds boot_limit{180};
    /// Time for what is left of a case once the kernel has reported a fault, on any
    /// kernel: the verdict is known, and a VM with a fault may never end it.
    std::chrono::seconds fault_limit{60};
};

/// What the VMs of one kernel are started with; made once for all of them.
struct KernelSetup {
    Kernel kernel;
    /// Folder of the modules built for it.
    fs::path modules;
    fs::path initramfs;
    bool kvm = false;
    QemuCommand qemu;

    /// "KVM" or "TCG".
    [[nodiscard]] const char* accelerator() const { return kvm ? "KVM" : "TCG"; }
};

/// Provides the kernel, builds the modules, empties the folder for results,
/// finds the accelerator and provides the QEMU for it.
KernelSetup prepare_kernel(const KernelSpec& spec, const RunnerConfig& config);

/// A case and how it was judged.
struct CaseResult {
    CaseRecord record;
    Judgement judgement;
};

/// Runs programs in test VMs of one kernel; replaces a VM that cannot be trusted
/// any more.
class Runner {
  public:
    /// @param label start of the names of the consoles' files
    Runner(KernelSetup setup, RunnerConfig config, std::string label = "");
    ~Runner();
    Runner(Runner&&) = delete;
    Runner& operator=(Runner&&) = delete;
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    /// Receives what a case prints, as it comes.
    using Sink = std::function<void(const std::string&)>;

    /// Runs one program as a case of the given name and judges it.
    /// @param limit its own time limit, 0 for the configured one
    CaseResult run_case(const std::string& name, const std::vector<std::string>& argv,
                        const Sink& sink = {}, std::chrono::seconds limit = {});

    /// Boots a VM on the caller's terminal and runs a program there.
    int run_interactive(const std::vector<std::string>& argv);

    [[nodiscard]] const KernelSetup& setup() const { return setup_; }
    /// Number of VMs started so far.
    [[nodiscard]] int boots() const { return boots_; }
    /// Console of the VM that ran the last case.
    [[nodiscard]] const fs::path& console() const { return console_; }

  private:
    /// Starts a VM. Says why it is not fit for a case, nothing when it is.
    std::string start_vm();
    /// Starts VMs until one is fit for a case; false, from then on at once, when
    /// none is.
    bool boot();
    CaseRecord talk(const std::string& name, const nlohmann::json& order,
                    std::chrono::seconds limit, const Sink& sink);
    [[nodiscard]] nlohmann::json make_order(const std::vector<std::string>& argv,
                                            std::chrono::seconds limit) const;

    KernelSetup setup_;
    RunnerConfig config_;
    std::string label_;
    fs::path console_;
    int boots_ = 0;
    bool gave_up_ = false;
    std::unique_ptr<Vm> vm_;
};

}  // namespace vmtest
