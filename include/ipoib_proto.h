/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wire formats of IP over InfiniBand and arithmetic; no locks, no kernel state.
 * The kernel module and the user-space unit tests compile the same text.
 */
#ifndef IPOIB_PROTO_H
#define IPOIB_PROTO_H

#include <asm/byteorder.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
#endif

/* A UD receive buffer starts with room for the GRH (IBTA 11.4.1.2), whether
 * the packet has one or not.
 */
#define IPOIB_GRH_LEN		40
#define IPOIB_GRH_DGID		24	/* offset of the DGID in the GRH */
#define IPOIB_GID_LEN		16
#define IPOIB_ENCAP_LEN		4	/* struct ipoib_hdr */
/* The destination hardware address that dev_hard_header() leaves in front of
 * the encapsulation for ndo_start_xmit; never on the wire.
 */
#define IPOIB_PSEUDO_LEN	20
#define IPOIB_HARD_LEN		(IPOIB_ENCAP_LEN + IPOIB_PSEUDO_LEN)

/* Ethertype of queue discovery: IEEE Std 802's first one for local experiments,
 * which no protocol can be assigned.
 */
#define IPOIB_DISC_ETHERTYPE	0x88b5

#define IPOIB_HW_RC		0x80	/* address flag: RC, RFC 4755 */
#define IPOIB_PKEY_FULL		0x8000	/* full member, IBTA 10.9 */
#define IPOIB_SIG_IPV4		0x401b	/* RFC 4391 section 4 */
#define IPOIB_SIG_IPV6		0x601b

/**
 * struct ipoib_hdr - encapsulation header (RFC 4391 section 6)
 * @proto: ethertype of the payload
 * @reserved: sent as zero, ignored when received
 */
struct ipoib_hdr {
	__be16 proto;
	__be16 reserved;
};

/**
 * ipoib_hw_qpn() - QPN in a hardware address (RFC 4391 section 9.1.1)
 * @hw: 20 bytes: flags, QPN, GID
 *
 * Return: 24 bits.
 */
static inline u32 ipoib_hw_qpn(const u8 *hw)
{
	return (u32)hw[1] << 16 | (u32)hw[2] << 8 | hw[3];
}

/**
 * ipoib_hw_gid() - GID in a hardware address
 * @hw: 20 bytes
 *
 * Return: its 16 bytes, in place.
 */
static inline const u8 *ipoib_hw_gid(const u8 *hw)
{
	return hw + 4;
}

/**
 * ipoib_hw_set() - put a hardware address together
 * @hw: 20 bytes to fill
 * @flags: 0 or IPOIB_HW_RC
 * @qpn: 24 bits; higher bits are left out
 * @gid: 16 bytes
 */
static inline void ipoib_hw_set(u8 *hw, u8 flags, u32 qpn, const u8 *gid)
{
	hw[0] = flags;
	hw[1] = (qpn >> 16) & 0xff;
	hw[2] = (qpn >> 8) & 0xff;
	hw[3] = qpn & 0xff;
	memcpy(hw + 4, gid, IPOIB_GID_LEN);
}

/**
 * ipoib_hw_is_mcast() - does a hardware address name a multicast group?
 * @hw: 20 bytes
 *
 * Return: true if its GID is an MGID (IBTA 4.1.1: first byte all ones).
 */
static inline bool ipoib_hw_is_mcast(const u8 *hw)
{
	return hw[4] == 0xff;
}

/**
 * ipoib_mgid_set_pkey() - write the P_Key field of an MGID (RFC 4391 4)
 * @mgid: 16 bytes
 * @pkey: P_Key of the link
 */
static inline void ipoib_mgid_set_pkey(u8 *mgid, u16 pkey)
{
	mgid[4] = pkey >> 8;
	mgid[5] = pkey & 0xff;
}

/**
 * ipoib_mgid_is_ours() - does an MGID belong to this IPoIB link?
 * @mgid: 16 bytes
 * @bcast_mgid: broadcast MGID of the link, which has its scope and P_Key
 *
 * Return: true if prefix, flags, scope and P_Key are those of the link and the
 * signature is that of IPv4 or IPv6.
 */
static inline bool ipoib_mgid_is_ours(const u8 *mgid, const u8 *bcast_mgid)
{
	u16 sig = (u16)(mgid[2] << 8 | mgid[3]);

	if (memcmp(mgid, bcast_mgid, 2) || memcmp(mgid + 4, bcast_mgid + 4, 2))
		return false;
	return sig == IPOIB_SIG_IPV4 || sig == IPOIB_SIG_IPV6;
}

/**
 * ipoib_mgid_broadcast() - MGID of the broadcast group (RFC 4391 section 5)
 * @mgid: 16 bytes to fill
 * @scope: 4 bits; 2 is link-local
 * @pkey: P_Key of the link
 */
static inline void ipoib_mgid_broadcast(u8 *mgid, u8 scope, u16 pkey)
{
	memset(mgid, 0, IPOIB_GID_LEN);
	mgid[0] = 0xff;
	mgid[1] = 0x10 | (scope & 0xf);
	mgid[2] = IPOIB_SIG_IPV4 >> 8;
	mgid[3] = IPOIB_SIG_IPV4 & 0xff;
	ipoib_mgid_set_pkey(mgid, pkey);
	memset(mgid + 12, 0xff, 4);
}

