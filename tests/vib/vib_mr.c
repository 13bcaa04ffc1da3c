// SPDX-License-Identifier: GPL-2.0-only
/* vib: protection domains, memory regions, and copying by key. */

#include <linux/highmem.h>
#include <linux/slab.h>
#include <rdma/ib_umem.h>

#include "vib_verbs.h"

/**
 * vib_alloc_pd() - ib_device_ops.alloc_pd
 * @pd: the domain; its address is its identity
 * @udata: unused
 *
 * Return: 0.
 */
int vib_alloc_pd(struct ib_pd *pd, struct ib_udata *udata)
{
	return 0;
}

/**
 * vib_dealloc_pd() - ib_device_ops.dealloc_pd
 * @pd: the domain
 * @udata: unused
 *
 * Return: 0.
 */
int vib_dealloc_pd(struct ib_pd *pd, struct ib_udata *udata)
{
	return 0;
}

/* Gives the region its key, after which others can find it. */
static int vib_mr_publish(struct vib_mr *mr, struct ib_pd *pd)
{
	struct vib_hca *hca = to_vhca(pd->device);
	u32 key;
	int err;

	mr->ibmr.device = pd->device;
	mr->ibmr.pd = pd;
	/* The entry is complete before the tree makes it visible. */
	err = xa_alloc_cyclic(&hca->mrs, &key, NULL, XA_LIMIT(1, INT_MAX),
			      &hca->next_key, GFP_KERNEL);
	if (err < 0)
		return err;
	mr->ibmr.lkey = key;
	mr->ibmr.rkey = key;
	xa_store(&hca->mrs, key, mr, GFP_KERNEL);
	return 0;
}

/**
 * vib_get_dma_mr() - ib_device_ops.get_dma_mr
 * @pd: protection domain
 * @access: enum ib_access_flags
 *
 * The region is all of kernel memory.
 *
 * Context: process, sleeps.
 * Return: the region or ERR_PTR.
 */
struct ib_mr *vib_get_dma_mr(struct ib_pd *pd, int access)
{
	struct vib_mr *mr;
	int err;

	mr = kzalloc(sizeof(*mr), GFP_KERNEL);
	if (!mr)
		return ERR_PTR(-ENOMEM);
	mr->access = access;
	mr->len = ~0ULL;
	err = vib_mr_publish(mr, pd);
	if (err) {
		kfree(mr);
		return ERR_PTR(err);
	}
	return &mr->ibmr;
}

static int vib_mr_fill_pages(struct vib_mr *mr)
{
	struct sg_page_iter iter;
	unsigned long i = 0;

	mr->npages = ib_umem_num_pages(mr->umem);
	mr->pages = kvcalloc(mr->npages, sizeof(*mr->pages), GFP_KERNEL);
	if (!mr->pages)
		return -ENOMEM;
	for_each_sgtable_page(&mr->umem->sgt_append.sgt, &iter, 0) {
		if (WARN_ON_ONCE(i == mr->npages))
			break;
		mr->pages[i++] = sg_page_iter_page(&iter);
	}
	return 0;
}

/**
 * vib_reg_user_mr() - ib_device_ops.reg_user_mr
 * @pd: protection domain
 * @start: user address
 * @length: bytes
 * @iova: address that work requests will use for @start
 * @access: enum ib_access_flags
 * @udata: unused
 *
 * Context: process, sleeps.
 * Return: the region or ERR_PTR.
 */
struct ib_mr *vib_reg_user_mr(struct ib_pd *pd, u64 start, u64 length,
			      u64 iova, int access, VIB_DMAH_PARAM
			      struct ib_udata *udata)
{
	struct vib_mr *mr;
	int err;

	mr = kzalloc(sizeof(*mr), GFP_KERNEL);
	if (!mr)
		return ERR_PTR(-ENOMEM);
	mr->iova = iova;
	mr->len = length;
	mr->access = access;
	mr->offset = start & ~PAGE_MASK;
	mr->umem = ib_umem_get_va(pd->device, start, length, access);
	if (IS_ERR(mr->umem)) {
		err = PTR_ERR(mr->umem);
		goto err_free;
	}
	err = vib_mr_fill_pages(mr);
	if (err)
		goto err_umem;
	err = vib_mr_publish(mr, pd);
	if (err)
		goto err_pages;
	return &mr->ibmr;

err_pages:
	kvfree(mr->pages);
err_umem:
	ib_umem_release(mr->umem);
err_free:
	kfree(mr);
	return ERR_PTR(err);
}

/**
 * vib_dereg_mr() - ib_device_ops.dereg_mr
 * @ibmr: the region
 * @udata: unused
 *
 * Context: process, sleeps until no copy to or from the region is running.
 * Return: 0.
 */
