/* SPDX-License-Identifier: GPL-2.0-only */
/* For kernels whose <linux/list.h> has no list_count_nodes(). */
#include_next <linux/list.h>

#ifndef IPOIB_COMPAT_LINUX_LIST_H
#define IPOIB_COMPAT_LINUX_LIST_H

static inline size_t list_count_nodes(struct list_head *head)
{
	struct list_head *pos;
	size_t count = 0;

	list_for_each(pos, head)
		count++;
	return count;
}

#endif /* IPOIB_COMPAT_LINUX_LIST_H */
