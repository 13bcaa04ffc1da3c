// SPDX-License-Identifier: GPL-2.0-only
// What happens to ports: each change brings the link back with no user action.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cases/lib/kernel_log.h"
#include "cases/lib/sa.h"
#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"
#include "vm/cache.h"

namespace {

using namespace cases;
using testing::HasSubstr;
using testing::StartsWith;

/// True when a P_Key is among the first of a port's table.
bool has_pkey(const std::string& hca, const std::string& pkey) {
    for (const char* index : {"0", "1", "2", "3"}) {
        if (read_text("/sys/class/infiniband/" + hca + "/ports/1/pkeys/" + index) == pkey) {
            return true;
        }
    }
    return false;
}

class PortEvents : public TwoHosts {
  protected:
    void SetUp() override {
        TwoHosts::SetUp();
        a().ping(b().ip4);
        b().ping(a().ip6);
    }

    /// Traffic in both directions. The one who lost sight of the other may need
    /// a moment to ask again.
    void expect_traffic() {
        a().wait_reaches(b().ip4);
        b().wait_reaches(a().ip4);
        a().ping(b().ip4, 5);
        b().ping(a().ip4, 5);
        a().wait_reaches(b().ip6);
    }
    /// Restarts OpenSM with more lines in its configuration and, when not
    /// empty, the given LIDs.
    void restart_opensm(const std::string& config, const std::string& guid2lid = "") {
        const std::string file = opensm().dir() + "/opensm.conf";
        opensm().stop();
        vmtest::write_file(file, vmtest::read_file(file) + config);
        if (!guid2lid.empty()) {
            vmtest::write_file(opensm().dir() + "/guid2lid", guid2lid);
        }
        opensm().start();
        opensm().wait_subnet_up();
    }
    static void wait_lid(const Host& host, unsigned lid) {
        wait_until(fmt::format("{} has LID {}", host.hca, lid),
                   [&] { return port_lid(host.hca) == lid; });
    }
    static void expect_driver_lid(const Host& host, unsigned lid) {
        wait_until(fmt::format("{} knows LID {}", host.dev.name(), lid), [&] {
            return driver_dump(host, "state").find(fmt::format("\nlid: {}\n", lid)) !=
                   std::string::npos;
        });
    }
};

TEST_F(PortEvents, LinkDownAndUp) {
    for (const Host* host : {&b(), &a()}) {
        SCOPED_TRACE(host->hca);
        Fabric::control(host->hca + "/link", "0");
        host->dev.wait_no_carrier();
        EXPECT_NE(a().ns.run({"ping", "-c1", "-W1", b().ip4}).status, 0);
        Fabric::control(host->hca + "/link", "1");
        host->dev.wait_running();
        expect_traffic();
        EXPECT_NE(sa_join_state(*host, kBroadcastMgid) & kFullMember, 0U);
    }
}

TEST_F(PortEvents, LinkThatFlapsQuickly) {
    for (int i = 0; i < 10; i++) {
        Fabric::control("vib1/link", "0");
        Fabric::control("vib1/link", "1");
    }
    fabric().wait_active();
    b().dev.wait_running();
    expect_traffic();
}

TEST_F(PortEvents, LidChange) {
    const auto lids = [&](unsigned lid_a, unsigned lid_b) {
        return fmt::format("{} {:#06x} {:#06x}\n\n{} {:#06x} {:#06x}\n\n", port_guid(a().hca),
                           lid_a, lid_a, port_guid(b().hca), lid_b, lid_b);
    };
    // To new LIDs, then each to the LID that the other has had: a stale path
    // would lead back to the sender.
    restart_opensm("honor_guid2lid_file TRUE\n", lids(0x31, 0x33));
    for (const auto& [lid_a, lid_b] : {std::pair(0x31U, 0x33U), std::pair(0x33U, 0x31U)}) {
        if (port_lid(a().hca) != lid_a) {
            restart_opensm("", lids(lid_a, lid_b));
        }
        wait_lid(a(), lid_a);
        wait_lid(b(), lid_b);
        expect_driver_lid(a(), lid_a);
        expect_driver_lid(b(), lid_b);
        expect_traffic();
        EXPECT_THAT(driver_dump(a(), "path"), HasSubstr(fmt::format("dlid {:#x} ", lid_b)));
    }
}

TEST_F(PortEvents, SubnetPrefixChange) {
    restart_opensm("subnet_prefix 0xfec0000000000077\n");
    for (const Host* host : {&a(), &b()}) {
        wait_until(host->dev.name() + " has the new prefix", [&] {
            return host->dev.state().address.substr(12, 23) == "fe:c0:00:00:00:00:00:77";
        });
        host->dev.wait_running();
    }
    expect_traffic();
}

/// Two partitions, so that either P_Key can be the first of a port's table.
class TwoPartitions : public PortEvents {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.opensm.partitions += "other=0x0001, ipoib, mtu=5 : ALL=full;\n";
        return options;
    }
    /// Makes a P_Key the first of both tables and the other one the second.
    void put_first(const std::string& first, const std::string& second) {
        for (const Host* host : {&a(), &b()}) {
            // The default P_Key is there all the time: the SA is asked with it.
            Fabric::control(host->hca + "/pkeys", "5 0xffff");
            Fabric::control(host->hca + "/pkeys", "0 " + first);
            Fabric::control(host->hca + "/pkeys", "1 " + second);
            Fabric::control(host->hca + "/pkeys", "5 0");
        }
        for (const Host* host : {&a(), &b()}) {
            wait_until(host->dev.name() + " has P_Key " + first,
                       [&] { return host_sysfs(*host, "pkey") == first; });
            host->dev.wait_running();
        }
    }
};

