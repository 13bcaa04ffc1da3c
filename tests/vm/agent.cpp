// SPDX-License-Identifier: GPL-2.0-only
#include "vm/agent.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/utsname.h>

#include <array>
#include <cerrno>
#include <stdexcept>

#include "vm/cache.h"

namespace vmtest {
namespace {

using nlohmann::json;

constexpr const char* kCgroup = "/sys/fs/cgroup/case";
constexpr const char* kResultFile = "/run/case-result.json";
/// Time for one step of the cleanup; a case may leave 16 HCAs without their SM.
constexpr auto kCleanupStep = std::chrono::seconds(120);

/// Both ends of a pipe.
struct Pipe {
    Fd reader;
    Fd writer;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw std::runtime_error("no pipe");
    }
    return {.reader = Fd(ends[0]), .writer = Fd(ends[1])};
}

ProcessOptions options_of(const json& order) {
    ProcessOptions options;
    const json env = order.value("env", json::object());
    for (const auto& [name, value] : env.items()) {
        options.env[name] = value.get<std::string>();
    }
    options.env["CASE_RESULT"] = kResultFile;
    options.cgroup = kCgroup;
    return options;
}

json read_result() {
    try {
        return json::parse(read_file(kResultFile));
    } catch (const std::exception&) {
        return nullptr;
    }
}

}  // namespace

KernelLog::KernelLog() : fd_(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (!fd_.valid()) {
        throw std::runtime_error("cannot open /dev/kmsg");
    }
}

std::optional<std::string> KernelLog::next() {
    std::array<char, 8192> buffer;
    ssize_t n = 0;
    do {
        n = ::read(fd_.get(), buffer.data(), buffer.size());
    } while (n < 0 && (errno == EPIPE || errno == EINTR));
    if (n <= 0) {
        return std::nullopt;
    }
    // "6,339,5140900,-;the message", then lines of details that start with a blank.
    const std::string record(buffer.data(), static_cast<size_t>(n));
    const size_t start = record.find(';');
    const size_t end = record.find('\n');
    if (start == std::string::npos || end == std::string::npos || end < start) {
        return record;
    }
    return record.substr(start + 1, end - start - 1);
}

Agent::Agent(Fd port) : channel_(std::move(port)) {}

void Agent::hello() {
    utsname name{};
    ::uname(&name);
    std::string log;
    while (const auto message = log_.next()) {
        log += *message + "\n";
    }
    channel_.send({{"event", "hello"},
                   {"kernel", name.release},
                   {"kernel_log", log},
                   {"stopped", stopped_checkers()}});
}

void Agent::serve() {
    hello();
    while (!channel_.closed()) {
        const auto order = channel_.receive(Deadline(std::chrono::hours(1)));
        if (!order) {
            continue;
        }
        if (order->value("op", "") == "poweroff") {
            return;
        }
        run_case(*order);
    }
}

void Agent::send_kernel_log() {
    while (const auto message = log_.next()) {
        channel_.send({{"event", "kmsg"}, {"text", *message}});
    }
}

/// Passes on what is there to read, at most for @p limit. Returns false once the
/// program has ended.
bool Agent::pump(int process, int output, Millis limit) {
    std::array<pollfd, 3> waiting = {pollfd{.fd = process, .events = POLLIN, .revents = 0},
                                     pollfd{.fd = output, .events = POLLIN, .revents = 0},
                                     pollfd{.fd = log_.fd(), .events = POLLIN, .revents = 0}};
    ::poll(waiting.data(), waiting.size(), static_cast<int>(limit.count()));
    if ((waiting[2].revents & POLLIN) != 0) {
        send_kernel_log();
    }
    if ((waiting[1].revents & POLLIN) != 0) {
        std::array<char, 4096> buffer;
        const ssize_t n = ::read(output, buffer.data(), buffer.size());
        if (n > 0) {
            channel_.send({{"event", "output"},
                           {"text", std::string(buffer.data(), static_cast<size_t>(n))}});
            return true;
        }
    }
    return (waiting[0].revents & POLLIN) == 0;
}

void Agent::watch(Process& process, int output, const Deadline& deadline) {
    while (!deadline.over() && pump(process.pidfd(), output, deadline.left())) {
    }
    const bool timed_out = process.running();
    if (timed_out) {
        process.kill(SIGKILL);
    }
    // The end of the process may overtake the last of its output.
    while (pump(-1, output, Millis(0))) {
        pollfd more{.fd = output, .events = POLLIN, .revents = 0};
        if (::poll(&more, 1, 0) <= 0 || (more.revents & POLLIN) == 0) {
            break;
        }
    }
    const int status = process.wait(kCleanupStep).value_or(-1);
    channel_.send({{"event", "exit"},
                   {"status", status},
                   {"timed_out", timed_out},
                   {"result", read_result()}});
}

void Agent::run_case(const json& order) {
    ::unlink(kResultFile);
    clear_kmemleak();
    std::error_code ignored;
    fs::create_directory(kCgroup, ignored);
    ProcessOptions options = options_of(order);
    try {
        Pipe pipe = make_pipe();
        Fd console;
        options.output_fd = pipe.writer.get();
        if (order.value("tty", false)) {
            console = Fd(::open("/dev/ttyS0", O_RDWR | O_CLOEXEC));
            options.input_fd = console.get();
            options.output_fd = console.get();
            options.controlling_tty = true;
        }
        Process process(order.at("argv").get<std::vector<std::string>>(), options);
        pipe.writer.reset();
        watch(process, pipe.reader.get(),
              Deadline(std::chrono::seconds(order.value("limit_s", 600))));
    } catch (const std::exception& error) {
        channel_.send({{"event", "output"}, {"text", std::string(error.what()) + "\n"}});
        channel_.send(
            {{"event", "exit"}, {"status", -1}, {"timed_out", false}, {"result", nullptr}});
    }
    auto errors = clean_up(kCgroup, kCleanupStep);
    const std::string leaks = scan_kmemleak();
    for (auto& error : stopped_checkers()) {
        errors.push_back(std::move(error));
    }
    if (order.value("coverage", false)) {
        if (auto error = save_coverage()) {
            errors.push_back(std::move(*error));
        }
    }
    send_kernel_log();
    channel_.send({{"event", "done"}, {"cleanup_errors", errors}, {"leak_report", leaks}});
}

}  // namespace vmtest
