// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vm/deadline.h"
#include "vm/runner.h"

namespace vmtest {

/// Numbers of verdicts.
struct Tally {
    int passed = 0;
    int failed = 0;
    int skipped = 0;

    void count(Verdict verdict);
    void add(const Tally& other);
};

/// The cases to run on one kernel.
struct KernelRun {
    KernelSpec spec;
    RunnerConfig config;
    /// Full names of the cases, in order.
    std::vector<std::string> names;
    /// How many more there are that this run leaves out.
    size_t left_out = 0;
};

/// How to run them.
struct SuiteOptions {
    /// VMs that run at the same time.
    int jobs = 1;
    /// Shows what the cases print.
    bool verbose = false;
    /// Percent of the driver's lines that must run on a kernel which counts them.
    double least_lines = 0;
};

/// Runs cases on kernels, in one VM or in several at the same time. Says what
/// becomes of each case as it ends, and of each kernel when its last one has.
class Suite {
  public:
    Suite(std::vector<KernelRun> runs, SuiteOptions options);

    /// Provides the kernels one after the other, and runs the cases of those that
    /// are there meanwhile. One that cannot be provided counts as a failure.
    Tally run();

  private:
    /// One kernel and how far it has come.
    struct Progress {
        KernelRun run;
        KernelSetup setup;
        Clock::time_point start;
        size_t next = 0;
        size_t done = 0;
        int boots = 0;
        Tally tally;
        std::vector<CaseResult> results;
        std::string summary;
    };
    /// A case to run.
    struct Job {
        Progress* kernel = nullptr;
        std::string name;
    };

    void prepare();
    void prepare_one(KernelRun run);
    void work(int worker);
    void serve(int worker);
    /// Waits for a kernel when there may be more; none: all cases are given out.
    std::optional<Job> next_job();
    /// The next case of a kernel that is ready.
    std::optional<Job> take_job();
    Tally conclude() const;
    /// Prints what ran of the driver. Returns false when that is too little.
    bool conclude_coverage(const Progress& kernel) const;
    void take_result(const Job& job, CaseResult result, const fs::path& console);
    void finish(Progress& kernel);

    std::vector<KernelRun> runs_;
    SuiteOptions options_;
    bool several_;
    /// Guards everything below, and the standard output.
    std::mutex mutex_;
    /// A kernel is there, or there will be no more.
    std::condition_variable prepared_;
    bool all_prepared_ = false;
    std::list<Progress> kernels_;
    /// What stood in the way of kernels.
    std::vector<std::string> missing_;
    std::exception_ptr error_;
};

}  // namespace vmtest
