// SPDX-License-Identifier: GPL-2.0-only
// The virtual HCAs behave as hardware does: reliable connections in user space,
// seen from both ends.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "cases/lib/fabric.h"
#include "cases/lib/faults.h"
#include "cases/lib/opensm.h"
#include "cases/lib/rc.h"

namespace {

using namespace cases;

/// More than one packet at the path MTU of 2048.
constexpr uint32_t kBytes = 10000;
/// Where receives go, behind what is sent.
constexpr size_t kInbox = 20000;

class Verbs : public testing::Test {
  protected:
    void SetUp() override {
        opensm_.wait_subnet_up();
        fabric_.wait_active();
    }

    /// Makes the two ends and connects them.
    void connect(const RcOptions& sender = {}, const RcOptions& receiver = {}) {
        a_ = std::make_unique<RcQp>("vib0", sender);
        b_ = std::make_unique<RcQp>("vib1", receiver);
        b_->connect(*a_);
        a_->connect(*b_);
        std::iota(a_->memory().begin(), a_->memory().begin() + kBytes, uint8_t{3});
    }

    RcQp& a() { return *a_; }
    RcQp& b() { return *b_; }
    void drop_b() { b_.reset(); }

    /// Do the bytes that a() sent stand at @p offset of b()'s memory?
    bool arrived(size_t offset) {
        return std::equal(a_->memory().begin(), a_->memory().begin() + kBytes,
                          b_->memory().begin() + static_cast<std::ptrdiff_t>(offset));
    }

    static void expect(const ibv_wc& wc, uint64_t id, ibv_wc_status status) {
        EXPECT_EQ(wc.wr_id, id);
        EXPECT_STREQ(ibv_wc_status_str(wc.status), ibv_wc_status_str(status));
    }

