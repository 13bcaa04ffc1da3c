// SPDX-License-Identifier: GPL-2.0-only
/* vib: packets on the virtual wire. */

#include <linux/slab.h>

#include "vib.h"

/**
 * vib_pkt_alloc() - make a packet
 * @len: payload bytes, at most VIB_BURST_MAX
 * @gfp: allocation context
 *
 * The headers are zeroed, the payload is not. The packet stands for one
 * MTU-sized packet until the caller says otherwise.
 *
 * Context: as @gfp allows.
 * Return: the packet with one reference, or NULL.
 */
struct vib_pkt *vib_pkt_alloc(u32 len, gfp_t gfp)
{
	struct vib_pkt *pkt;

	pkt = kmalloc(struct_size(pkt, data, len), gfp | __GFP_NOWARN);
	if (!pkt)
		return NULL;
	memset(pkt, 0, offsetof(struct vib_pkt, data));
	INIT_LIST_HEAD(&pkt->list);
	refcount_set(&pkt->ref, 1);
	pkt->npkts = 1;
	pkt->len = len;
	return pkt;
}

/**
 * vib_pkt_clone() - copy a packet, payload and all
 * @pkt: the packet
 * @gfp: allocation context
 *
 * Context: as @gfp allows.
 * Return: the copy with one reference, or NULL.
 */
struct vib_pkt *vib_pkt_clone(const struct vib_pkt *pkt, gfp_t gfp)
{
	struct vib_pkt *copy;

	copy = kmalloc(struct_size(pkt, data, pkt->len), gfp | __GFP_NOWARN);
	if (!copy)
		return NULL;
	memcpy(copy, pkt, struct_size(pkt, data, pkt->len));
	INIT_LIST_HEAD(&copy->list);
	refcount_set(&copy->ref, 1);
	return copy;
}

/**
 * vib_pkt_put() - drop a reference to a packet
 * @pkt: the packet
 *
 * Context: any.
 */
void vib_pkt_put(struct vib_pkt *pkt)
{
	if (refcount_dec_and_test(&pkt->ref))
		kfree(pkt);
}
