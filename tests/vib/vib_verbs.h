/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: the verbs half. The seam to the fabric half is vib.h. */
#ifndef VIB_VERBS_H
#define VIB_VERBS_H

#include "vib.h"
#include "vib_ah.h"
#include "vib_cq.h"
#include "vib_mr.h"
#include "vib_qp.h"
#include "vib_rq.h"

/* vib_main.c */
extern struct workqueue_struct *vib_wq;

/* vib_dev.c */
int vib_dev_register(struct vib_hca *hca);

/* vib_client.c */
int vib_client_init(void);
void vib_client_exit(void);

/* vib_rn.c */
int vib_rn_params(struct ib_device *ibdev, u32 port_num,
		  enum rdma_netdev_t type,
		  struct rdma_netdev_alloc_params *params);

#endif /* VIB_VERBS_H */
