// SPDX-License-Identifier: GPL-2.0-only
// Runs cases inside a test VM and writes an account of the result for the agent.
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "vm/cache.h"
#include "vm/verdict.h"

namespace {

using nlohmann::json;

std::string place_of(const testing::TestPartResult& part) {
    if (part.file_name() == nullptr) {
        return "";
    }
    const vmtest::fs::path file = part.file_name();
    return file.filename().string() + ":" + std::to_string(part.line_number()) + ": ";
}

/// Collects what one case did and writes it to the file named by CASE_RESULT.
class ResultWriter : public testing::EmptyTestEventListener {
  public:
    explicit ResultWriter(std::string file) : file_(std::move(file)) {}

    void OnTestPartResult(const testing::TestPartResult& part) override {
        if (part.skipped()) {
            skip_ = part.message();
        } else if (part.failed()) {
            failures_.push_back(place_of(part) + part.message());
        }
    }

    void OnTestProgramEnd(const testing::UnitTest& unit) override {
        if (unit.test_to_run_count() == 0) {
            return;
        }
        json result = {{"failures", failures_}};
        if (skip_) {
            // GoogleTest ends the text of a skip with a line feed.
            result["skip"] = skip_->substr(0, skip_->find('\n'));
        }
        vmtest::write_file(file_, result.dump(-1, ' ', false, json::error_handler_t::replace));
    }

  private:
    std::string file_;
    std::vector<std::string> failures_;
    std::optional<std::string> skip_;
};

}  // namespace

int main(int argc, char** argv) {
    // What a case prints is seen when it prints it (vm-runner --verbose).
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    testing::InitGoogleTest(&argc, argv);
    if (const char* file = std::getenv("CASE_RESULT"); file != nullptr) {
        // GoogleTest owns its listeners.
        testing::UnitTest::GetInstance()->listeners().Append(
            std::make_unique<ResultWriter>(file).release());
    }
    return RUN_ALL_TESTS();
}
