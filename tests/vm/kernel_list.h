// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vmtest {

/// One line of tests/kernels/list: a kernel that the cases run on. Either a
/// stock kernel (image and headers) or one built from source (source and
/// config).
struct KernelSpec {
    /// Name for --kernel and for folders, unique in the list.
    std::string name;
    /// Package that stands for the newest image of the line.
    std::string image;
    /// Package that stands for the headers of that image.
    std::string headers;
    /// Packages with a kernel's source: a name, where * stands for anything; the
    /// newest one counts.
    std::string source;
    /// Files with the configuration of a kernel built from source, additions to
    /// `make tinyconfig`. The list names them relative to its own folder.
    std::vector<std::string> configs;
    /// Suite the packages come from; empty for the one that is installed.
    std::string suite;
    /// File with the cases that run here only when everything is asked for;
    /// empty when nothing is left out. The list names it relative to its folder.
    std::string left_out;
    /// Part of a run that names no kernel.
    bool by_default = true;
    /// Features the kernel lacks: a case that skips may name only these.
    std::set<std::string> lacks;
    /// Added to the kernel's command line.
    std::string boot_args;
    /// Memory of the VM in MiB.
    int memory_mib = 1536;
    /// How much slower than the stock kernel; stretches every deadline.
    int slowness = 1;

    /// The driver counts which of its lines run (gcov), and each VM hands that
    /// over.
    bool coverage = false;

    /// A kernel of our own making, not one of the suite's.
    [[nodiscard]] bool is_built() const { return !source.empty(); }
    /// One that looks for mistakes; modules for it are built with their
    /// self-tests.
    [[nodiscard]] bool is_debug() const { return is_built() && !coverage; }
};

/// Parses the text of a kernel list: one kernel per line, a name and then
/// key=value words; empty lines and lines that start with # are ignored.
/// Throws std::runtime_error that names the line for anything else.
std::vector<KernelSpec> parse_kernel_list(std::string_view text);

}  // namespace vmtest