TEST_F(TwoPartitions, InterfaceFollowsTheFirstPKeyOfItsPort) {
    for (const auto& [first, second, bytes] :
         {std::tuple("0x8001", "0xffff", "80:01"), std::tuple("0xffff", "0x8001", "ff:ff")}) {
        SCOPED_TRACE(first);
        put_first(first, second);
        expect_traffic();
        const std::string broadcast = host_sysfs(b(), "broadcast");
        EXPECT_EQ(broadcast,
                  fmt::format("00:ff:ff:ff:ff:12:40:1b:{}:00:00:00:00:00:00:ff:ff:ff:ff", bytes));
        const std::string pkey(first);
        wait_member(b(), "ff12:401b:" + pkey.substr(2) + "::ffff:ffff", kFullMember);
    }
}

TEST_F(PortEvents, PKeyGoesAndComesBack) {
    Fabric::control("vib1/pkeys", "0 0");
    b().dev.wait_no_carrier();
    EXPECT_THAT(driver_dump(b(), "state"), HasSubstr("state: waiting"));
    // Up and down work meanwhile.
    b().dev.down();
    b().dev.up();
    EXPECT_FALSE(b().dev.state().carrier);
    Fabric::control("vib1/pkeys", "0 0xffff");
    b().dev.wait_running();
    b().dev.add_address(b().ip6 + "/64");
    expect_traffic();
}

TEST_F(PortEvents, NewPartitionDisturbsNobody) {
    const std::string changes = host_sysfs(b(), "carrier_changes");
    opensm().set_partitions(
        "Default=0x7fff, ipoib, mtu=5 : ALL=full;\n"
        "other=0x0001, ipoib : ALL=full;\n");
    for (const auto& hca : fabric().hcas()) {
        wait_until(hca + " has the new P_Key", [&] { return has_pkey(hca, "0x8001"); });
    }
    a().ping(b().ip4, 5);
    EXPECT_EQ(host_sysfs(b(), "carrier_changes"), changes);
}

TEST_F(PortEvents, DeviceError) {
    const KernelLogMark mark;
    const std::string address = b().dev.state().address;
    for (int i = 0; i < 3; i++) {
        Fabric::control("vib1/fatal", "1");
    }
    mark.wait_for(b().dev.name() + ": ");
    wait_until("the queues run again", [&] {
        return driver_dump(b(), "state").find("state: running") != std::string::npos;
    });
    b().dev.wait_running();
    expect_traffic();
    EXPECT_EQ(b().dev.state().address, address) << "its peers would not find it any more";
}

TEST_F(PortEvents, AddressOfTheAdministratorsChoice) {
    const std::string original = b().dev.state().address;
    const auto set = [&](const std::string& address) {
        return std::vector<std::string>{"ip", "link", "set", b().dev.name(), "address", address};
    };
    const std::string changed = original.substr(0, original.size() - 2) + "77";
    EXPECT_THAT(must_refuse(b(), set(changed)), HasSubstr("busy")) << "while it is up";
    b().dev.down();
    {
        const KernelLogMark mark;
        // The flags say what the peer can do, so they are not its owner's choice.
        must_refuse(b(), set((original.starts_with("80") ? "00" : "80") + original.substr(2)));
        std::string qpn = original;
        qpn.replace(6, 5, "00:02");
        must_refuse(b(), set(qpn));
        std::string prefix = original;
        prefix.replace(12, 5, "fe:c0");
        must_refuse(b(), set(prefix));
        must_refuse(b(), set(original.substr(0, 36) + "00:00:00:00:00:00:00:00"));
        EXPECT_THAT(mark.text(), HasSubstr("only the last 8 bytes of the address can change"));
        EXPECT_EQ(b().dev.state().address, original);
    }
    // A GID that the port has not got: it waits for that.
    b().ns.must(set(changed));
    EXPECT_EQ(b().dev.state().address, changed);
    b().dev.up();
    EXPECT_FALSE(b().dev.state().carrier);
    EXPECT_THAT(driver_dump(b(), "state"), HasSubstr("state: waiting"));
    // Back to the port's own.
    b().dev.down();
    b().ns.must(set(original));
    b().dev.up();
    b().dev.wait_running();
    b().dev.add_address(b().ip6 + "/64");
    expect_traffic();
}

}  // namespace
