/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connected mode on the wire (RFC 4755), and arithmetic. Like ipoib_proto.h,
 * compiled by the kernel module and by the user-space unit tests.
 */
#ifndef IPOIB_CM_PROTO_H
#define IPOIB_CM_PROTO_H

#include "ipoib_proto.h"

/* RFC 4755 section 3.1: the service ID has the IETF's first byte, and the QPN
 * that is in the hardware address.
 */
#define IPOIB_CM_SERVICE	0x1000000000000000ULL
/* 64 KiB less what IP cannot say, and a little: what all drivers use. */
#define IPOIB_CM_MAX_MTU	65520u
/* Bytes of a message beyond which a receive buffer need not reach. */
#define IPOIB_CM_MAX_FRAME	(IPOIB_CM_MAX_MTU + IPOIB_ENCAP_LEN)

/**
 * struct ipoib_cm_data - private data of REQ and REP (RFC 4755 section 3.2)
 * @qpn: QPN in the sender's hardware address
 * @mtu: bytes of the longest message that the sender can receive, with the
 *	encapsulation header
 */
struct ipoib_cm_data {
	__be32 qpn;
	__be32 mtu;
};

/**
 * ipoib_cm_service() - where a peer listens
 * @qpn: QPN in its hardware address
 *
 * Return: service ID, in CPU order.
 */
static inline __u64 ipoib_cm_service(u32 qpn)
{
	return IPOIB_CM_SERVICE | (qpn & 0xffffff);
}

/**
 * ipoib_cm_peer_mtu() - longest payload that a peer receives
 * @wire: as its private data say it
 *
 * Return: bytes after the encapsulation header, at most IPOIB_CM_MAX_MTU; 0 if
 * the number makes no sense.
 */
static inline u32 ipoib_cm_peer_mtu(__be32 wire)
{
	u32 mtu = __be32_to_cpu(wire);

	if (mtu <= IPOIB_ENCAP_LEN)
		return 0;
	mtu -= IPOIB_ENCAP_LEN;
	return mtu < IPOIB_CM_MAX_MTU ? mtu : IPOIB_CM_MAX_MTU;
}

/**
 * ipoib_cm_mtu() - MTU that receive buffers allow
 * @pages: pages of a buffer
 * @page_size: bytes of a page
 *
 * Return: bytes of payload.
 */
static inline u32 ipoib_cm_mtu(u32 pages, u32 page_size)
{
	u32 room = pages * page_size;

	/* The usual distance between a buffer and its MTU is 16 bytes. */
	room = room > 16 ? room - 16 : 0;
	return room < IPOIB_CM_MAX_MTU ? room : IPOIB_CM_MAX_MTU;
}

/**
 * ipoib_cm_backoff_ms() - how long nobody asks a peer again
 * @tries: attempts that failed in a row, from 1
 *
 * Return: milliseconds: 1 s, twice as long for each failure, 64 s at most.
 */
static inline u32 ipoib_cm_backoff_ms(u32 tries)
{
	return 1000u << (tries < 1 ? 0 : tries > 7 ? 6 : tries - 1);
}

/**
 * ipoib_rc_check() - validate a packet received on an RC QP
 * @buf: encapsulation and payload; @byte_len bytes may be read
 * @byte_len: as the completion reports it
 * @info: filled in when the verdict is IPOIB_RX_OK
 *
 * There is no GRH, and all is unicast.
 *
 * Return: the verdict.
 */
static inline enum ipoib_rx_verdict
ipoib_rc_check(const u8 *buf, u32 byte_len, struct ipoib_rx_info *info)
{
	struct ipoib_hdr hdr;

	if (byte_len <= IPOIB_ENCAP_LEN)
		return IPOIB_RX_RUNT;
	memcpy(&hdr, buf, sizeof(hdr));
	if (!ipoib_proto_carried(hdr.proto))
		return IPOIB_RX_BAD_PROTO;
	info->proto = hdr.proto;
	info->pkt_type = PACKET_HOST;
	info->payload_len = byte_len - IPOIB_ENCAP_LEN;
	return IPOIB_RX_OK;
}

#endif /* IPOIB_CM_PROTO_H */
