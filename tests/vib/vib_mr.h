/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: protection domains and memory regions. */
#ifndef VIB_MR_H
#define VIB_MR_H

#include "vib.h"

/**
 * struct vib_pd - protection domain; only its identity matters
 * @ibpd: core object
 */
struct vib_pd {
	struct ib_pd ibpd;
};

/**
 * struct vib_mem - whose memory a work request names
 * @hca: HCA that holds the keys
 * @pd: protection domain that a key must belong to
 * @user: posted from user space: the kernel's lkey 0 is not accepted
 */
struct vib_mem {
	struct vib_hca *hca;
	struct ib_pd *pd;
	bool user;
};

/* Direction of a copy, seen from the memory that the key names. */
enum vib_dir { VIB_FROM_MEM, VIB_TO_MEM };

/**
 * struct vib_mr - memory region
 * @ibmr: core object
 * @iova: first address as used in work requests
 * @len: bytes; all of kernel memory when @pages is NULL
 * @access: enum ib_access_flags
 * @umem: pinned user memory
 * @pages: its pages
 * @npages: how many
 * @offset: of the first byte in the first page
 * @rcu: lookups go by RCU
 */
struct vib_mr {
	struct ib_mr ibmr;
	u64 iova;
	u64 len;
	int access;
	struct ib_umem *umem;
	struct page **pages;
	unsigned long npages;
	u32 offset;
	struct rcu_head rcu;
};

static inline struct vib_mr *to_vmr(struct ib_mr *ibmr)
{
	return container_of(ibmr, struct vib_mr, ibmr);
}

int vib_alloc_pd(struct ib_pd *pd, struct ib_udata *udata);
int vib_dealloc_pd(struct ib_pd *pd, struct ib_udata *udata);
struct ib_mr *vib_get_dma_mr(struct ib_pd *pd, int access);
struct ib_mr *vib_reg_user_mr(struct ib_pd *pd, u64 start, u64 length,
			      u64 iova, int access, VIB_DMAH_PARAM
			      struct ib_udata *udata);
int vib_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata);
int vib_sge_copy(const struct vib_mem *mem, const struct ib_sge *sge,
		 u32 num, u32 off, void *buf, u32 len, enum vib_dir dir);
int vib_key_copy(const struct vib_mem *mem, u32 key, u64 addr, void *buf,
		 u32 len, int access, enum vib_dir dir);
int vib_key_check(const struct vib_mem *mem, u32 key, u64 addr, u64 len,
		  int access);

#endif /* VIB_MR_H */
