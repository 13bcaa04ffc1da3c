// SPDX-License-Identifier: GPL-2.0-only
// What the runner writes about a run.
#include "vm/report.h"

#include <gtest/gtest.h>

namespace {

using namespace vmtest;

CaseResult result(const std::string& name, Verdict verdict, const std::string& reason) {
    CaseResult made;
    made.record.name = name;
    made.record.seconds = 1.5;
    made.record.output = "a < b & \x01\"c\"\n";
    made.judgement = {verdict, reason, false};
    return made;
}

TEST(Report, JunitCountsAndEscapes) {
    const auto xml = junit_xml("k", {result("S.Pass", Verdict::kPass, ""),
                                     result("S.Skip", Verdict::kSkip, "missing feature: x"),
                                     result("S.Lost", Verdict::kLost, "gone <away>")});
    EXPECT_NE(xml.find(R"(tests="3" failures="1" skipped="1")"), std::string::npos) << xml;
    EXPECT_NE(xml.find(R"(classname="k.S" name="Pass" time="1.5"></testcase>)"), std::string::npos)
        << xml;
    EXPECT_NE(xml.find(R"(<skipped message="missing feature: x"/>)"), std::string::npos) << xml;
    EXPECT_NE(xml.find(R"(type="lost" message="gone &lt;away&gt;")"), std::string::npos) << xml;
    EXPECT_NE(xml.find("a &lt; b &amp; &quot;c&quot;"), std::string::npos) << xml;
}

TEST(Report, AFailureIsOneLine) {
    EXPECT_EQ(failure_line("k", result("S.C", Verdict::kFail, "first\nsecond")),
              "k S.C fail: first");
    const std::string line =
        failure_line("k", result("S.C", Verdict::kSplat, std::string(500, 'x')));
    EXPECT_LT(line.size(), 350U);
    EXPECT_TRUE(line.starts_with("k S.C splat: xxx"));
    EXPECT_TRUE(line.ends_with("x..."));
}

TEST(Report, TailKeepsWholeLines) {
    EXPECT_EQ(tail("a\nb\nc\n", 2), "b\nc\n");
    EXPECT_EQ(tail("a\nb\nc", 2), "b\nc");
    EXPECT_EQ(tail("a\nb\n", 5), "a\nb\n");
    EXPECT_EQ(tail("", 5), "");
}

TEST(Report, ClockText) {
    EXPECT_EQ(clock_text(std::chrono::seconds(65)), "01:05");
    EXPECT_EQ(clock_text(std::chrono::seconds(3723)), "1:02:03");
}

}  // namespace
