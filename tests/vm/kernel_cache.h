// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

#include "vm/cache.h"
#include "vm/kernel_list.h"

namespace vmtest {

/// A kernel that is ready to boot and to build modules for.
struct Kernel {
    KernelSpec spec;
    /// What uname -r says in it.
    std::string release;
    /// The boot image.
    fs::path image;
    /// Folder that is /lib/modules in the guest.
    fs::path modules;
    /// Build tree for external modules.
    fs::path build_tree;
};

/// Makes sure that the kernel is in the cache: downloads and unpacks the newest
/// packages of its line without installing them, and builds the kernel when the
/// line names a source. A kernel has its place in the cache by version and, when
/// it is built, by configuration; says when a newer one takes over.
/// When apt cannot tell, the newest one already in the cache is used.
/// Throws std::runtime_error with a plain message when there is none.
Kernel provide_kernel(const KernelSpec& spec);

/// Folder with scripts/checkpatch.pl and its data, taken from the newest
/// linux-source package of the suite.
fs::path provide_checkpatch();

}  // namespace vmtest
