// SPDX-License-Identifier: GPL-2.0-only
// Stands for QEMU and the guest agent in it: takes the first line off a plan and
// behaves as it says.
//   dies      ends at once
//   silent    never says a word
//   unfit     its kernel has met a fault before it is ready
//   good      runs every program, and each succeeds
//   faulty    its kernel meets a fault in the first program, which then never ends
#include <cstdlib>
#include <optional>
#include <span>
#include <string>

#include "vm/cache.h"
#include "vm/channel.h"

namespace {

using namespace vmtest;
using nlohmann::json;

/// The socket that QEMU would make the guest's port of.
int port_of(std::span<char*> words) {
    const std::string prefix = "socket,id=agent,fd=";
    for (const std::string word : words) {
        if (word.starts_with(prefix)) {
            return std::stoi(word.substr(prefix.size()));
        }
    }
    return -1;
}

std::string next_of(const fs::path& plan) {
    const std::string text = read_file(plan);
    const size_t end = text.find('\n');
    write_file(plan, text.substr(end + 1));
    return text.substr(0, end);
}

std::optional<json> order(Channel& port) {
    return port.receive(Deadline(std::chrono::hours(1)));
}

void greet(Channel& port, const std::string& log) {
    port.send({{"event", "hello"}, {"kernel_log", log}, {"stopped", json::array()}});
}

void run_program(Channel& port) {
    port.send({{"event", "exit"},
               {"status", 0},
               {"timed_out", false},
               {"result", {{"failures", json::array()}}}});
    port.send({{"event", "done"}, {"cleanup_errors", json::array()}, {"leak_report", ""}});
}

void meet_fault(Channel& port) {
    port.send({{"event", "kmsg"}, {"text", "before it"}});
    port.send({{"event", "kmsg"}, {"text", "BUG: KASAN: slab-use-after-free in f+0x1/0x2"}});
    port.send({{"event", "kmsg"}, {"text", "behind it"}});
}

void behave(const std::string& how, Channel& port) {
    if (how == "dies") {
        return;
    }
    if (how == "unfit") {
        greet(port, "Linux version 1\nBUG: unable to handle page fault\n");
    } else if (how != "silent") {
        greet(port, "Linux version 1\n");
    }
    while (const auto message = order(port)) {
        if (message->value("op", "") == "poweroff") {
            return;
        }
        if (how == "faulty") {
            meet_fault(port);
        } else {
            run_program(port);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::span words(argv, static_cast<size_t>(argc));
    if (words.size() < 2) {
        return EXIT_FAILURE;
    }
    Channel port{Fd(port_of(words))};
    behave(next_of(words[1]), port);
    return EXIT_SUCCESS;
}
