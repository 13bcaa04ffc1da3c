/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel versions: everything that differs between 6.1, 6.12 and 7.x. The
 * rest of the module is written to the newest API. What a kernel has is
 * looked up in its headers: by the preprocessor, or by Kbuild, which then
 * defines VIB_HAVE_...
 */
#ifndef VIB_COMPAT_H
#define VIB_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/timer.h>

/* The last parameter of ib_device_ops.create_cq, which vib does not use. */
#ifdef VIB_HAVE_CQ_ATTRS
#define vib_cq_udata uverbs_attr_bundle
#else
#define vib_cq_udata ib_udata
#endif

/* ib_device_ops.reg_user_mr got a DMA handle. */
#ifdef VIB_HAVE_DMAH
#define VIB_DMAH_PARAM struct ib_dmah *dmah,
#else
#define VIB_DMAH_PARAM
#endif

/* Once there was only one way to pin user memory. */
#ifndef VIB_HAVE_UMEM_GET_VA
#define ib_umem_get_va ib_umem_get
#endif

/* Timer functions got their present names one after the other. */
#ifndef timer_container_of
#define timer_container_of from_timer
#endif

/* hrtimer_init() and the assignment of the function became one. */
#ifndef VIB_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

#endif /* VIB_COMPAT_H */
