// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/program.h"

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "vm/cache.h"

namespace cases {

int run_program(const std::string& name, const std::function<void()>& body) {
    std::vector<std::string> failures;
    try {
        body();
    } catch (const std::exception& error) {
        failures.emplace_back(error.what());
        std::cout << "\n" << name << ": failed: " << error.what() << std::endl;
    }
    if (const char* file = std::getenv("CASE_RESULT"); file != nullptr) {
        const nlohmann::json result = {{"failures", failures}};
        vmtest::write_file(file,
                           result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    return failures.empty() ? 0 : 1;
}

}  // namespace cases
