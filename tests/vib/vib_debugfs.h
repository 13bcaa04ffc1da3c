/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: what the control files share. */
#ifndef VIB_DEBUGFS_H
#define VIB_DEBUGFS_H

#include "vib.h"

/* vib_debugfs.c */
char *vib_debugfs_text(const char __user *ubuf, size_t count);

/* vib_debugfs_hca.c */
void vib_debugfs_hca_files(struct vib_hca *hca);

#endif /* VIB_DEBUGFS_H */
