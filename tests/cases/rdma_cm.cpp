// SPDX-License-Identifier: GPL-2.0-only
// The RDMA CM resolves addresses and accepts connections by way of IPoIB.
#include <gmock/gmock.h>

#include "cases/lib/traffic.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;
using testing::HasSubstr;

class RdmaCm : public TwoHosts {
  protected:
    void SetUp() override {
        TwoHosts::SetUp();
        must_run({"modprobe", "rdma_ucm"});
    }

    static void rping(const Host& from, const Host& to, const std::string& address) {
        auto server = to.ns.start({"rping", "-s", "-a", address, "-C", "5", "-v"});
        // The server says nothing when it is ready, so the client asks until
        // somebody listens.
        std::string output;
        wait_until("rping connects", [&] {
            const auto result = from.ns.run({"rping", "-c", "-a", address, "-C", "5", "-v"});
            output = result.output;
            return result.ok();
        });
        EXPECT_THAT(output, HasSubstr("rdma-ping-4"));
        EXPECT_TRUE(server.wait(patience(seconds(30))).has_value());
        EXPECT_THAT(server.output(), HasSubstr("rdma-ping-4"));
    }
};

TEST_F(RdmaCm, ConnectsOverIpoibAddresses) {
    rping(a(), b(), b().ip4);
    rping(b(), a(), a().ip4);
    rping(a(), b(), b().ip6);
}

}  // namespace