int vib_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata)
{
	struct vib_mr *mr = to_vmr(ibmr);

	xa_erase(&to_vhca(ibmr->device)->mrs, ibmr->lkey);
	if (mr->umem) {
		synchronize_rcu_expedited();
		kvfree(mr->pages);
		ib_umem_release(mr->umem);
	}
	kfree_rcu(mr, rcu);
	return 0;
}

static void vib_mr_copy(const struct vib_mr *mr, u64 addr, void *buf, u32 len,
			enum vib_dir dir)
{
	u64 pos = addr - mr->iova + mr->offset;
	u32 off = pos & ~PAGE_MASK;
	struct page **page = mr->pages + (pos >> PAGE_SHIFT);

	while (len) {
		u32 part = min_t(u32, len, PAGE_SIZE - off);

		if (dir == VIB_TO_MEM)
			memcpy_to_page(*page, off, buf, part);
		else
			memcpy_from_page(buf, *page, off, part);
		page++;
		off = 0;
		buf += part;
		len -= part;
	}
}

static void vib_kernel_copy(u64 addr, void *buf, u32 len, enum vib_dir dir)
{
	void *mem = (void *)(uintptr_t)addr;

	if (dir == VIB_TO_MEM)
		memcpy(mem, buf, len);
	else
		memcpy(buf, mem, len);
}

/* Finds a region by key and proves that the access is allowed. */
static struct vib_mr *vib_mr_get(const struct vib_mem *mem, u32 key, u64 addr,
				 u64 len, int access)
{
	struct vib_mr *mr = xa_load(&mem->hca->mrs, key);

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "MR used outside RCU");
	if (!mr || mr->ibmr.pd != mem->pd)
		return NULL;
	if ((mr->access & access) != access)
		return NULL;
	if (addr < mr->iova || len > mr->len || addr - mr->iova > mr->len - len)
		return NULL;
	return mr;
}

/**
 * vib_key_check() - may this memory be accessed?
 * @mem: whose
 * @key: lkey or rkey
 * @addr: first address
 * @len: bytes
 * @access: enum ib_access_flags that are needed, 0 to read locally
 *
 * Context: any, under rcu_read_lock().
 * Return: 0 or -EACCES.
 */
int vib_key_check(const struct vib_mem *mem, u32 key, u64 addr, u64 len,
		  int access)
{
	return vib_mr_get(mem, key, addr, len, access) ? 0 : -EACCES;
}

/**
 * vib_key_copy() - copy between memory named by a key and a buffer
 * @mem: whose memory
 * @key: lkey or rkey; 0 is all kernel memory for a kernel consumer, which
 *	can be meant by local accesses only
 * @addr: first address
 * @buf: the buffer
 * @len: bytes
 * @access: enum ib_access_flags that are needed, 0 to read locally
 * @dir: direction
 *
 * Context: any, under rcu_read_lock().
 * Return: 0, or -EACCES when the key does not allow it.
 */
int vib_key_copy(const struct vib_mem *mem, u32 key, u64 addr, void *buf,
		 u32 len, int access, enum vib_dir dir)
{
	const int remote = IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_WRITE;
	const struct vib_mr *mr;

	if (!key && !mem->user && !(access & remote)) {
		vib_kernel_copy(addr, buf, len, dir);
		return 0;
	}
	mr = vib_mr_get(mem, key, addr, len, access);
	if (!mr)
		return -EACCES;
	if (mr->pages)
		vib_mr_copy(mr, addr, buf, len, dir);
	else
		vib_kernel_copy(addr, buf, len, dir);
	return 0;
}

/**
 * vib_sge_copy() - copy between a scatter/gather list and a buffer
 * @mem: whose memory the list names
 * @sge: the list
 * @num: its entries
 * @off: bytes of the list to skip
 * @buf: the buffer
 * @len: bytes to copy
 * @dir: direction
 *
 * Context: any, under rcu_read_lock().
 * Return: 0, -EACCES when a key does not allow it, -EMSGSIZE when the list is
 * too short.
 */
int vib_sge_copy(const struct vib_mem *mem, const struct ib_sge *sge,
		 u32 num, u32 off, void *buf, u32 len, enum vib_dir dir)
{
	int access = dir == VIB_TO_MEM ? IB_ACCESS_LOCAL_WRITE : 0;
	u32 part;
	int err;

	for (; num && len; num--, sge++) {
		if (off >= sge->length) {
			off -= sge->length;
			continue;
		}
		part = min(len, sge->length - off);
		err = vib_key_copy(mem, sge->lkey, sge->addr + off, buf, part,
				   access, dir);
		if (err)
			return err;
		off = 0;
		buf += part;
		len -= part;
	}
	return len ? -EMSGSIZE : 0;
}
