// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <infiniband/verbs.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <system_error>

namespace cases {

/// An object of libibverbs that is given back with its owner.
template <typename T>
using Owned = std::unique_ptr<T, std::function<void(void*)>>;

/// Takes ownership of what a verb made. Throws std::system_error with @p what
/// when it made nothing.
template <typename T>
Owned<T> own(T* made, int (*destroy)(T*), const char* what) {
    if (made == nullptr) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    return {made, [destroy](void* object) { destroy(static_cast<T*>(object)); }};
}

/// Throws std::system_error with @p what when a verb returned an error.
void check_verb(int error, const char* what);

/// Opens an HCA, say "vib0". Throws when user space does not see it.
Owned<ibv_context> open_hca(const std::string& name);

/// Waits for the next completion, whatever its status.
ibv_wc next_completion(ibv_cq* cq);

}  // namespace cases
