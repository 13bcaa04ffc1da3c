// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-tests of pure logic, compiled as this kernel compiles it: arithmetic of
 * addresses and rings, and the check of received packets. Only in debug builds
 * (make DEBUG=1); the module does not load when one fails.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "ipoib.h"
#include "ipoib_ring.h"
#include "ipoib_selftest.h"

static bool selftest_fail;
module_param(selftest_fail, bool, 0444);
MODULE_PARM_DESC(selftest_fail,
		 "Let a self-test fail: the module then does not load (N)");

/* Says which condition does not hold; false then. */
#define holds(cond)							\
({									\
	bool __holds = (cond);						\
									\
	if (!__holds)							\
		pr_err("self-test: %s: %s\n", __func__, #cond);		\
	__holds;							\
})

#define TEST_HEADERS	(IPOIB_GRH_LEN + IPOIB_ENCAP_LEN)
#define TEST_PAYLOAD	64
#define TEST_FRAME	(TEST_HEADERS + TEST_PAYLOAD)

/* What does not fit a stack: all the memory that the tests take. */
struct test_memory {
	struct ipoib_tx_ring tx;
	/* Ends where the memory does: KASAN sees what is read beyond it. */
	u8 frame[];
};

static const u8 test_gid[IPOIB_GID_LEN] __initconst = {
	0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0x56, 0x42, 0, 0, 0, 0, 0x11
};

static bool __init test_address(struct test_memory *mem)
{
	u8 hw[IPOIB_PSEUDO_LEN];

	ipoib_hw_set(hw, IPOIB_HW_RC, 0xabcdef, test_gid);
	return holds(hw[0] == IPOIB_HW_RC) &&
	       holds(ipoib_hw_qpn(hw) == 0xabcdef) &&
	       holds(!memcmp(ipoib_hw_gid(hw), test_gid, sizeof(test_gid))) &&
	       holds(!ipoib_hw_is_mcast(hw));
}

static bool __init test_mgid(struct test_memory *mem)
{
	u8 bcast[IPOIB_GID_LEN], other[IPOIB_GID_LEN];
	u8 hw[IPOIB_PSEUDO_LEN];

	ipoib_mgid_broadcast(bcast, 2, 0x8001);
	ipoib_mgid_broadcast(other, 2, 0x8002);
	ipoib_hw_set(hw, 0, 0xffffff, bcast);
	if (!holds(ipoib_hw_is_mcast(hw)) ||
	    !holds(ipoib_mgid_is_ours(bcast, bcast)) ||
	    !holds(!ipoib_mgid_is_ours(other, bcast)))
		return false;
	ipoib_mgid_set_pkey(other, 0x8001);
	return holds(!memcmp(other, bcast, sizeof(bcast)));
}

static bool __init test_sizes(struct test_memory *mem)
{
	u32 want;

	for (want = 0; want < 2 * IPOIB_MAX_RING; want++) {
		u32 got = ipoib_ring_round(want, IPOIB_MIN_RING,
					   IPOIB_MAX_RING);

		if (!holds(is_power_of_2(got)) ||
		    !holds(got >= IPOIB_MIN_RING && got <= IPOIB_MAX_RING) ||
		    !holds(got >= min_t(u32, want, IPOIB_MAX_RING)))
			return false;
	}
	return holds(ipoib_ud_mtu(2048) == 2044) &&
	       holds(ipoib_ud_mtu(4096) == 4092) &&
	       holds(!ipoib_pkey_valid(0)) && holds(!ipoib_pkey_valid(0x8000));
}

/* Room and fill level where the counters wrap around. */
static bool __init test_ring_counters(struct test_memory *mem)
{
	struct ipoib_tx_ring *tx = &mem->tx;
	u32 sent;

	tx->limit = 128;
	tx->tail = U32_MAX - 63;
	for (sent = 0; sent <= 128; sent++) {
		tx->head = tx->tail + sent;
		if (!holds(ipoib_tx_ring_room(tx) == 128 - sent))
			return false;
	}
	return true;
}

/* Every length from nothing to a packet. */
static bool __init test_rx_check(struct test_memory *mem)
{
	const struct ipoib_hdr hdr = { .proto = cpu_to_be16(ETH_P_IP) };
	enum ipoib_rx_verdict verdict, wanted;
	struct ipoib_rx_info info;
	u8 bcast[IPOIB_GID_LEN];
	u32 len;

	ipoib_mgid_broadcast(bcast, 2, 0xffff);
	for (len = 1; len <= TEST_FRAME; len++) {
		u8 *frame = mem->frame + TEST_FRAME - len;

		memset(frame, 0, len);
		if (len >= TEST_HEADERS)
			memcpy(frame + IPOIB_GRH_LEN, &hdr, sizeof(hdr));
		verdict = ipoib_rx_check(frame, len, true, bcast, &info);
		wanted = len > TEST_HEADERS ? IPOIB_RX_OK : IPOIB_RX_RUNT;
		if (!holds(verdict == wanted))
			return false;
	}
	return holds(info.payload_len == TEST_PAYLOAD) &&
	       holds(info.pkt_type == PACKET_HOST);
}

struct selftest {
	const char *name;
	bool (*run)(struct test_memory *mem);
};

static const struct selftest tests[] __initconst = {
	{ "address", test_address },
	{ "mgid", test_mgid },
	{ "sizes", test_sizes },
	{ "ring counters", test_ring_counters },
	{ "rx check", test_rx_check },
};

/**
 * ipoib_selftest() - test pure logic as this kernel compiled it
 *
 * Context: module init.
 * Return: 0, -ENOMEM if there is no memory to test with, or -ENOTRECOVERABLE if
 * a test failed; the log says which.
 */
int __init ipoib_selftest(void)
{
	struct test_memory *mem;
	int i, failed = 0;

	mem = kzalloc(struct_size(mem, frame, TEST_FRAME), GFP_KERNEL);
	if (!mem)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (!tests[i].run(mem)) {
			pr_err("self-test \"%s\" failed\n", tests[i].name);
			failed++;
		}
	}
	kfree(mem);
	if (selftest_fail) {
		pr_err("self-test \"selftest_fail\" failed\n");
		failed++;
	}
	if (!failed)
		pr_info("%d self-tests passed\n", i);
	return failed ? -ENOTRECOVERABLE : 0;
}
