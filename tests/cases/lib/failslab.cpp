// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/failslab.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "cases/lib/command.h"

namespace cases {
namespace {

/// Callers of an allocation that are looked at. Deep enough for a driver that
/// calls core, not so deep that everything done for a system call counts.
constexpr const char* kStackDepth = "16";
constexpr unsigned long kPage = 4096;
/// x86-64 without and with a random base: the kernel is below, the fixed
/// mappings are above.
constexpr CodeRange kModules{.start = 0xffffffffa0000000UL, .end = 0xffffffffff000000UL};

std::string folder_of(Allocation what) {
    return what == Allocation::kSlab ? "/sys/kernel/debug/failslab"
                                     : "/sys/kernel/debug/fail_page_alloc";
}

void set(const std::string& dir, const std::string& file, unsigned long value) {
    write_text(dir + "/" + file, std::to_string(value));
}

/// How often the fault is still to strike. To open the file takes memory, which
/// may be what fails: then it has not been read.
std::optional<long> times_left(const std::string& dir) {
    const vmtest::Fd file(::open((dir + "/times").c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 32> text{};
    if (!file.valid() || ::read(file.get(), text.data(), text.size() - 1) <= 0) {
        return std::nullopt;
    }
    return std::stol(text.data());
}

/// Sets a number without an allocation, in a file that is open.
void set_number(const vmtest::Fd& file, const char* text) {
    if (::write(file.get(), text, 1) != 1) {
        vmtest::throw_errno("cannot set how often the fault strikes");
    }
}

}  // namespace

CodeRange CodeRange::of_module(const std::string& name) {
    std::ifstream symbols("/proc/kallsyms");
    CodeRange range;
    // "ffffffffc0a01230 t ipoib_open\t[ib_ipoib]"
    for (std::string line; std::getline(symbols, line);) {
        std::istringstream words(line);
        unsigned long address = 0;
        char type = 0;
        if (!line.ends_with("[" + name + "]") || !(words >> std::hex >> address >> type) ||
            (type != 't' && type != 'T')) {
            continue;
        }
        range.start = range.start == 0 ? address : std::min(range.start, address);
        range.end = std::max(range.end, address);
    }
    if (range.start == 0) {
        throw std::runtime_error("no symbols of the module " + name);
    }
    // The last function ends before the last page of the code does.
    range.end = (range.end / kPage + 1) * kPage;
    return range;
}

CodeRange CodeRange::of_all_modules() {
    return kModules;
}

FailOne::FailOne(Allocation what, const CodeRange& code, unsigned nth)
    : dir_(folder_of(what)),
      nth_(nth),
      times_(::open((dir_ + "/times").c_str(), O_WRONLY | O_CLOEXEC)) {
    if (!times_.valid()) {
        throw std::runtime_error("the kernel cannot let allocations fail");
    }
    set_number(times_, "0");
    set(dir_, "probability", 100);
    set(dir_, "interval", nth);
    set(dir_, "space", 0);
    set(dir_, "verbose", 1);
    write_text(dir_ + "/ignore-gfp-wait", "N");
    if (what == Allocation::kPages) {
        write_text(dir_ + "/ignore-gfp-highmem", "N");
        set(dir_, "min-order", 0);
    }
    count_from_here();
    write_text(dir_ + "/task-filter", "N");
    write_text(dir_ + "/stacktrace-depth", kStackDepth);
    write_text(dir_ + "/require-start", fmt::format("{:#x}", code.start));
    write_text(dir_ + "/require-end", fmt::format("{:#x}", code.end));
    set_number(times_, "1");
}

/// The kernel fails each Nth allocation since it started. Fails one here, of
/// this task's own: the next is then the Nth from now.
void FailOne::count_from_here() {
    if (nth_ == 1) {
        return;
    }
    const vmtest::Fd mine(::open("/proc/self/make-it-fail", O_RDWR | O_CLOEXEC));
    write_text(dir_ + "/task-filter", "Y");
    write_text(dir_ + "/stacktrace-depth", "0");
    write_text(dir_ + "/require-start", "0");
    write_text(dir_ + "/require-end", fmt::format("{}", ~0UL));
    write_text(dir_ + "/stacktrace-depth", kStackDepth);
    set_number(mine, "1");
    set_number(times_, "1");
    while (times_left(dir_) != 0) {
        // A new file takes memory from the slab allocator and, as it is written
        // to, a page.
        const vmtest::Fd file(::memfd_create("fail", MFD_CLOEXEC));
        if (file.valid() && ::write(file.get(), "x", 1) < 0) {
            continue;
        }
    }
    set_number(mine, "0");
}

FailOne::~FailOne() {
    set_number(times_, "0");
}

bool FailOne::struck() const {
    return times_left(dir_) == 0;
}

void FailOne::end() {
    set(dir_, "probability", 0);
}

unsigned fail_each(Allocation what, const CodeRange& code, unsigned most,
                   const std::function<void(FailOne&)>& operation, const EachNth& which) {
    unsigned failed = 0;
    for (unsigned nth = which.first; nth <= most; nth += which.step) {
        FailOne fault(what, code, nth);
        operation(fault);
        if (!fault.struck()) {
            std::cout << failed << " allocations failed in turn" << std::endl;
            return failed;
        }
        failed++;
    }
    throw std::runtime_error(fmt::format("there are more than {} allocations", most));
}

}  // namespace cases
