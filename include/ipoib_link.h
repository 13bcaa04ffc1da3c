/* SPDX-License-Identifier: GPL-2.0-only */
/* Rates of IB links; also compiled by the user-space unit tests. */
#ifndef IPOIB_LINK_H
#define IPOIB_LINK_H

#include "ipoib_proto.h"

/**
 * ipoib_link_mbps() - nominal rate of an IB link
 * @width: LinkWidthActive of PortInfo (IBTA 14.2.5.6): 1, 2, 4, 8 and 16 are
 *	1x, 4x, 8x, 12x and 2x
 * @speed: enum ib_port_speed: one bit each for SDR, DDR, QDR, FDR10, FDR, EDR,
 *	HDR, NDR, XDR
 *
 * Return: Mb/s as the generations are named (4x FDR is 56000); 0 if unknown.
 */
static inline u32 ipoib_link_mbps(u32 width, u32 speed)
{
	static const u32 lane[9] = {
		2500, 5000, 10000, 10000, 14000, 25000, 50000, 100000, 200000
	};
	static const u32 lanes[5] = { 1, 4, 8, 12, 2 };
	u32 s = 0, w = 0;

	while (s < 9 && speed != 1u << s)
		s++;
	while (w < 5 && width != 1u << w)
		w++;
	return s < 9 && w < 5 ? lane[s] * lanes[w] : 0;
}

#endif /* IPOIB_LINK_H */
