// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: stateless offloads of datagram QPs for IP over InfiniBand: checksums,
 * and segmentation of TCP over IPv4 and IPv6. The payload starts with the
 * four-byte encapsulation header of RFC 4391.
 */

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>

#include "vib_verbs.h"

#define VIB_ENCAP_LEN 4

/**
 * struct vib_ipkt - where the headers of an IP packet are
 * @ip4: IPv4 header or NULL
 * @ip6: IPv6 header or NULL
 * @l4: transport header
 * @l4_len: bytes from there to the end of the IP packet
 * @proto: IPPROTO_TCP or IPPROTO_UDP
 */
struct vib_ipkt {
	struct iphdr *ip4;
	struct ipv6hdr *ip6;
	void *l4;
	u32 l4_len;
	u8 proto;
};

static bool vib_parse_ip4(struct vib_ipkt *p, void *data, u32 len)
{
	struct iphdr *ip = data;
	u32 hlen, total;

	if (len < sizeof(*ip) || ip->version != 4)
		return false;
	hlen = ip->ihl * 4;
	total = ntohs(ip->tot_len);
	if (hlen < sizeof(*ip) || total < hlen || total > len)
		return false;
	if (ip->frag_off & htons(IP_MF | IP_OFFSET))
		return false;
	p->ip4 = ip;
	p->l4 = data + hlen;
	p->l4_len = total - hlen;
	p->proto = ip->protocol;
	return true;
}

static bool vib_parse_ip6(struct vib_ipkt *p, void *data, u32 len)
{
	struct ipv6hdr *ip = data;

	if (len < sizeof(*ip) || ip->version != 6)
		return false;
	if (ntohs(ip->payload_len) > len - sizeof(*ip))
		return false;
	p->ip6 = ip;
	p->l4 = ip + 1;
	p->l4_len = ntohs(ip->payload_len);
	p->proto = ip->nexthdr;
	return true;
}

/* Finds a whole TCP or UDP segment behind the encapsulation header. */
static bool vib_parse(struct vib_ipkt *p, void *data, u32 len)
{
	const __be16 *type = data;
	bool ok = false;

	*p = (struct vib_ipkt) {};
	if (len < VIB_ENCAP_LEN)
		return false;
	data += VIB_ENCAP_LEN;
	len -= VIB_ENCAP_LEN;
	if (*type == htons(ETH_P_IP))
		ok = vib_parse_ip4(p, data, len);
	else if (*type == htons(ETH_P_IPV6))
		ok = vib_parse_ip6(p, data, len);
	if (!ok)
		return false;
	switch (p->proto) {
	case IPPROTO_TCP:
		return p->l4_len >= sizeof(struct tcphdr);
	case IPPROTO_UDP:
		return p->l4_len >= sizeof(struct udphdr);
	default:
		return false;
	}
}

/* Checksum over pseudo header and segment: 0 when a checksum in it fits. */
static __sum16 vib_l4_sum(const struct vib_ipkt *p)
{
	__wsum sum = csum_partial(p->l4, p->l4_len, 0);

	if (p->ip4)
		return csum_tcpudp_magic(p->ip4->saddr, p->ip4->daddr,
					 p->l4_len, p->proto, sum);
	return csum_ipv6_magic(&p->ip6->saddr, &p->ip6->daddr, p->l4_len,
			       p->proto, sum);
}

static void vib_l4_fill(const struct vib_ipkt *p)
{
	struct tcphdr *tcp = p->l4;
	struct udphdr *udp = p->l4;

	if (p->proto == IPPROTO_TCP) {
		tcp->check = 0;
		tcp->check = vib_l4_sum(p);
	} else {
		udp->check = 0;
		udp->check = vib_l4_sum(p) ?: CSUM_MANGLED_0;
	}
}

static void vib_ip4_fill(struct iphdr *ip)
{
	ip->check = 0;
	ip->check = ip_fast_csum(ip, ip->ihl);
}

/**
 * vib_csum_fill() - write the checksums of an outgoing packet
 * @data: payload of a datagram
 * @len: its bytes
 *
 * What is not TCP or UDP, or a fragment, stays as it is.
 */
void vib_csum_fill(void *data, u32 len)
{
	struct vib_ipkt p;

	if (!vib_parse(&p, data, len))
		return;
	if (p.ip4)
		vib_ip4_fill(p.ip4);
	vib_l4_fill(&p);
}

