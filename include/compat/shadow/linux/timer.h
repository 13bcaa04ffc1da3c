/* SPDX-License-Identifier: GPL-2.0-only */
/* timer_container_of() was called from_timer() before. */
#ifndef IPOIB_COMPAT_LINUX_TIMER_H
#define IPOIB_COMPAT_LINUX_TIMER_H

#include_next <linux/timer.h>

#ifndef timer_container_of
#define timer_container_of(var, timer, field) \
	container_of(timer, typeof(*(var)), field)
#endif

#endif /* IPOIB_COMPAT_LINUX_TIMER_H */
