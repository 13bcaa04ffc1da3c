/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: address handles and address vectors. */
#ifndef VIB_AH_H
#define VIB_AH_H

#include "vib.h"

/**
 * struct vib_av - address vector, what a WQE keeps of an address handle
 * @dgid: destination GID, with @grh
 * @flow_label: with @grh
 * @dlid: destination LID
 * @sl: service level
 * @path_bits: low bits of the source LID
 * @grh: a global route header goes with each packet
 * @sgid_index: source GID index, with @grh
 * @hop_limit: with @grh
 * @tclass: with @grh
 */
struct vib_av {
	union ib_gid dgid;
	u32 flow_label;
	u16 dlid;
	u8 sl;
	u8 path_bits;
	bool grh;
	u8 sgid_index;
	u8 hop_limit;
	u8 tclass;
};

/**
 * struct vib_ah - address handle
 * @ibah: core object
 * @attr: as created, for query
 * @av: what work requests copy
 */
struct vib_ah {
	struct ib_ah ibah;
	struct rdma_ah_attr attr;
	struct vib_av av;
};

static inline struct vib_ah *to_vah(struct ib_ah *ibah)
{
	return container_of(ibah, struct vib_ah, ibah);
}

int vib_create_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *init,
		  struct ib_udata *udata);
int vib_query_ah(struct ib_ah *ibah, struct rdma_ah_attr *attr);
int vib_modify_ah(struct ib_ah *ibah, struct rdma_ah_attr *attr);
int vib_destroy_ah(struct ib_ah *ibah, u32 flags);
void vib_av_init(struct vib_av *av, const struct rdma_ah_attr *attr);
void vib_av_apply(struct vib_port *port, const struct vib_av *av,
		  struct vib_pkt *pkt);

#endif /* VIB_AH_H */
