// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <functional>
#include <string>

#include "vm/fd.h"

namespace cases {

/// Which allocations fail.
enum class Allocation {
    /// Objects of the slab allocator: kmalloc() and the like.
    kSlab,
    /// Whole pages, as for buffers.
    kPages,
};

/// Addresses of code: an allocation counts when one of the functions that lead
/// to it lies there.
struct CodeRange {
    unsigned long start = 0;
    unsigned long end = 0;

    /// The code of a loaded module, without what runs only once at its load.
    static CodeRange of_module(const std::string& name);
    /// Where the code of modules can be.
    static CodeRange of_all_modules();
};

/// Lets one allocation fail, the Nth that comes from some code in whatever
/// context; in force while the object lives. Needs the feature "failslab".
class FailOne {
  public:
    FailOne(Allocation what, const CodeRange& code, unsigned nth);
    FailOne(FailOne&&) = delete;
    FailOne& operator=(FailOne&&) = delete;
    FailOne(const FailOne&) = delete;
    FailOne& operator=(const FailOne&) = delete;
    ~FailOne();

    /// True once it has failed.
    [[nodiscard]] bool struck() const;
    /// Ends it now.
    void end();

  private:
    void count_from_here();

    std::string dir_;
    unsigned nth_;
    vmtest::Fd times_;
};

/// Which allocations of an operation: the first, and each Nth from there.
struct EachNth {
    unsigned first = 1;
    unsigned step = 1;
};

/// Does @p operation with its first allocation failing, then with the second, and
/// so on until nothing is left to fail. @p operation gets the fault, and has to
/// end it and to see to it that all is well again. Returns how many allocations
/// failed; throws when there are more than @p most.
unsigned fail_each(Allocation what, const CodeRange& code, unsigned most,
                   const std::function<void(FailOne&)>& operation, const EachNth& which = {});

}  // namespace cases
