// SPDX-License-Identifier: GPL-2.0-only
// The scanner of kernel logs. The logs of faults under data/ were recorded in a
// test VM from a module that provoked each of them.
#include "vm/splat.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "vm/cache.h"

namespace {

using vmtest::first_report;
using vmtest::lockdep_checks;
using vmtest::scan_kernel_log;
using vmtest::Splat;

std::vector<Splat> scan_file(const std::string& name) {
    return scan_kernel_log(vmtest::read_file(vmtest::fs::path(TEST_DATA_DIR) / name));
}

bool has_kind(const std::vector<Splat>& found, const std::string& kind) {
    return std::any_of(found.begin(), found.end(),
                       [&](const Splat& splat) { return splat.kind == kind; });
}

/// The class of the only report in a line of log, or "" when there is none.
std::string kind_of(const std::string& line) {
    const auto found = scan_kernel_log(line);
    return found.empty() ? "" : found.front().kind;
}

struct Recorded {
    const char* file;
    const char* kind;
};

class RecordedLog : public testing::TestWithParam<Recorded> {};

TEST_P(RecordedLog, IsRecognised) {
    const auto found = scan_file(GetParam().file);
    EXPECT_TRUE(has_kind(found, GetParam().kind)) << found.size() << " reports";
}

INSTANTIATE_TEST_SUITE_P(Splat, RecordedLog,
                         testing::Values(Recorded{"warning.log", "WARNING"},
                                         Recorded{"refcount.log", "refcount"},
                                         Recorded{"list_corruption.log", "list corruption"},
                                         Recorded{"hung_task.log", "hung task"},
                                         Recorded{"rcu_stall.log", "RCU stall"},
                                         Recorded{"oops.log", "oops"}));

TEST(Splat, OrdinaryMessagesAreNone) {
    const auto found = scan_file("clean.log");
    EXPECT_TRUE(found.empty()) << found.front().line;
}

TEST(Splat, ATrackerWithoutMemoryIsNoLeak) {
    EXPECT_EQ(kind_of("ref_tracker: ref_tracker: memory allocation failure, unreliable refcount "
                      "tracker."),
              "");
    EXPECT_EQ(kind_of("ref_tracker: netdev@00000000 has 1/2 users at"), "ref_tracker");
    EXPECT_EQ(kind_of("ib0: ref_tracker: leaked reference."), "ref_tracker");
}

TEST(Splat, PrefixesDoNotMatter) {
    const std::string message = "WARNING: CPU: 0 PID: 1 at net/core/dev.c:10 f+0x1/0x2";
    EXPECT_EQ(kind_of(message), "WARNING");
    EXPECT_EQ(kind_of("[    1.234567] " + message), "WARNING");
    EXPECT_EQ(kind_of("<4>[    1.234567][  T123] " + message), "WARNING");
    EXPECT_EQ(kind_of("[   29.902279] Call Trace:"), "call trace");
}

TEST(Splat, ReportsOfDebugKernels) {
    EXPECT_EQ(kind_of("BUG ib_mad (Tainted: G    B   OE): Objects remaining in ib_mad on "
                      "__kmem_cache_shutdown()"),
              "slab");
    EXPECT_EQ(kind_of("BUG: KASAN: slab-use-after-free in f+0x12/0x34 [ib_ipoib]"), "KASAN");
    EXPECT_EQ(kind_of("UBSAN: shift-out-of-bounds in a.c:3:4"), "UBSAN");
    EXPECT_EQ(kind_of("WARNING: possible circular locking dependency detected"), "lockdep");
    EXPECT_EQ(kind_of("WARNING: suspicious RCU usage"), "lockdep");
    EXPECT_EQ(kind_of("WARNING: inconsistent lock state"), "lockdep");
    EXPECT_EQ(kind_of("BUG: sleeping function called from invalid context at mm/slab.h:1"),
              "atomic sleep");
    EXPECT_EQ(kind_of("BUG: scheduling while atomic: ip/123/0x00000201"), "atomic sleep");
    EXPECT_EQ(kind_of("ODEBUG: free active (active state 0) object type: timer_list"), "ODEBUG");
    EXPECT_EQ(kind_of("watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [ip:77]"), "lockup");
}

TEST(Splat, LeaksAreMarked) {
    for (const std::string line :
         {"kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
          "unreferenced object 0xffff888004a3d400 (size 512):",
          "ref_tracker: net refcnt@000000001 has 1/3 users at",
          "unregister_netdevice: waiting for ib0 to become free. Usage count = 2"}) {
        const auto found = scan_kernel_log(line);
        ASSERT_EQ(found.size(), 1U) << line;
        EXPECT_TRUE(found[0].leak) << line;
    }
    EXPECT_FALSE(scan_kernel_log("BUG: KASAN: x").front().leak);
}

TEST(Splat, KeepsTheLineAsItCame) {
    const auto found = scan_kernel_log("[    1.0] one\n[    2.0] refcount_t: underflow;\n");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].line, "[    2.0] refcount_t: underflow;");
}

TEST(Splat, ShowsTheFirstReportAndWhatLedToIt) {
    EXPECT_EQ(first_report(""), "");
    EXPECT_EQ(first_report("one\ntwo\n"), "");
    EXPECT_EQ(first_report("one\nBUG: x\ntwo"), "one\nBUG: x\ntwo\n");
    std::string before;
    std::string after;
    for (int i = 0; i < 200; i++) {
        before += "before " + std::to_string(i) + "\n";
        after += "after " + std::to_string(i) + "\n";
    }
    const std::string report = first_report(before + "BUG: x\n" + after + "BUG: y\n");
    EXPECT_TRUE(report.starts_with("before 190\n")) << report;
    EXPECT_TRUE(report.ends_with("after 78\n")) << report;
}

TEST(Splat, TheCommandLineIsNoStall) {
    EXPECT_TRUE(scan_kernel_log("Command line: quiet rcupdate.rcu_cpu_stall_timeout=60").empty());
    EXPECT_TRUE(scan_kernel_log("\tRCU CPU stall warnings timeout set to 60 "
                                "(rcu_cpu_stall_timeout).")
                    .empty());
    for (const std::string line : {"rcu: INFO: rcu_preempt self-detected stall on CPU",
                                   "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
                                   "rcu: INFO: rcu_sched detected expedited stalls on CPUs",
                                   "rcu: rcu_preempt kthread starved for 2500 jiffies!"}) {
        const auto found = scan_kernel_log(line);
        ASSERT_EQ(found.size(), 1U) << line;
        EXPECT_EQ(found[0].kind, "RCU stall");
    }
}

TEST(Splat, SaysWhetherLockdepStillChecks) {
    const std::string before = " max lock class index:                   95\n";
    EXPECT_TRUE(lockdep_checks(before + " debug_locks:                             1\n\n"));
    EXPECT_FALSE(lockdep_checks(before + " debug_locks:                             0\n\n"));
    EXPECT_FALSE(lockdep_checks(before));
    EXPECT_FALSE(lockdep_checks(""));
}

}  // namespace
