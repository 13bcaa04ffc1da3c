/* SPDX-License-Identifier: GPL-2.0-only */
/* For kernels that have this among their other functions for packets. */
#ifndef IPOIB_COMPAT_GSO_NET_GSO_H
#define IPOIB_COMPAT_GSO_NET_GSO_H

#include <linux/skbuff.h>

#endif /* IPOIB_COMPAT_GSO_NET_GSO_H */
