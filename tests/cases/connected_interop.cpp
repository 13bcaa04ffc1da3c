// SPDX-License-Identifier: GPL-2.0-only
// Connected mode with the kernel's own driver on the other side.
//
// Two drivers of one name cannot be loaded, so the kernel's module file is
// copied and the names in it changed by a letter: its own, and that of the link
// kind. Its code is what the distribution ships. Both drivers then make an
// interface for every port, and the two of different HCAs talk.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "cases/lib/connected.h"
#include "cases/lib/feature.h"

namespace {

using namespace cases;
using testing::HasSubstr;

constexpr const char* kCopy = "/run/ib_ipoia.ko";

/// Takes away the signature, which is no longer right: that is the same as a
/// module that has none.
void strip_signature(std::string& image) {
    const std::string magic = "~Module signature appended~\n";
    // In front of it: 8 bytes that do not matter and the length, big endian.
    constexpr size_t kTrailer = 12;
    if (!image.ends_with(magic)) {
        return;
    }
    image.resize(image.size() - magic.size());
    size_t length = 0;
    for (size_t i = image.size() - 4; i < image.size(); i++) {
        length = length << 8 | static_cast<uint8_t>(image[i]);
    }
    image.resize(image.size() - kTrailer - length);
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
        text.replace(at, from.size(), to);
    }
}

/// The stock driver under another name.
class StockCopy {
  public:
    StockCopy() {
        const auto stock = must_run({"modinfo", "-F", "filename", "ib_ipoib"});
        const std::string file = stock.substr(0, stock.find('\n'));
        must_run(
            {"sh", "-c",
             file.ends_with(".xz") ? "xz -dc " + file + " >" + kCopy : "cp " + file + " " + kCopy});
        std::string image;
        {
            std::ifstream in(kCopy, std::ios::binary);
            image.assign(std::istreambuf_iterator<char>(in), {});
        }
        strip_signature(image);
        replace_all(image, "ib_ipoib", "ib_ipoia");
        using namespace std::string_literals;
        replace_all(image, "\0ipoib\0"s, "\0ipoia\0"s);
        std::ofstream(kCopy, std::ios::binary) << image;
        must_run({"insmod", kCopy});
    }
    StockCopy(const StockCopy&) = delete;
    StockCopy& operator=(const StockCopy&) = delete;
    StockCopy(StockCopy&&) = delete;
    StockCopy& operator=(StockCopy&&) = delete;
    ~StockCopy() {
        vmtest::run({"rmmod", "ib_ipoia"}, patience(seconds(120)));
        std::error_code ignored;
        std::filesystem::remove(kCopy, ignored);
    }
};

class ConnectedInterop : public TwoHosts {
  protected:
    void SetUp() override {
        REQUIRE_FEATURE("stock-ipoib");
        TwoHosts::SetUp();
        stock_ = std::make_unique<StockCopy>();
        // Ours of both HCAs is in a namespace; what is left is the stock one's.
        stock_host_ = std::make_unique<Host>(Host{.hca = "vib1",
                                                  .ns = Namespace("stock"),
                                                  .dev = wait_ipoib("vib1"),
                                                  .ip4 = "10.0.0.9",
                                                  .ip6 = "fd00::9"});
        write_text("/sys/class/net/" + stock().dev.name() + "/mode", "connected\n");
        stock().dev.move_to(stock().ns);
        stock().dev.up();
        stock().dev.set_mtu(kConnectedMtu);
        stock().dev.add_address(stock().ip4 + "/24");
        stock().dev.add_address(stock().ip6 + "/64");
        stock().dev.wait_running();
    }
    void TearDown() override {
        if (stock_host_) {
            stock_host_->dev.down();
        }
        stock_.reset();
        stock_host_.reset();
        TwoHosts::TearDown();
    }

    Host& stock() { return *stock_host_; }

  private:
    std::unique_ptr<StockCopy> stock_;
    std::unique_ptr<Host> stock_host_;
};

TEST_F(ConnectedInterop, TheOtherSideIsTheKernelsOwnDriver) {
    EXPECT_TRUE(Module::loaded("ib_ipoib"));
    EXPECT_TRUE(Module::loaded("ib_ipoia"));
    EXPECT_THAT(stock().ns.must({"ip", "-d", "link", "show", stock().dev.name()}),
                HasSubstr("ipoia"));
}

TEST_F(ConnectedInterop, BothSidesConnectAndCarryWholePackets) {
    connect_mode(a());
    ping_whole(a(), stock());
    ping_whole(stock(), a());
    a().ping(stock().ip6, 3, {"-s", "60000", "-i", "1"});
    tcp_transfer(a(), stock(), stock().ip4, 16 << 20);
    tcp_transfer(stock(), a(), a().ip4, 16 << 20);
    // One connection in each direction, made by the one who sends.
    EXPECT_EQ(cm_lines(a(), {"to", "connected"}), 1U);
    EXPECT_EQ(cm_lines(a(), {"from", "connected"}), 1U);
    EXPECT_EQ(ethtool_stat(a(), "cm_connected"), 1U);
    EXPECT_EQ(ethtool_stat(a(), "cm_accepted"), 1U);
    EXPECT_GT(ethtool_stat(a(), "cm_tx_bytes"), 16U << 20);
    EXPECT_GT(ethtool_stat(a(), "cm_rx_bytes"), 16U << 20);
}

TEST_F(ConnectedInterop, AnswersItInDatagramMode) {
    stock().ping(a().ip4, 3, {"-s", "4000"});
    a().ping(stock().ip4, 3, {"-s", "4000"});
    EXPECT_GE(ethtool_stat(a(), "cm_accepted"), 1U);
    EXPECT_EQ(ethtool_stat(a(), "cm_req"), 0U);
    EXPECT_GT(ethtool_stat(a(), "cm_rx_bytes"), 3U * 4000U);
}

TEST_F(ConnectedInterop, TalksDatagramsToItsDatagramMode) {
    stock().ns.must({"ip", "link", "set", stock().dev.name(), "down"});
    must_run({"ip", "netns", "exec", stock().ns.name(), "sh", "-c",
              "echo datagram > /sys/class/net/" + stock().dev.name() + "/mode"});
    stock().dev.up();
    stock().dev.add_address(stock().ip6 + "/64");
    stock().dev.wait_running();
    connect_mode(a());
    // Without a path the stock driver keeps three packets, no more.
    a().wait_reaches(stock().ip4);
    a().ping(stock().ip4, 10);
    // It accepts connections in that mode too, and answers by datagram.
    wait_connected(a(), stock());
    stock().ping(a().ip4, 3, {"-s", "4000"});
    tcp_transfer(a(), stock(), stock().ip4, 4 << 20);
}

}  // namespace
