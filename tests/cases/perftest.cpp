// SPDX-License-Identifier: GPL-2.0-only
// Programs of rdma-core and perftest run on the virtual HCAs as they are.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cases/lib/fabric.h"
#include "cases/lib/opensm.h"

namespace {

using namespace cases;
using testing::HasSubstr;

class Perftest : public testing::Test {
  protected:
    void SetUp() override {
        opensm_.wait_subnet_up();
        fabric_.wait_active();
    }

    /// Runs one measurement from vib0 to vib1; the programs meet on the loopback.
    static void measure(std::vector<std::string> words) {
        words.insert(words.end(), {"-n", "200", "-F", "-s", "2048", "-d"});
        std::vector<std::string> server_words = words;
        server_words.emplace_back("vib1");
        words.insert(words.end(), {"vib0", "127.0.0.1"});
        Process server(server_words);
        // The server does not say when it listens, so the client asks until it does.
        std::string output;
        wait_until(words.front() + " meets its server", [&] {
            const auto result = vmtest::run(words, patience(seconds(60)));
            output = result.output;
            return result.ok();
        });
        EXPECT_THAT(output, HasSubstr("BW average")) << output;
        const auto status = server.wait(patience(seconds(60)));
        EXPECT_EQ(status.value_or(-1), 0) << server.output();
    }

  private:
    Fabric fabric_;
    OpenSm opensm_{"vib0"};
};

TEST_F(Perftest, SendsOverReliableConnections) {
    measure({"ib_send_bw", "-c", "RC"});
}

TEST_F(Perftest, SendsDatagrams) {
    measure({"ib_send_bw", "-c", "UD"});
}

TEST_F(Perftest, Writes) {
    measure({"ib_write_bw"});
}

TEST_F(Perftest, Reads) {
    measure({"ib_read_bw"});
}

TEST_F(Perftest, DevinfoDescribesTheHca) {
    const std::string text = must_run({"ibv_devinfo", "-d", "vib1"});
    EXPECT_THAT(text, HasSubstr("PORT_ACTIVE"));
    EXPECT_THAT(text, HasSubstr("InfiniBand"));
}

}  // namespace
