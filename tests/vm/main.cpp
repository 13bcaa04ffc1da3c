// SPDX-License-Identifier: GPL-2.0-only
// vm-runner: boots test VMs and runs programs and cases in them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>

#include "vm/left_out.h"
#include "vm/modules.h"
#include "vm/report.h"
#include "vm/runner.h"
#include "vm/suite.h"

namespace {

using namespace vmtest;

/// One VM more than the host has CPUs: of its two CPUs a VM keeps one busy on
/// average, less when a case waits. More than four would need the memory of a
/// large machine.
int default_jobs() {
    constexpr int kMost = 4;
    return std::min(static_cast<int>(std::thread::hardware_concurrency()) + 1, kMost);
}

struct Options {
    std::string source = SOURCE_DIR;
    std::string programs = PROGRAM_DIR;
    std::vector<std::string> kernels;
    bool quick = false;
    bool full = false;
    bool selected = false;
    int jobs = default_jobs();
    std::string filter = "*";
    std::string results;
    std::string tally;
    int smp = 2;
    int memory_mib = 0;
    int limit_s = 300;
    double least_lines = 0;
    bool list = false;
    bool verbose = false;
    bool shell = false;
    std::vector<std::string> command;
};

std::vector<KernelSpec> listed_kernels(const Options& options) {
    const fs::path folder = fs::path(options.source) / "tests/kernels";
    auto all = parse_kernel_list(read_file(folder / "list"));
    for (auto& spec : all) {
        for (auto& config : spec.configs) {
            config = folder / config;
        }
        if (!spec.left_out.empty()) {
            spec.left_out = folder / spec.left_out;
        }
        if (options.memory_mib > 0) {
            spec.memory_mib = options.memory_mib;
        }
    }
    return all;
}

/// The kernels asked for, in the order of the list; "all" stands for every one.
std::vector<KernelSpec> chosen_kernels(const Options& options) {
    const auto all = listed_kernels(options);
    if (options.quick) {
        return {all.at(0)};
    }
    std::set<std::string> wanted(options.kernels.begin(), options.kernels.end());
    const bool every = wanted.erase("all") != 0;
    std::vector<KernelSpec> chosen;
    std::string names;
    for (const auto& spec : all) {
        const bool named = wanted.erase(spec.name) != 0;
        if (named || every || (options.kernels.empty() && spec.by_default)) {
            chosen.push_back(spec);
        }
        names += " " + spec.name;
    }
    if (!wanted.empty()) {
        throw std::runtime_error("no kernel " + *wanted.begin() + ", there is:" + names);
    }
    return chosen;
}

RunnerConfig make_config(const Options& options, const KernelSpec& spec,
                         const std::string& purpose) {
    RunnerConfig config;
    config.source = options.source;
    config.programs = options.programs;
    config.results = options.results.empty()
                         ? build_dir(options.source) / "results" / (purpose + "-" + spec.name)
                         : fs::path(options.results) / spec.name;
    config.smp = options.smp;
    config.case_limit = std::chrono::seconds(options.limit_s);
    return config;
}

/// The full names of the cases that @p filter picks.
std::vector<std::string> case_names(const Options& options, const std::string& filter) {
    const auto result =
        run({options.programs + "/guest-cases", "--gtest_list_tests", "--gtest_filter=" + filter},
            std::chrono::minutes(1));
    if (!result.ok()) {
        throw std::runtime_error("cannot list the cases:\n" + result.output);
    }
    std::vector<std::string> names;
    std::string suite;
    std::istringstream in(result.output);
    for (std::string line; std::getline(in, line);) {
        // A case with a parameter is listed as "  Name/0  # GetParam() = ...".
        const std::string word = line.substr(0, line.find("  #"));
        if (line.starts_with("  ")) {
            names.push_back(suite + word.substr(2));
        } else if (word.ends_with('.')) {
            suite = word;
        }
    }
    return names;
}

/// The cases to run on one kernel.
KernelRun plan_run(const Options& options, const KernelSpec& spec,
                   const std::vector<std::string>& names, const std::vector<std::string>& all) {
    KernelRun run{.spec = spec, .config = make_config(options, spec, "cases")};
    const bool everything = options.full || (!options.kernels.empty() && !options.selected);
    LeftOut left_out;
    if (!spec.left_out.empty()) {
        left_out = LeftOut(read_file(spec.left_out));
        for (const auto& pattern : left_out.unused(all)) {
            throw std::runtime_error(spec.left_out + ": no case matches " + pattern);
        }
    }
    for (const auto& name : names) {
        if (!everything && left_out.leaves_out(name)) {
            run.left_out++;
        } else {
            run.names.push_back(name);
        }
    }
    return run;
}

void print_cases(const Options& options, const std::vector<std::string>& names,
                 const std::vector<KernelRun>& runs) {
    const bool per_kernel = options.selected || options.full || !options.kernels.empty();
    if (!per_kernel) {
        for (const auto& name : names) {
            std::cout << name << "\n";
        }
        return;
    }
    for (const auto& run : runs) {
        for (const auto& name : run.names) {
            std::cout << run.spec.name << " " << name << "\n";
        }
    }
}

int run_cases(const Options& options) {
    const auto all = case_names(options, "*");
    const auto names = case_names(options, options.filter);
    std::vector<KernelRun> runs;
    for (const auto& spec : chosen_kernels(options)) {
        runs.push_back(plan_run(options, spec, names, all));
    }
    if (options.list) {
        print_cases(options, names, runs);
        return 0;
    }
    if (names.empty()) {
        std::cerr << "no case matches " << options.filter << "\n";
        return 2;
    }
    Suite suite(
        std::move(runs),
        {.jobs = options.jobs, .verbose = options.verbose, .least_lines = options.least_lines});
    const Tally sum = suite.run();
    if (!options.tally.empty()) {
        write_file(options.tally, fmt::format("{} {}\n", sum.passed, sum.failed));
    }
    return sum.failed == 0 ? 0 : 1;
}

/// Runs one of the guest programs as if it were a case, its output on stdout.
int run_program(const Options& options) {
    const auto spec = chosen_kernels(options).front();
    auto argv = options.command;
    argv.front() = options.programs + "/" + argv.front();
    const RunnerConfig config = make_config(options, spec, options.command.front());
    Runner runner(prepare_kernel(spec, config), config);
    if (options.shell) {
        return runner.run_interactive(argv);
    }
    std::cout << fmt::format("booting a VM with {} ({}, {} CPUs)", runner.setup().kernel.release,
                             runner.setup().accelerator(), options.smp)
              << std::endl;
    const auto start = Clock::now();
    const auto result = runner.run_case(options.command.front(), argv, [](const std::string& text) {
        std::cout << text << std::flush;
    });
    std::cout << fmt::format(
                     "\n{}: {} in {}", options.command.front(), to_string(result.judgement.verdict),
                     clock_text(
                         std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start)))
              << std::endl;
    if (result.judgement.verdict == Verdict::kPass) {
        return 0;
    }
    CaseResult shown = result;
    shown.record.output.clear();
    std::cout << failure_text(shown, runner.console()) << std::flush;
    return 1;
}

