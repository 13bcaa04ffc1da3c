// SPDX-License-Identifier: GPL-2.0-only
// HCAs that can do less than others: each runs, and offers what it can.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;
using testing::HasSubstr;

constexpr uint64_t kHcaBytes = 8 << 20;

/// An HCA model: parameters of vib, and the features the interface has then.
struct Model {
    std::string name;
    ModuleParams vib;
    bool lso;
    bool csum;
    bool sg;
};

void PrintTo(const Model& model, std::ostream* out) {
    *out << model.name;
}

class Capabilities : public TwoHosts, public testing::WithParamInterface<Model> {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.fabric.vib = GetParam().vib;
        return options;
    }
};

TEST_P(Capabilities, AreUsedAndCarryTraffic) {
    const Model& model = GetParam();
    const std::string features = a().ns.must({"ethtool", "-k", a().dev.name()});
    const auto expect_feature = [&](const std::string& name, bool on) {
        EXPECT_THAT(features, HasSubstr(fmt::format("{}: {}", name, on ? "on" : "off")));
    };
    expect_feature("scatter-gather", model.sg);
    expect_feature("tx-checksum-ipv4", model.csum);
    expect_feature("rx-checksumming", model.csum);
    expect_feature("tx-tcp-segmentation", model.lso);

    a().ping(b().ip4, 3, {"-M", "do", "-s", std::to_string(a().dev.state().mtu - 28)});
    tcp_transfer(a(), b(), b().ip4, kHcaBytes);
    tcp_transfer(b(), a(), a().ip6, kHcaBytes);
    EXPECT_EQ(ethtool_stat(a(), "tx*_lso") > 0, model.lso);
    EXPECT_EQ(ethtool_stat(a(), "tx*_csum") > 0, model.csum);
    EXPECT_EQ(ethtool_stat(b(), "rx*_csum") > 0, model.csum);
    EXPECT_EQ(a().dev.stats().tx_errors, 0U);
    EXPECT_EQ(b().dev.stats().rx_errors, 0U);
}

const std::vector<Model> kModels = {
    {.name = "all", .vib = {}, .lso = true, .csum = true, .sg = true},
    {.name = "no_lso", .vib = {{"lso", "0"}}, .lso = false, .csum = true, .sg = true},
    {.name = "no_checksum", .vib = {{"csum", "0"}}, .lso = false, .csum = false, .sg = true},
    {.name = "one_send_sge",
     .vib = {{"max_send_sge", "1"}},
     .lso = false,
     .csum = true,
     .sg = false},
    {.name = "two_send_sge", .vib = {{"max_send_sge", "2"}}, .lso = true, .csum = true, .sg = true},
    {.name = "one_vector",
     .vib = {{"num_comp_vectors", "1"}},
     .lso = true,
     .csum = true,
     .sg = true},
};

INSTANTIATE_TEST_SUITE_P(Hca, Capabilities, testing::ValuesIn(kModels),
                         [](const auto& info) { return info.param.name; });

/// Two HCAs of different make on one subnet.
class MixedHcas : public TwoHosts {
  protected:
    [[nodiscard]] HostsOptions options() const override {
        HostsOptions options;
        options.opensm.partitions = "Default=0x7fff, ipoib, mtu=4 : ALL=full;\n";
        return options;
    }
};

TEST_F(MixedHcas, AgreeOnTheMtuOfTheGroup) {
    Fabric::control("remove", "vib1");
    Fabric::control("add", "idx=1 max_mtu=2048 lso=0 csum=0 max_send_sge=1 vectors=1");
    fabric().wait_active();
    hosts().adopt(1);
    EXPECT_EQ(a().dev.state().mtu, 2044U);
    EXPECT_EQ(b().dev.state().mtu, 2044U);
    EXPECT_THAT(b().ns.must({"ip", "-d", "link", "show", b().dev.name()}),
                HasSubstr("maxmtu 2044 "));
    a().ping(b().ip4, 3, {"-M", "do", "-s", "2016"});
    tcp_transfer(a(), b(), b().ip4, kHcaBytes);
    tcp_transfer(b(), a(), a().ip4, kHcaBytes);
    tcp_transfer(b(), a(), a().ip6, kHcaBytes);
}

}  // namespace
