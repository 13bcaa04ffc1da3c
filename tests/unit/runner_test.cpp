// SPDX-License-Identifier: GPL-2.0-only
// What the runner does with VMs that do not start, or meet a fault.
#include "vm/runner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <iostream>
#include <sstream>

namespace {

using namespace vmtest;
using std::chrono::seconds;

/// What goes to std::cout meanwhile.
class Printed {
  public:
    Printed() : before_(std::cout.rdbuf(text_.rdbuf())) {}
    ~Printed() { std::cout.rdbuf(before_); }
    Printed(Printed&&) = delete;
    Printed& operator=(Printed&&) = delete;
    Printed(const Printed&) = delete;
    Printed& operator=(const Printed&) = delete;

    [[nodiscard]] std::string text() const { return text_.str(); }

  private:
    std::ostringstream text_;
    std::streambuf* before_;
};

class RunnerOfVms : public testing::Test {
  protected:
    void SetUp() override { fs::create_directories(dir_); }
    void TearDown() override { fs::remove_all(dir_); }

    /// A runner whose VMs behave one after the other as fake_qemu.cpp says.
    void plan(const std::string& lines) {
        write_file(dir_ / "plan", lines);
        KernelSetup setup{.kernel = {.spec = {.name = "k", .slowness = 1}},
                          .qemu = {FAKE_QEMU, dir_ / "plan"}};
        RunnerConfig config{.results = dir_, .boot_limit = boot_limit_, .fault_limit = seconds(1)};
        runner_.emplace(std::move(setup), std::move(config));
    }
    void set_boot_limit(seconds limit) { boot_limit_ = limit; }
    Judgement run(const std::string& name) {
        return runner_->run_case(name, {"program"}).judgement;
    }
    [[nodiscard]] int boots() const { return runner_->boots(); }
    [[nodiscard]] std::string printed() const { return printed_.text(); }

  private:
    fs::path dir_ = fs::temp_directory_path() / ("runner-test-" + std::to_string(::getpid()));
    Printed printed_;
    seconds boot_limit_{60};
    std::optional<Runner> runner_;
};

TEST_F(RunnerOfVms, OneVmRunsManyCases) {
    plan("good\n");
    EXPECT_EQ(run("A").verdict, Verdict::kPass);
    EXPECT_EQ(run("B").verdict, Verdict::kPass);
    EXPECT_EQ(boots(), 1);
}

TEST_F(RunnerOfVms, ReplacesVmsThatAreNotFit) {
    plan("dies\nunfit\ngood\n");
    EXPECT_EQ(run("A").verdict, Verdict::kPass);
    EXPECT_EQ(boots(), 3);
    EXPECT_NE(printed().find("kernel k: did not start"), std::string::npos) << printed();
    EXPECT_NE(printed().find("\nBUG: unable to handle page fault\n"), std::string::npos)
        << printed();
}

TEST_F(RunnerOfVms, ReplacesOneThatHangsWhileItStarts) {
    set_boot_limit(seconds(1));
    plan("silent\nsilent\nsilent\n");
    EXPECT_EQ(run("A").reason, "no VM was fit for it");
}

TEST_F(RunnerOfVms, GivesTheKernelUpAfterThree) {
    plan("dies\ndies\nunfit\ngood\n");
    EXPECT_EQ(run("A").reason, "no VM was fit for it");
    EXPECT_EQ(run("B").reason, "no VM was fit for it");
    EXPECT_EQ(boots(), 3);
}

TEST_F(RunnerOfVms, EndsACaseOnceTheKernelHasMetAFault) {
    // Without that it would take the time of a case and its cleanup.
    plan("faulty\ngood\n");
    const auto judgement = run("A");
    EXPECT_EQ(judgement.verdict, Verdict::kSplat);
    EXPECT_EQ(judgement.reason, "KASAN: BUG: KASAN: slab-use-after-free in f+0x1/0x2");
    EXPECT_EQ(run("B").verdict, Verdict::kPass);
    EXPECT_EQ(boots(), 2);
}

}  // namespace
