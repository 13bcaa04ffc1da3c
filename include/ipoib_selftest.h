/* SPDX-License-Identifier: GPL-2.0-only */
/* Self-tests of pure logic, in debug builds (make DEBUG=1) only. */
#ifndef IPOIB_SELFTEST_H
#define IPOIB_SELFTEST_H

#ifdef IPOIB_SELFTEST
int ipoib_selftest(void);
#else
static inline int ipoib_selftest(void)
{
	return 0;
}
#endif

#endif /* IPOIB_SELFTEST_H */
