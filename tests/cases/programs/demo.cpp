// SPDX-License-Identifier: GPL-2.0-only
// guest-demo: shows two hosts that talk over the virtual fabric, or gives a
// shell with them.
#include <fmt/format.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <sstream>

#include "cases/lib/program.h"
#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;

constexpr int kSteps = 11;
constexpr const char* kGroup = "239.1.2.3";
constexpr uint16_t kPort = 4321;
constexpr int kDatagrams = 10;

/// Numbers the steps and shows what each of them prints.
class Stage {
  public:
    Stage() : start_(vmtest::Clock::now()) {}

    /// Announces the next step.
    void step(const std::string& what) {
        const auto time =
            std::chrono::duration_cast<std::chrono::seconds>(vmtest::Clock::now() - start_);
        std::cout << fmt::format("\n[{:2}/{}] {:3} s  {}", ++step_, kSteps, time.count(), what)
                  << std::endl;
    }

    /// Shows a command of a host (or of nobody) and its output.
    static void show(const std::string& where, const std::vector<std::string>& argv,
                     const std::string& output) {
        std::cout << "   " << where << "# " << vmtest::command_line(argv) << "\n";
        std::istringstream lines(output);
        for (std::string line; std::getline(lines, line);) {
            std::cout << "   | " << line << "\n";
        }
        std::cout << std::flush;
    }

  private:
    vmtest::Clock::time_point start_;
    int step_ = 0;
};

void show_on(const Host& host, const std::vector<std::string>& argv) {
    Stage::show(host.ns.name(), argv, host.ns.must(argv));
}

void show_pings(const Host& from, const std::string& address) {
    const std::vector<std::string> argv = {"ping", "-n", "-c", "3", "-i", "0.2", address};
    const std::string output = from.ns.must(argv);
    Stage::show(from.ns.name(), argv, output);
    if (output.find(" 3 received") == std::string::npos) {
        throw std::runtime_error("packets were lost");
    }
}

void show_multicast(Hosts& hosts) {
    UdpSocket receiver(hosts[1], kPort, AF_INET);
    receiver.join(kGroup, hosts[1]);
    UdpSocket sender(hosts[0], 0, AF_INET);
    sender.multicast_from(hosts[0]);
    // The switch forwards once the subnet manager has put the member in.
    wait_until("the first multicast datagram", [&] {
        sender.send(kGroup, kPort, "ready?");
        return receiver.receive(Millis(500)).has_value();
    });
    while (receiver.receive(Millis(200))) {
    }
    for (const auto& payload : numbered(0, kDatagrams)) {
        sender.send(kGroup, kPort, payload);
    }
    const auto got = receive_all(receiver, kDatagrams, seconds(5)).size();
    std::cout << fmt::format("   {} sent {} datagrams to {}, {} received {}\n", hosts[0].ns.name(),
                             kDatagrams, kGroup, hosts[1].ns.name(), got);
    if (got != kDatagrams) {
        throw std::runtime_error("multicast datagrams were lost");
    }
    show_on(hosts[1], {"ip", "maddr", "show", "dev", hosts[1].dev.name()});
}

void show_iperf(const Host& from, const Host& to) {
    const Process server = to.ns.start({"iperf3", "-s", "-1"});
    wait_until("iperf3 listens", [&] {
        return to.ns.run({"ss", "-Hltn", "sport = :5201"}).output.find("5201") != std::string::npos;
    });
    show_on(from, {"iperf3", "-c", to.ip4, "-t", "3", "-f", "m"});
}

void show_traffic(Stage& stage, Hosts& hosts) {
    const Host& a = hosts[0];
    const Host& b = hosts[1];
    stage.step("ping over IPv4");
    show_pings(a, b.ip4);
    stage.step("ping over IPv6");
    show_pings(b, a.ip6);
    stage.step("multicast");
    show_multicast(hosts);
    stage.step("TCP from the first host to the second");
    show_iperf(a, b);
    stage.step("TCP from the second host to the first");
    show_iperf(b, a);
    stage.step("statistics of the driver");
    show_on(a, {"ethtool", "-i", a.dev.name()});
    show_on(a, {"ethtool", "-S", a.dev.name()});
}

void run_demo(const HostsOptions& options) {
    Stage stage;
    stage.step(fmt::format("a virtual fabric of {} HCAs, OpenSM, ib_ipoib and {} hosts",
                           options.fabric.nhca, options.fabric.nhca));
    Hosts hosts(options);
    for (const auto& hca : hosts.fabric().hcas()) {
        std::cout << fmt::format("   {} is {}, LID {}\n", hca, port_state(hca), port_lid(hca));
    }
    stage.step("the subnet as OpenSM has set it up");
    Stage::show("", {"ibnetdiscover"}, must_run({"ibnetdiscover"}));
    stage.step("the hosts' IPoIB devices");
    for (size_t i = 0; i < hosts.size(); i++) {
        show_on(hosts[i], {"ip", "-d", "addr", "show", "dev", hosts[i].dev.name()});
    }
    show_traffic(stage, hosts);
    stage.step("the multicast groups that OpenSM knows");
    Stage::show("", {"saquery", "-g"}, must_run({"saquery", "-g"}));
    stage.step("unloading the driver and the fabric");
    hosts.take_down();
}

void run_shell(const HostsOptions& options) {
    std::cout << "setting up two hosts ..." << std::endl;
    Hosts hosts(options);
    std::cout << "\nThe hosts are the namespaces h1 (10.0.0.1, fd00::1) and h2 (10.0.0.2, "
                 "fd00::2).\nTry: ip netns exec h1 ping 10.0.0.2\n"
                 "Leave the shell to end the VM; Ctrl-a x ends it at once.\n"
              << std::endl;
    Process shell({"bash", "--norc", "-i"},
                  {.output_fd = STDOUT_FILENO, .input_fd = STDIN_FILENO, .controlling_tty = true});
    shell.wait(std::chrono::hours(24));
    hosts.take_down();
}

}  // namespace

int main(int argc, char** argv) {
    HostsOptions options;
    bool shell = false;
    bool stock = false;
    CLI::App app{"Two hosts on the virtual fabric"};
    app.add_flag("--shell", shell, "A shell with the hosts up");
    app.add_flag("--stock", stock, "The kernel's own driver, for comparison");
    app.add_option("--nhca", options.fabric.nhca, "Hosts")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    options.driver = stock ? Driver::kStock : Driver::kOurs;
    return run_program("demo", [&] { shell ? run_shell(options) : run_demo(options); });
}