  private:
    Fabric fabric_;
    OpenSm opensm_{"vib0"};
    std::unique_ptr<RcQp> a_;
    std::unique_ptr<RcQp> b_;
};

TEST_F(Verbs, SendArrivesWithItsImmediateData) {
    connect();
    b().post_receive(1, kInbox, kBytes);
    a().post_send(2, 0, kBytes, 0x1234);
    const ibv_wc received = next_completion(b().recv_cq());
    expect(received, 1, IBV_WC_SUCCESS);
    EXPECT_EQ(received.opcode, IBV_WC_RECV);
    EXPECT_EQ(received.byte_len, kBytes);
    EXPECT_EQ(received.wc_flags & IBV_WC_WITH_IMM, unsigned{IBV_WC_WITH_IMM});
    EXPECT_EQ(received.imm_data, 0x1234U);
    EXPECT_EQ(received.qp_num, b().qpn());
    expect(next_completion(a().send_cq()), 2, IBV_WC_SUCCESS);
    EXPECT_TRUE(arrived(kInbox));
}

TEST_F(Verbs, SendLongerThanTheReceiveFailsBothEnds) {
    connect();
    b().post_receive(1, kInbox, kBytes - 1);
    a().post_send(2, 0, kBytes);
    expect(next_completion(b().recv_cq()), 1, IBV_WC_LOC_LEN_ERR);
    expect(next_completion(a().send_cq()), 2, IBV_WC_REM_INV_REQ_ERR);
    EXPECT_EQ(a().state(), IBV_QPS_ERR);
    EXPECT_EQ(b().state(), IBV_QPS_ERR);
}

TEST_F(Verbs, WriteAndReadMoveBytesUnnoticed) {
    connect();
    a().post_rdma(IBV_WR_RDMA_WRITE, 1, 0, kBytes, b(), b().rkey());
    expect(next_completion(a().send_cq()), 1, IBV_WC_SUCCESS);
    EXPECT_TRUE(arrived(0));
    std::fill_n(a().memory().begin(), kBytes, uint8_t{0});
    a().post_rdma(IBV_WR_RDMA_READ, 2, 0, kBytes, b(), b().rkey());
    expect(next_completion(a().send_cq()), 2, IBV_WC_SUCCESS);
    EXPECT_TRUE(arrived(0));
    EXPECT_EQ(a().memory()[1], 4);
    ibv_wc wc{};
    EXPECT_EQ(ibv_poll_cq(b().recv_cq(), 1, &wc), 0);
}

TEST_F(Verbs, AWrongKeyIsRefused) {
    connect();
    a().post_rdma(IBV_WR_RDMA_WRITE, 1, 0, kBytes, b(), b().rkey() ^ 1U);
    expect(next_completion(a().send_cq()), 1, IBV_WC_REM_ACCESS_ERR);
    EXPECT_FALSE(arrived(0));
    EXPECT_EQ(b().state(), IBV_QPS_ERR);
}

TEST_F(Verbs, WithoutReceiveTheSenderWaitsOrGivesUp) {
    connect({.rnr_retry = 1});
    a().post_send(1, 0, kBytes);
    a().post_send(2, 0, kBytes);
    expect(next_completion(a().send_cq()), 1, IBV_WC_RNR_RETRY_EXC_ERR);
    expect(next_completion(a().send_cq()), 2, IBV_WC_WR_FLUSH_ERR);
    EXPECT_EQ(b().state(), IBV_QPS_RTS) << "the receiver has done nothing wrong";

    connect({.rnr_retry = 7});
    a().post_send(3, 0, kBytes);
    let_pass(Millis(50));
    b().post_receive(4, kInbox, kBytes);
    expect(next_completion(b().recv_cq()), 4, IBV_WC_SUCCESS);
    expect(next_completion(a().send_cq()), 3, IBV_WC_SUCCESS);
    EXPECT_TRUE(arrived(kInbox));
}

TEST_F(Verbs, LostPacketsAreRepeated) {
    connect();
    const FaultRule rule("drop class=rc count=2");
    b().post_receive(1, kInbox, kBytes);
    a().post_send(2, 0, kBytes);
    expect(next_completion(b().recv_cq()), 1, IBV_WC_SUCCESS);
    expect(next_completion(a().send_cq()), 2, IBV_WC_SUCCESS);
    EXPECT_TRUE(arrived(kInbox));
    EXPECT_EQ(rule.hits(), 2U);
}

TEST_F(Verbs, APeerThatIsGoneIsGivenUp) {
    connect({.retry = 2});
    drop_b();
    a().post_send(1, 0, kBytes);
    a().post_send(2, 0, kBytes);
    expect(next_completion(a().send_cq()), 1, IBV_WC_RETRY_EXC_ERR);
    expect(next_completion(a().send_cq()), 2, IBV_WC_WR_FLUSH_ERR);
    EXPECT_EQ(a().state(), IBV_QPS_ERR);
}

TEST_F(Verbs, AFailedQueuePairFlushesInOrder) {
    connect();
    for (uint64_t id = 1; id <= 5; id++) {
        b().post_receive(id, kInbox, kBytes);
    }
    b().fail();
    b().post_receive(6, kInbox, kBytes);
    for (uint64_t id = 1; id <= 6; id++) {
        expect(next_completion(b().recv_cq()), id, IBV_WC_WR_FLUSH_ERR);
    }
}

TEST_F(Verbs, ACompletionIsAnnouncedOnce) {
    connect();
    for (uint64_t id = 1; id <= 2; id++) {
        b().post_receive(id, kInbox, kBytes);
    }
    b().arm_receives();
    a().post_send(1, 0, kBytes);
    EXPECT_TRUE(b().completion_event(static_cast<int>(patience(seconds(30)).count())));
    expect(next_completion(b().recv_cq()), 1, IBV_WC_SUCCESS);
    a().post_send(2, 0, kBytes);
    expect(next_completion(b().recv_cq()), 2, IBV_WC_SUCCESS);
    EXPECT_FALSE(b().completion_event(100)) << "an event that nobody asked for";
}

TEST_F(Verbs, ASharedReceiveQueueTellsItsLimitAndItsLast) {
    connect({}, {.srq = true});
    for (uint64_t id = 1; id <= 4; id++) {
        b().post_receive(id, kInbox, kBytes);
    }
    ibv_srq_attr attr{};
    attr.srq_limit = 3;
    check_verb(ibv_modify_srq(b().srq(), &attr, IBV_SRQ_LIMIT), "setting the limit");
    for (uint64_t id = 1; id <= 2; id++) {
        a().post_send(id, 0, kBytes);
        expect(next_completion(b().recv_cq()), id, IBV_WC_SUCCESS);
    }
    EXPECT_EQ(b().async_event(), IBV_EVENT_SRQ_LIMIT_REACHED);
    b().fail();
    EXPECT_EQ(b().async_event(), IBV_EVENT_QP_LAST_WQE_REACHED);
    ibv_wc wc{};
    EXPECT_EQ(ibv_poll_cq(b().recv_cq(), 1, &wc), 0) << "a shared queue is not flushed";
}

}  // namespace
