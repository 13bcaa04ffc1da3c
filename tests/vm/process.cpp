// SPDX-License-Identifier: GPL-2.0-only
#include "vm/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace vmtest {
namespace {

/// Exit status of a child that could not become the program it should be.
constexpr int kExecFailed = 127;

/// Everything the child needs, prepared before fork() since memory must not be
/// allocated after it.
struct ChildPlan {
    std::vector<std::string> words;
    std::vector<std::string> env_text;
    std::vector<char*> argv;
    std::string cgroup_procs;
    Fd netns;
    int input = -1;
    int output = -1;
};

ChildPlan make_plan(const std::vector<std::string>& argv, const ProcessOptions& options) {
    ChildPlan plan;
    plan.words = argv;
    for (auto& word : plan.words) {
        plan.argv.push_back(word.data());
    }
    plan.argv.push_back(nullptr);
    for (const auto& [name, value] : options.env) {
        plan.env_text.push_back(name);
        plan.env_text.back().append("=").append(value);
    }
    if (!options.netns.empty()) {
        const std::string path = "/run/netns/" + options.netns;
        plan.netns = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!plan.netns.valid()) {
            throw_errno(path);
        }
    }
    if (!options.cgroup.empty()) {
        plan.cgroup_procs = options.cgroup + "/cgroup.procs";
    }
    return plan;
}

bool enter_cgroup(const std::string& procs) {
    const int fd = ::open(procs.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const bool done = ::write(fd, "0", 1) == 1;
    ::close(fd);
    return done;
}

bool enter_netns(int netns) {
    return ::setns(netns, CLONE_NEWNET) == 0;
}

[[noreturn]] void become(ChildPlan& plan, const ProcessOptions& options) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setsid();
    if (!plan.cgroup_procs.empty() && !enter_cgroup(plan.cgroup_procs)) {
        ::_exit(kExecFailed);
    }
    if (plan.netns.valid() && !enter_netns(plan.netns.get())) {
        ::_exit(kExecFailed);
    }
    if (!options.dir.empty() && ::chdir(options.dir.c_str()) != 0) {
        ::_exit(kExecFailed);
    }
    const int input = plan.input >= 0 ? plan.input : ::open("/dev/null", O_RDONLY);
    ::dup2(input, STDIN_FILENO);
    ::dup2(plan.output, STDOUT_FILENO);
    ::dup2(plan.output, STDERR_FILENO);
    if (options.controlling_tty) {
        ::ioctl(STDIN_FILENO, TIOCSCTTY, 1);
    }
    for (const int fd : options.keep_fds) {
        ::fcntl(fd, F_SETFD, 0);
    }
    for (auto& text : plan.env_text) {
        ::putenv(text.data());
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvp(plan.argv[0], plan.argv.data());
    ::_exit(kExecFailed);
}

}  // namespace

Process::Process(const std::vector<std::string>& argv, const ProcessOptions& options) {
    ChildPlan plan = make_plan(argv, options);
    if (options.output_fd < 0) {
        output_ = Fd(::memfd_create("output", MFD_CLOEXEC));
        if (!output_.valid()) {
            throw_errno("memfd_create");
        }
        // Several writers share the file: each must append.
        ::fcntl(output_.get(), F_SETFL, O_APPEND);
    }
    plan.output = options.output_fd < 0 ? output_.get() : options.output_fd;
    plan.input = options.input_fd;

    pid_ = ::fork();
    if (pid_ < 0) {
        throw_errno("fork");
    }
    if (pid_ == 0) {
        become(plan, options);
    }
    pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!pidfd_.valid()) {
        const int error = errno;
        end();
        throw std::system_error(error, std::generic_category(), "pidfd_open");
    }
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      output_(std::move(other.output_)),
      status_(std::exchange(other.status_, std::nullopt)) {}

Process& Process::operator=(Process&& other) noexcept {
    if (this != &other) {
        end();
        pid_ = std::exchange(other.pid_, -1);
        pidfd_ = std::move(other.pidfd_);
        output_ = std::move(other.output_);
        status_ = std::exchange(other.status_, std::nullopt);
    }
    return *this;
}

Process::~Process() {
    end();
}

void Process::end() {
    if (pid_ < 0 || status_) {
        return;
    }
    kill(SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

std::optional<int> Process::wait(Millis limit) {
    if (status_) {
        return status_;
    }
    pollfd waiting{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    const Deadline deadline(limit);
    int ready = 0;
    do {
        ready = ::poll(&waiting, 1, static_cast<int>(deadline.left().count()));
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        return std::nullopt;
    }
    int raw = 0;
    if (::waitpid(pid_, &raw, 0) != pid_) {
        throw_errno("waitpid");
    }
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    return status_;
}

void Process::kill(int sig) const {
    if (pid_ > 0 && !status_) {
        // The group may not exist yet right after fork().
        if (::kill(-pid_, sig) != 0) {
            ::kill(pid_, sig);
        }
    }
}

int Process::stop(Millis grace) {
    kill(SIGTERM);
    if (const auto status = wait(grace)) {
        return *status;
    }
    kill(SIGKILL);
    return wait(std::chrono::seconds(60)).value_or(-1);
}

std::string Process::output() const {
    std::string text;
    if (!output_.valid()) {
        return text;
    }
    struct stat info {};
    if (::fstat(output_.get(), &info) != 0) {
        return text;
    }
    text.resize(static_cast<size_t>(info.st_size));
    const ssize_t got = ::pread(output_.get(), text.data(), text.size(), 0);
    text.resize(got < 0 ? 0 : static_cast<size_t>(got));
    return text;
}

RunResult run(const std::vector<std::string>& argv, Millis limit, const ProcessOptions& options) {
    Process process(argv, options);
    const auto status = process.wait(limit);
    if (!status) {
        process.kill(SIGKILL);
        process.wait(std::chrono::seconds(60));
    }
    return {.status = status.value_or(-1), .output = process.output()};
}

void run_or_throw(const std::vector<std::string>& argv, Millis limit,
                  const ProcessOptions& options) {
    const auto result = run(argv, limit, options);
    if (!result.ok()) {
        throw std::runtime_error(
            fmt::format("`{}` {}:\n{}", command_line(argv),
                        result.status < 0 ? std::string("does not end")
                                          : fmt::format("failed with status {}", result.status),
                        result.output));
    }
}

std::string command_line(const std::vector<std::string>& argv) {
    std::string text;
    for (const auto& word : argv) {
        text.append(text.empty() ? "" : " ").append(word);
    }
    return text;
}

}  // namespace vmtest
