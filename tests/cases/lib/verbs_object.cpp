// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/verbs_object.h"

#include <stdexcept>

#include "cases/lib/wait.h"

namespace cases {

void check_verb(int error, const char* what) {
    if (error != 0) {
        throw std::system_error(error, std::generic_category(), what);
    }
}

Owned<ibv_context> open_hca(const std::string& name) {
    int count = 0;
    const std::unique_ptr<ibv_device*, void (*)(ibv_device**)> list(ibv_get_device_list(&count),
                                                                    ibv_free_device_list);
    for (int i = 0; i < count; i++) {
        if (name == ibv_get_device_name(list.get()[i])) {
            return own(ibv_open_device(list.get()[i]), ibv_close_device, "opening the HCA");
        }
    }
    throw std::runtime_error("user space sees no HCA " + name);
}

ibv_wc next_completion(ibv_cq* cq) {
    ibv_wc wc{};
    const vmtest::Deadline deadline(patience(seconds(30)));
    int polled = 0;
    while ((polled = ibv_poll_cq(cq, 1, &wc)) == 0) {
        if (deadline.over()) {
            throw std::runtime_error("a work request does not complete");
        }
    }
    check_verb(polled < 0 ? EIO : 0, "polling the CQ");
    return wc;
}

}  // namespace cases
