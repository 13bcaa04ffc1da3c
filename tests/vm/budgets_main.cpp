// SPDX-License-Identifier: GPL-2.0-only
// budgets: checks the files named as arguments against the project's rules for
// sizes and forbidden constructs.
#include <fmt/format.h>

#include <iostream>

#include "vm/budgets.h"
#include "vm/cache.h"

namespace {

using namespace vmtest;

bool is_cpp(const fs::path& file) {
    const std::string name = file.string();
    const bool harness = name.starts_with("tests/") && !name.starts_with("tests/vib/");
    return harness && (file.extension() == ".cpp" || file.extension() == ".h");
}

bool is_kernel(const fs::path& file) {
    return !is_cpp(file) && (file.extension() == ".c" || file.extension() == ".h");
}

}  // namespace

int main(int argc, char** argv) {
    size_t count = 0;
    try {
        for (int i = 1; i < argc; i++) {
            const std::string file = argv[i];
            std::vector<Finding> found;
            if (is_kernel(file)) {
                found = check_kernel_source(file, read_file(file));
            } else if (is_cpp(file)) {
                found = check_cpp_source(file, read_file(file));
            }
            for (const auto& finding : found) {
                std::cout << fmt::format("{}:{}: {}\n", finding.file, finding.line, finding.text);
            }
            count += found.size();
        }
    } catch (const std::exception& error) {
        std::cerr << "budgets: " << error.what() << "\n";
        return 2;
    }
    return count == 0 ? 0 : 1;
}
