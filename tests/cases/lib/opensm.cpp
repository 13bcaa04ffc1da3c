// SPDX-License-Identifier: GPL-2.0-only
#include "cases/lib/opensm.h"

#include <fmt/format.h>

#include <filesystem>

#include "cases/lib/fabric.h"
#include "vm/cache.h"

namespace cases {
namespace {

namespace fs = std::filesystem;

std::string make_dir(const std::string& hca) {
    std::string dir = "/run/opensm-" + hca;
    fs::remove_all(dir);
    fs::create_directories(dir);
    return dir;
}

}  // namespace

OpenSm::OpenSm(std::string hca, OpenSmOptions options)
    : hca_(std::move(hca)),
      options_(std::move(options)),
      dir_(make_dir(hca_)),
      process_((write_config(), launch())) {}

void OpenSm::write_config() const {
    vmtest::write_file(dir_ + "/partitions.conf", options_.partitions);
    // A standby takes over within seconds, where the defaults need a minute.
    vmtest::write_file(
        dir_ + "/opensm.conf",
        fmt::format("guid {}\nsm_priority {}\nlog_flags 0x03\nforce_log_flush TRUE\n"
                    "log_file {}/opensm.log\ndump_files_dir {}/\n"
                    "partition_config_file {}/partitions.conf\n"
                    "sweep_interval 10\nsminfo_polling_timeout 1000\npolling_retry_number 2\n{}",
                    port_guid(hca_), options_.priority, dir_, dir_, dir_, options_.config));
}

Process OpenSm::launch() const {
    ProcessOptions options;
    options.env = {{"OSM_CACHE_DIR", dir_}, {"OSM_TMP_DIR", dir_}};
    return Process({"opensm", "-F", dir_ + "/opensm.conf"}, options);
}

std::string OpenSm::log() const {
    const fs::path file = dir_ + "/opensm.log";
    return fs::exists(file) ? vmtest::read_file(file) : "";
}

int OpenSm::log_count(const std::string& text) const {
    const std::string all = log();
    int count = 0;
    for (size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) {
        count++;
    }
    return count;
}

void OpenSm::wait_log(const std::string& text, int count, Millis limit) const {
    wait_until(
        fmt::format("\"{}\" {} times in the log of the OpenSM on {}", text, count, hca_),
        [&] { return log_count(text) >= count; }, limit);
}

void OpenSm::wait_subnet_up(Millis limit) const {
    wait_log("SUBNET UP", 1, limit);
}

void OpenSm::stop() {
    process_.stop(patience(seconds(30)));
}

void OpenSm::kill() {
    process_.kill(SIGKILL);
    process_.wait(patience(seconds(30)));
}

void OpenSm::start() {
    fs::remove(dir_ + "/opensm.log");
    process_ = launch();
}

void OpenSm::set_partitions(const std::string& text) {
    vmtest::write_file(dir_ + "/partitions.conf", text);
    process_.kill(SIGHUP);
}

}  // namespace cases
