/* SPDX-License-Identifier: GPL-2.0-only */
/* The RDMA client: interfaces per HCA, and lookups by the RDMA CM. */
#ifndef IPOIB_CLIENT_H
#define IPOIB_CLIENT_H

int ipoib_client_register(void);
void ipoib_client_unregister(void);

#endif /* IPOIB_CLIENT_H */
