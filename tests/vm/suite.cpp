// SPDX-License-Identifier: GPL-2.0-only
#include "vm/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <thread>

#include "vm/coverage.h"
#include "vm/report.h"

namespace vmtest {
namespace {

std::string since(Clock::time_point start) {
    return clock_text(std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start));
}

std::string count_text(const Tally& tally) {
    return fmt::format("{} passed, {} failed, {} skipped", tally.passed, tally.failed,
                       tally.skipped);
}

}  // namespace

void Tally::count(Verdict verdict) {
    if (verdict == Verdict::kPass) {
        passed++;
    } else if (verdict == Verdict::kSkip) {
        skipped++;
    } else {
        failed++;
    }
}

void Tally::add(const Tally& other) {
    passed += other.passed;
    failed += other.failed;
    skipped += other.skipped;
}

Suite::Suite(std::vector<KernelRun> runs, SuiteOptions options)
    : runs_(std::move(runs)), options_(options), several_(runs_.size() > 1) {}

void Suite::prepare_one(KernelRun run) {
    auto setup = prepare_kernel(run.spec, run.config);
    const std::lock_guard lock(mutex_);
    std::cout << fmt::format("kernel {}: {} of {} cases on {} ({}, {} CPUs), results in {}",
                             run.spec.name, run.names.size(), run.names.size() + run.left_out,
                             setup.kernel.release, setup.accelerator(), run.config.smp,
                             run.config.results.string())
              << std::endl;
    kernels_.push_back(Progress{.run = std::move(run), .setup = std::move(setup)});
    prepared_.notify_all();
}

void Suite::prepare() {
    for (auto& run : runs_) {
        const std::string name = run.spec.name;
        if (run.names.empty()) {
            continue;
        }
        try {
            prepare_one(std::move(run));
        } catch (const std::exception& error) {
            const std::lock_guard lock(mutex_);
            missing_.push_back(fmt::format("kernel {}: {}", name, error.what()));
            std::cout << missing_.back() << std::endl;
        }
    }
    const std::lock_guard lock(mutex_);
    all_prepared_ = true;
    prepared_.notify_all();
}

std::optional<Suite::Job> Suite::take_job() {
    for (auto& kernel : kernels_) {
        if (kernel.next < kernel.run.names.size()) {
            if (kernel.next == 0) {
                kernel.start = Clock::now();
            }
            return Job{.kernel = &kernel, .name = kernel.run.names[kernel.next++]};
        }
    }
    return std::nullopt;
}

std::optional<Suite::Job> Suite::next_job() {
    std::unique_lock lock(mutex_);
    std::optional<Job> job;
    prepared_.wait(lock, [&] {
        job = error_ ? std::nullopt : take_job();
        return job || all_prepared_ || error_;
    });
    return job;
}

void Suite::finish(Progress& kernel) {
    kernel.summary = fmt::format("kernel {}: {} in {}, {} VM boots", kernel.run.spec.name,
                                 count_text(kernel.tally), since(kernel.start), kernel.boots);
    if (kernel.run.left_out != 0) {
        kernel.summary += fmt::format("; {} cases left to --full", kernel.run.left_out);
    }
    if (several_) {
        std::cout << kernel.summary << std::endl;
    }
}

void Suite::take_result(const Job& job, CaseResult result, const fs::path& console) {
    const std::lock_guard lock(mutex_);
    Progress& kernel = *job.kernel;
    const Verdict verdict = result.judgement.verdict;
    kernel.done++;
    kernel.tally.count(verdict);
    std::cout << fmt::format("[{:3}/{}] {} {} {} {} ({:.1f} s)", kernel.done,
                             kernel.run.names.size(), since(kernel.start), kernel.run.spec.name,
                             job.name, to_string(verdict), result.record.seconds)
              << std::endl;
    if (verdict == Verdict::kSkip) {
        std::cout << "  " << result.judgement.reason << std::endl;
    } else if (verdict != Verdict::kPass) {
        std::cout << failure_text(result, console) << std::flush;
        write_file(
            kernel.run.config.results / (job.name.substr(0, job.name.find('/')) + ".kernel.log"),
            result.record.kernel_log);
    }
    kernel.results.push_back(std::move(result));
    write_file(kernel.run.config.results / "junit.xml",
               junit_xml(kernel.run.spec.name, kernel.results));
    if (kernel.done == kernel.run.names.size()) {
        finish(kernel);
    }
}

void Suite::serve(int worker) {
    const Runner::Sink sink = options_.verbose
                                  ? [](const std::string& text) { std::cout << text << std::flush; }
                                  : Runner::Sink();
    std::unique_ptr<Runner> runner;
    const Progress* current = nullptr;
    while (const auto job = next_job()) {
        if (job->kernel != current) {
            current = job->kernel;
            runner.reset();
            runner = std::make_unique<Runner>(current->setup, current->run.config,
                                              options_.jobs > 1 ? fmt::format("{}-", worker) : "");
        }
        const int boots = runner->boots();
        auto result = runner->run_case(
            job->name,
            {current->run.config.programs / "guest-cases", "--gtest_filter=" + job->name}, sink);
        {
            const std::lock_guard lock(mutex_);
            job->kernel->boots += runner->boots() - boots;
        }
        take_result(*job, std::move(result), runner->console());
    }
}

void Suite::work(int worker) {
    try {
        serve(worker);
    } catch (...) {
        const std::lock_guard lock(mutex_);
        error_ = std::current_exception();
        prepared_.notify_all();
    }
}

bool Suite::conclude_coverage(const Progress& kernel) const {
    const auto coverage =
        report_coverage(kernel.run.config.results, kernel.setup.modules / "ib_ipoib");
    std::cout << coverage.table;
    if (coverage.lines >= options_.least_lines) {
        return true;
    }
    std::cout << fmt::format("{:.1f} % of the lines have run, which is less than {:.1f} %",
                             coverage.lines, options_.least_lines)
              << std::endl;
    return false;
}

Tally Suite::conclude() const {
    Tally sum;
    // Once more at the end, where nobody has to look for them.
    for (const auto& kernel : kernels_) {
        for (const auto& result : kernel.results) {
            const Verdict verdict = result.judgement.verdict;
            if (verdict != Verdict::kPass && verdict != Verdict::kSkip) {
                std::cout << failure_line(kernel.run.spec.name, result) << std::endl;
            }
        }
    }
    for (const auto& text : missing_) {
        std::cout << text << std::endl;
        sum.failed++;
    }
    for (const auto& kernel : kernels_) {
        if (kernel.run.spec.coverage && !conclude_coverage(kernel)) {
            sum.failed++;
        }
        std::cout << kernel.summary << std::endl;
        sum.add(kernel.tally);
    }
    return sum;
}

Tally Suite::run() {
    {
        const std::jthread preparing([this] { prepare(); });
        std::vector<std::jthread> workers;
        for (int worker = 1; worker <= options_.jobs; worker++) {
            workers.emplace_back([this, worker] { work(worker); });
        }
    }
    if (error_) {
        std::rethrow_exception(error_);
    }
    return conclude();
}

}  // namespace vmtest