/// Builds the modules, with sparse, and says what there is to say. A kernel that
/// has to be built takes long: it has to be named, and preparing it for cases looks
/// at the warnings as well.
int check_all_modules(const Options& options) {
    int failed = 0;
    for (const auto& spec : chosen_kernels(options)) {
        if (spec.is_built() && options.kernels.empty()) {
            continue;
        }
        try {
            check_modules(provide_kernel(spec), options.source);
        } catch (const std::exception& error) {
            std::cout << error.what() << "\n";
            failed++;
        }
    }
    return failed == 0 ? 0 : 1;
}

void add_options(CLI::App& app, Options& options) {
    app.add_option("--source", options.source, "The checkout")->capture_default_str();
    app.add_option("--programs", options.programs, "Folder of the guest programs")
        ->capture_default_str();
    app.add_option("--kernel", options.kernels,
                   "Only this kernel of tests/kernels/list (repeatable), or all")
        ->allow_extra_args(false);
    app.add_flag("--quick", options.quick, "Only the first kernel of tests/kernels/list");
    app.add_flag("--full", options.full, "Every case on every kernel, nothing left out");
    app.add_flag("--selected", options.selected,
                 "With --kernel: only the cases that run there by default");
    app.add_option("--jobs", options.jobs, "VMs at the same time")
        ->check(CLI::PositiveNumber)
        ->take_last()
        ->capture_default_str();
    app.add_option("--smp", options.smp, "Virtual CPUs")->capture_default_str();
    app.add_option("--memory", options.memory_mib,
                   "Memory of a VM in MiB, instead of what the list says")
        ->check(CLI::PositiveNumber);
    app.add_option("--limit", options.limit_s, "Seconds for one case")->capture_default_str();
    app.add_option("--results", options.results, "Folder for reports and consoles");
    app.add_option("--filter", options.filter, "Cases to run, as for --gtest_filter");
    app.add_flag("--list", options.list, "List the cases");
    app.add_flag("--verbose", options.verbose, "Show what the cases print");
    app.add_option("--tally", options.tally, "File for the numbers of passed and failed cases");
    app.add_option("--least-lines", options.least_lines,
                   "Percent of the driver's lines that must run where they are counted");
    app.add_flag("--shell", options.shell, "A shell in a VM with the fabric up");
}

int dispatch(Options& options) {
    if (options.shell) {
        options.command = {"guest-demo", "--shell"};
    }
    return options.command.empty() ? run_cases(options) : run_program(options);
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Runs the guest cases in test VMs"};
    add_options(app, options);
    auto* exec = app.add_subcommand("exec", "Run one guest program, say guest-demo");
    exec->prefix_command();
    auto* checkpatch = app.add_subcommand("checkpatch", "Print the folder of checkpatch.pl");
    auto* modules = app.add_subcommand(
        "modules", "Build the modules with sparse, on stock kernels or those named");
    app.require_subcommand(0, 1);
    CLI11_PARSE(app, argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    try {
        if (checkpatch->parsed()) {
            std::cout << provide_checkpatch().string() << "\n";
            return 0;
        }
        if (modules->parsed()) {
            return check_all_modules(options);
        }
        if (exec->parsed()) {
            options.command = exec->remaining();
            if (options.command.empty()) {
                throw std::runtime_error("exec needs the name of a guest program");
            }
        }
        return dispatch(options);
    } catch (const std::exception& error) {
        std::cerr << "vm-runner: " << error.what() << "\n";
        return 2;
    }
}
