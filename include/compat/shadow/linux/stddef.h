/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels in <linux/stddef.h> and what comes before it. */
#include_next <linux/stddef.h>

#ifndef IPOIB_COMPAT_STDDEF_H
#define IPOIB_COMPAT_STDDEF_H

/* 6.1 got this mark of a flexible array's length in one of its updates. */
#ifndef __counted_by
#define __counted_by(member)
#endif

#endif /* IPOIB_COMPAT_STDDEF_H */
