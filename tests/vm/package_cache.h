// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "vm/cache.h"

namespace vmtest {

/// Which folder of the cache something is in, or is going to be.
struct CacheChoice {
    fs::path root;
    /// What to tell if it is not the one that was used last; empty if it is.
    std::string notice;
};

/// Chooses among the complete folders under @p dir.
/// @param what what is kept there, for the notice, say "kernel debian-6.1"
/// @param offered name of the folder for what apt has now, nullopt if apt has
///                nothing
/// @return nullopt when there is neither an offer nor a complete folder
std::optional<CacheChoice> choose_in_cache(const std::string& what, const fs::path& dir,
                                           const std::optional<std::string>& offered);

/// Fills @p target by @p fill unless it is complete already; one at a time, and
/// an interrupted fill is started over.
void fill_once(const fs::path& target, const std::function<void()>& fill);

/// The folder that choose_in_cache() chooses, filled by @p fill when apt has an
/// offer and the folder is not complete. Tells what there is to tell.
std::optional<fs::path> provide_in_cache(const std::string& what, const fs::path& dir,
                                         const std::optional<std::string>& offered,
                                         const std::function<void(const fs::path& root)>& fill);

/// The complete folder under @p dir that was filled last, if any.
std::optional<fs::path> newest_complete(const fs::path& dir);

}  // namespace vmtest
