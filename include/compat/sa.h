/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels in <rdma/ib_sa.h>. */
#ifndef IPOIB_COMPAT_SA_H
#define IPOIB_COMPAT_SA_H

#include <rdma/ib_sa.h>

/* Before it was unsigned, the number of records that the answer to a path
 * query holds was an int. The prototype tells which kernel this is.
 */
#define ipoib_sa_num_t							\
	typeof(__builtin_choose_expr(					\
		__builtin_types_compatible_p(				\
			typeof(ib_sa_path_rec_get),			\
			int(struct ib_sa_client *, struct ib_device *,	\
			    u32, struct sa_path_rec *, ib_sa_comp_mask,	\
			    unsigned long, gfp_t,			\
			    void (*)(int, struct sa_path_rec *, int,	\
				     void *),				\
			    void *, struct ib_sa_query **)),		\
		0, 0U))

#endif /* IPOIB_COMPAT_SA_H */