/**
 * ipoib_ud_mtu() - IPoIB MTU over UD (RFC 4391 section 7)
 * @ib_mtu_bytes: IB MTU
 *
 * Return: bytes of payload after the encapsulation header.
 */
static inline u32 ipoib_ud_mtu(u32 ib_mtu_bytes)
{
	return ib_mtu_bytes - IPOIB_ENCAP_LEN;
}

/**
 * ipoib_pkey_valid() - may a link have this P_Key? (IBTA 10.9)
 * @pkey: with or without the membership bit
 *
 * Return: false for the invalid P_Key, whose low 15 bits are zero.
 */
static inline bool ipoib_pkey_valid(u16 pkey)
{
	return (pkey & ~IPOIB_PKEY_FULL) != 0;
}

/**
 * ipoib_pkey_full() - the P_Key with the full-member bit (RFC 4391 section 4)
 * @pkey: with or without the bit
 *
 * Return: with the bit.
 */
static inline u16 ipoib_pkey_full(u16 pkey)
{
	return pkey | IPOIB_PKEY_FULL;
}

/**
 * ipoib_ring_round() - size of a ring
 * @want: packets asked for
 * @min: least, a power of two
 * @max: most, a power of two
 *
 * Return: a power of two in [min, max], not smaller than @want if possible.
 */
static inline u32 ipoib_ring_round(u32 want, u32 min, u32 max)
{
	u32 size = min;

	while (size < want && size < max)
		size <<= 1;
	return size;
}

/**
 * ipoib_proto_carried() - do we carry this ethertype? (RFC 4391 section 6)
 * @proto: ethertype
 *
 * Return: true for IPv4, IPv6, ARP, RARP, and TIPC, which Linux adds.
 */
static inline bool ipoib_proto_carried(__be16 proto)
{
	switch (__be16_to_cpu(proto)) {
	case ETH_P_IP:
	case ETH_P_IPV6:
	case ETH_P_ARP:
	case ETH_P_RARP:
	case ETH_P_TIPC:
		return true;
	default:
		return false;
	}
}

/**
 * enum ipoib_rx_verdict - outcome of ipoib_rx_check()
 * @IPOIB_RX_OK: a packet for the stack
 * @IPOIB_RX_CONTROL: a unicast message of queue discovery
 * @IPOIB_RX_RUNT: no room for GRH, encapsulation and one byte of payload
 * @IPOIB_RX_BAD_PROTO: an ethertype that IPoIB does not carry
 */
enum ipoib_rx_verdict {
	IPOIB_RX_OK,
	IPOIB_RX_CONTROL,
	IPOIB_RX_RUNT,
	IPOIB_RX_BAD_PROTO,
};

/**
 * struct ipoib_rx_info - what ipoib_rx_check() found
 * @proto: ethertype
 * @pkt_type: PACKET_HOST, PACKET_BROADCAST or PACKET_MULTICAST
 * @payload_len: bytes of payload after the encapsulation header
 */
struct ipoib_rx_info {
	__be16 proto;
	u8 pkt_type;
	u32 payload_len;
};

/**
 * ipoib_rx_check() - validate a packet received on a UD QP
 * @buf: GRH area, encapsulation, payload; @byte_len bytes may be read
 * @byte_len: as the completion reports it, the GRH area included
 * @grh: the completion says that the packet has a GRH
 * @bcast_mgid: broadcast MGID of the link
 * @info: filled in when the verdict is IPOIB_RX_OK
 *
 * A packet without a GRH is unicast: multicast always has one (IBTA 10.5).
 *
 * Return: the verdict.
 */
static inline enum ipoib_rx_verdict
ipoib_rx_check(const u8 *buf, u32 byte_len, bool grh, const u8 *bcast_mgid,
	       struct ipoib_rx_info *info)
{
	const u8 *dgid = buf + IPOIB_GRH_DGID;
	struct ipoib_hdr hdr;

	if (byte_len <= IPOIB_GRH_LEN + IPOIB_ENCAP_LEN)
		return IPOIB_RX_RUNT;
	memcpy(&hdr, buf + IPOIB_GRH_LEN, sizeof(hdr));
	if (hdr.proto == __cpu_to_be16(IPOIB_DISC_ETHERTYPE) &&
	    (!grh || dgid[0] != 0xff))
		return IPOIB_RX_CONTROL;
	if (!ipoib_proto_carried(hdr.proto))
		return IPOIB_RX_BAD_PROTO;

	info->proto = hdr.proto;
	info->payload_len = byte_len - IPOIB_GRH_LEN - IPOIB_ENCAP_LEN;
	if (!grh || dgid[0] != 0xff)
		info->pkt_type = PACKET_HOST;
	else if (!memcmp(dgid, bcast_mgid, IPOIB_GID_LEN))
		info->pkt_type = PACKET_BROADCAST;
	else
		info->pkt_type = PACKET_MULTICAST;
	return IPOIB_RX_OK;
}

#endif /* IPOIB_PROTO_H */