/**
 * vib_csum_ok() - check the checksums of an incoming packet
 * @data: payload of a datagram
 * @len: its bytes
 *
 * Return: true when it is TCP or UDP and all its checksums are right.
 */
bool vib_csum_ok(const void *data, u32 len)
{
	struct vib_ipkt p;

	if (!vib_parse(&p, (void *)data, len))
		return false;
	if (p.ip4 && ip_fast_csum(p.ip4, p.ip4->ihl))
		return false;
	if (p.proto == IPPROTO_UDP && !((struct udphdr *)p.l4)->check)
		return p.ip4;
	return !vib_l4_sum(&p);
}

/**
 * struct vib_lso - progress of the segmentation of one request
 * @wqe: the request
 * @off: payload bytes already sent
 * @nr: segments already sent
 */
struct vib_lso {
	const struct vib_swqe *wqe;
	u32 off;
	u32 nr;
};

/* Turns the header of the whole into that of one segment. */
static bool vib_lso_header(const struct vib_lso *lso, struct vib_pkt *pkt,
			   u32 chunk)
{
	bool last = lso->off + chunk == lso->wqe->length;
	u32 ip_len = pkt->len - VIB_ENCAP_LEN;
	void *ip = pkt->data + VIB_ENCAP_LEN;
	struct vib_ipkt p;
	struct tcphdr *tcp;

	if (*(__be16 *)pkt->data == htons(ETH_P_IP)) {
		((struct iphdr *)ip)->tot_len = htons(ip_len);
		be16_add_cpu(&((struct iphdr *)ip)->id,
			     lso->nr);
	} else {
		((struct ipv6hdr *)ip)->payload_len =
			htons(ip_len - sizeof(struct ipv6hdr));
	}
	if (!vib_parse(&p, pkt->data, pkt->len) || p.proto != IPPROTO_TCP)
		return false;
	tcp = p.l4;
	tcp->seq = htonl(ntohl(tcp->seq) + lso->off);
	if (lso->nr)
		tcp->cwr = 0;
	if (!last) {
		tcp->fin = 0;
		tcp->psh = 0;
	}
	if (p.ip4)
		vib_ip4_fill(p.ip4);
	vib_l4_fill(&p);
	return true;
}

/* Sends one segment; a lack of memory loses it, as the wire might. */
static enum ib_wc_status vib_lso_segment(struct vib_qp *qp,
					 const struct vib_lso *lso, u32 chunk)
{
	const struct vib_swqe *wqe = lso->wqe;
	struct vib_pkt *pkt;

	pkt = vib_pkt_alloc(wqe->ud.hlen + chunk, GFP_ATOMIC);
	if (!pkt)
		return IB_WC_SUCCESS;
	memcpy(pkt->data, wqe->ud.header, wqe->ud.hlen);
	if (vib_sge_copy(&qp->mem, wqe->sge, wqe->num_sge, lso->off,
			 pkt->data + wqe->ud.hlen, chunk, VIB_FROM_MEM)) {
		vib_pkt_put(pkt);
		return IB_WC_LOC_PROT_ERR;
	}
	if (!vib_lso_header(lso, pkt, chunk)) {
		vib_pkt_put(pkt);
		return IB_WC_LOC_QP_OP_ERR;
	}
	vib_ud_address(qp, wqe, pkt);
	vib_port_send(&qp->hca->port, pkt, qp);
	return IB_WC_SUCCESS;
}

/**
 * vib_lso_send() - carry out an IB_WR_LSO request
 * @qp: the QP
 * @wqe: the request: a header and payload to be cut into segments
 *
 * Context: the QP's tasklet, under rcu_read_lock().
 * Return: IB_WC_SUCCESS or why the request failed.
 */
enum ib_wc_status vib_lso_send(struct vib_qp *qp, struct vib_swqe *wqe)
{
	u32 mtu = ib_mtu_enum_to_int(READ_ONCE(qp->hca->port.active_mtu));
	struct vib_lso lso = { .wqe = wqe };
	enum ib_wc_status status;
	u32 chunk;

	if (wqe->ud.hlen < VIB_ENCAP_LEN + sizeof(struct iphdr) ||
	    wqe->ud.hlen + wqe->ud.mss > mtu || !wqe->length)
		return IB_WC_LOC_LEN_ERR;
	while (lso.off < wqe->length) {
		chunk = min(wqe->ud.mss, wqe->length - lso.off);
		status = vib_lso_segment(qp, &lso, chunk);
		if (status)
			return status;
		lso.off += chunk;
		lso.nr++;
	}
	return IB_WC_SUCCESS;
}
