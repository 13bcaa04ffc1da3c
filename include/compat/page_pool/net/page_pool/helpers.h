/* SPDX-License-Identifier: GPL-2.0-only */
/* For kernels in which this folder was one header. */
#include <net/page_pool.h>
