// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <filesystem>
#include <string>

#include "vm/fd.h"

namespace vmtest {

namespace fs = std::filesystem;

/// Folder for everything that is downloaded or built, outside the tree:
/// $XDG_CACHE_HOME/ib_ipoib or ~/.cache/ib_ipoib. Created when missing.
fs::path cache_dir();

/// Folder under the cache that belongs to one checkout, so that several
/// checkouts can share the cache. Created when missing.
fs::path build_dir(const fs::path& source);

/// Holds a lock file against other runs for as long as the object lives.
class FileLock {
  public:
    explicit FileLock(const fs::path& file);

  private:
    Fd fd_;
};

/// The text of a file. Throws std::runtime_error when it cannot be read.
std::string read_file(const fs::path& file);

/// Writes a file whole. Throws std::runtime_error when it cannot.
void write_file(const fs::path& file, const std::string& text);

/// Makes @p target hold what @p source holds: copies what differs, removes what
/// is gone, leaves the time of unchanged files alone. @p wanted picks the files
/// and the folders to enter by their path relative to @p source; other files in
/// @p target are left.
void mirror(const fs::path& source, const fs::path& target,
            bool (*wanted)(const fs::path& relative));

}  // namespace vmtest
