// SPDX-License-Identifier: GPL-2.0-only
// How the runner judges a case.
#include "vm/verdict.h"

#include <gtest/gtest.h>

namespace {

using vmtest::boot_fault;
using vmtest::CaseRecord;
using vmtest::judge;
using vmtest::Verdict;

CaseRecord passed() {
    CaseRecord record;
    record.name = "Suite.Case";
    record.status = 0;
    record.reported = true;
    record.kernel_log = "ib_ipoib: loading out-of-tree module taints kernel.\n";
    return record;
}

TEST(Verdict, PassNeedsAllToBeInOrder) {
    const auto result = judge(passed(), {});
    EXPECT_EQ(result.verdict, Verdict::kPass);
    EXPECT_FALSE(result.replace_vm);
    EXPECT_TRUE(result.reason.empty());
}

TEST(Verdict, SilenceIsNoPass) {
    CaseRecord record = passed();
    record.reported = false;
    EXPECT_EQ(judge(record, {}).verdict, Verdict::kFail);
    EXPECT_EQ(judge(CaseRecord(), {}).verdict, Verdict::kFail);
}

TEST(Verdict, ExitStatusAloneFails) {
    CaseRecord record = passed();
    record.status = 139;
    const auto result = judge(record, {});
    EXPECT_EQ(result.verdict, Verdict::kFail);
    EXPECT_NE(result.reason.find("139"), std::string::npos);
}

TEST(Verdict, FailureGivesTheFirstExpectationInOneLine) {
    CaseRecord record = passed();
    record.status = 1;
    record.failures = {"first\nmore", "second"};
    const auto result = judge(record, {});
    EXPECT_EQ(result.verdict, Verdict::kFail);
    EXPECT_EQ(result.reason, "first more");
    EXPECT_FALSE(result.replace_vm);
}

TEST(Verdict, SkipIsOnlyForAFeatureThatTheKernelLacks) {
    CaseRecord record = passed();
    record.skip_reason = "missing feature: kmemleak";
    EXPECT_EQ(judge(record, {"kmemleak"}).verdict, Verdict::kSkip);
    const auto rotten = judge(record, {"something-else"});
    EXPECT_EQ(rotten.verdict, Verdict::kFail);
    EXPECT_NE(rotten.reason.find("kmemleak"), std::string::npos);
    record.skip_reason = "does not work today";
    EXPECT_EQ(judge(record, {"kmemleak"}).verdict, Verdict::kFail);
}

TEST(Verdict, LostVmIsNotAFailureOfTheCase) {
    CaseRecord record;
    record.lost = true;
    const auto result = judge(record, {});
    EXPECT_EQ(result.verdict, Verdict::kLost);
    EXPECT_TRUE(result.replace_vm);
}

TEST(Verdict, WithoutAVmTheCaseIsLostToo) {
    CaseRecord record;
    record.no_vm = true;
    const auto result = judge(record, {});
    EXPECT_EQ(result.verdict, Verdict::kLost);
    EXPECT_EQ(result.reason, "no VM was fit for it");
}

TEST(Verdict, SplatSpoilsAPassAndExplainsTheRest) {
    CaseRecord record = passed();
    record.kernel_log += "WARNING: CPU: 0 PID: 7 at net/core/dev.c:1 f+0x0/0x1\n";
    auto result = judge(record, {});
    EXPECT_EQ(result.verdict, Verdict::kSplat);
    EXPECT_TRUE(result.replace_vm);
    EXPECT_NE(result.reason.find("net/core/dev.c"), std::string::npos);
    record.lost = true;
    record.timed_out = true;
    record.leak_report = "unreferenced object";
    EXPECT_EQ(judge(record, {}).verdict, Verdict::kSplat);
}

TEST(Verdict, TimeoutReplacesTheVm) {
    CaseRecord record = passed();
    record.timed_out = true;
    record.status = 137;
    const auto result = judge(record, {});
    EXPECT_EQ(result.verdict, Verdict::kTimeout);
    EXPECT_TRUE(result.replace_vm);
}

TEST(Verdict, LeaksHaveTheirOwn) {
    CaseRecord record = passed();
    record.leak_report = "unreferenced object 0xffff888004a3d400 (size 512):\n  comm \"ip\"\n";
    EXPECT_EQ(judge(record, {}).verdict, Verdict::kLeak);
    record = passed();
    record.kernel_log = "unregister_netdevice: waiting for ib0 to become free. Usage count = 2\n";
    record.cleanup_errors = {"`rmmod ib_ipoib` does not end"};
    EXPECT_EQ(judge(record, {}).verdict, Verdict::kLeak);
}

TEST(Verdict, CleanupThatFailsSpoilsAPass) {
    CaseRecord record = passed();
    record.cleanup_errors = {"`rmmod vib` ended with status 1: in use"};
    auto result = judge(record, {});
    EXPECT_EQ(result.verdict, Verdict::kFail);
    EXPECT_TRUE(result.replace_vm);
    EXPECT_NE(result.reason.find("rmmod vib"), std::string::npos);
    record.failures = {"an expectation"};
    result = judge(record, {});
    EXPECT_EQ(result.reason, "an expectation");
    EXPECT_TRUE(result.replace_vm);
}

TEST(BootFault, IsAReportOrACheckerThatHasStopped) {
    EXPECT_EQ(boot_fault("Linux version 6.1\nCommand line: quiet\n", {}), "");
    EXPECT_EQ(boot_fault("one\nWARNING: suspicious RCU usage\n", {"lockdep has stopped"}),
              "lockdep: WARNING: suspicious RCU usage");
    EXPECT_EQ(boot_fault("one\n", {"lockdep has stopped"}), "lockdep has stopped");
}

}  // namespace
