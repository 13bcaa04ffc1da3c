/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queue discovery on the wire, and how a sender deals flows out; no locks, no
 * kernel state. docs/multiqueue.md describes the format. The kernel module, the
 * user-space unit tests and the fuzzer compile the same text.
 */
#ifndef IPOIB_DISC_PROTO_H
#define IPOIB_DISC_PROTO_H

#include "ipoib_proto.h"

#ifndef __KERNEL__
typedef __u64 u64;
typedef __s32 s32;
#endif

#define IPOIB_DISC_MAGIC	0x49425144	/* "IBQD" */
#define IPOIB_DISC_VERSION	1
#define IPOIB_DISC_HDR_LEN	36
#define IPOIB_DISC_QUERY_LEN	56
#define IPOIB_DISC_ADV_MIN	44
/* Limits of version 1. */
#define IPOIB_DISC_QUEUES	16
#define IPOIB_DISC_BUCKETS	128
#define IPOIB_DISC_LIFETIME_MAX	3600
#define IPOIB_DISC_MAX_LEN						\
	(IPOIB_DISC_ADV_MIN + 4 * IPOIB_DISC_QUEUES + IPOIB_DISC_BUCKETS)

/**
 * enum ipoib_disc_type - kinds of messages
 * @IPOIB_DISC_QUERY: which queues do you have?
 * @IPOIB_DISC_ADVERTISE: these
 */
enum ipoib_disc_type {
	IPOIB_DISC_QUERY = 1,
	IPOIB_DISC_ADVERTISE = 2,
};

/**
 * struct ipoib_disc_msg - a message, decoded
 * @type: an enum ipoib_disc_type
 * @cookie: chosen by who asks, repeated by who answers
 * @target: hardware address of who is asked, as who asks knows it
 * @asker: hardware address of who asks; QUERY only
 * @generation: grows with every change of what follows; ADVERTISE only
 * @lifetime: how long it may be used, seconds
 * @n: number of queues, 1 to IPOIB_DISC_QUEUES
 * @buckets: entries of @table, 1 to IPOIB_DISC_BUCKETS
 * @qpn: QPN of each queue; the first is that of @target
 * @table: queue of each bucket of the flow hash
 */
struct ipoib_disc_msg {
	u8 type;
	u64 cookie;
	u8 target[20];
	u8 asker[20];
	u32 generation;
	u16 lifetime;
	u8 n;
	u8 buckets;
	u32 qpn[IPOIB_DISC_QUEUES];
	u8 table[IPOIB_DISC_BUCKETS];
};

static inline u32 ipoib_disc_get(const u8 *p, u32 bytes)
{
	u32 v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

static inline u8 *ipoib_disc_put(u8 *p, u32 v, u32 bytes)
{
	while (bytes--)
		*p++ = (v >> (8 * bytes)) & 0xff;
	return p;
}

/* Is it a QPN that a UD queue can have? 0 and 1 are management's, the highest
 * is multicast.
 */
static inline bool ipoib_disc_qpn_valid(u32 qpn)
{
	return qpn > 1 && qpn < 0xffffff;
}

/**
 * ipoib_disc_encode() - write a message
 * @m: message within the limits
 * @p: IPOIB_DISC_MAX_LEN bytes to fill
 *
 * Return: bytes used.
 */
static inline u32 ipoib_disc_encode(const struct ipoib_disc_msg *m, u8 *p)
{
	u8 *start = p;
	u32 i, len;

	len = m->type == IPOIB_DISC_QUERY ? IPOIB_DISC_QUERY_LEN :
	      IPOIB_DISC_ADV_MIN + 4u * m->n + m->buckets;
	p = ipoib_disc_put(p, IPOIB_DISC_MAGIC, 4);
	p = ipoib_disc_put(p, IPOIB_DISC_VERSION, 1);
	p = ipoib_disc_put(p, m->type, 1);
	p = ipoib_disc_put(p, len, 2);
	p = ipoib_disc_put(p, m->cookie >> 32, 4);
	p = ipoib_disc_put(p, (u32)m->cookie, 4);
	memcpy(p, m->target, sizeof(m->target));
	p += sizeof(m->target);
	if (m->type == IPOIB_DISC_QUERY) {
		memcpy(p, m->asker, sizeof(m->asker));
		return len;
	}
	p = ipoib_disc_put(p, m->generation, 4);
	p = ipoib_disc_put(p, m->lifetime, 2);
	p = ipoib_disc_put(p, m->n, 1);
	p = ipoib_disc_put(p, m->buckets, 1);
	for (i = 0; i < m->n; i++)
		p = ipoib_disc_put(p, m->qpn[i], 4);
	memcpy(p, m->table, m->buckets);
	return p + m->buckets - start;
}

static inline bool ipoib_disc_decode_adv(const u8 *p, u32 len,
					 struct ipoib_disc_msg *m)
{
	u32 i;

	if (len < IPOIB_DISC_ADV_MIN)
		return false;
	m->generation = ipoib_disc_get(p + 36, 4);
	m->lifetime = ipoib_disc_get(p + 40, 2);
	m->n = p[42];
	m->buckets = p[43];
	if (!m->n || m->n > IPOIB_DISC_QUEUES || !m->buckets ||
	    m->buckets > IPOIB_DISC_BUCKETS || !m->lifetime ||
	    m->lifetime > IPOIB_DISC_LIFETIME_MAX ||
	    len != IPOIB_DISC_ADV_MIN + 4u * m->n + m->buckets)
		return false;
	p += IPOIB_DISC_ADV_MIN;
	for (i = 0; i < m->n; i++, p += 4) {
		m->qpn[i] = ipoib_disc_get(p, 4);
		if (!ipoib_disc_qpn_valid(m->qpn[i]))
			return false;
	}
	memcpy(m->table, p, m->buckets);
	for (i = 0; i < m->buckets; i++) {
		if (m->table[i] >= m->n)
			return false;
	}
	return m->qpn[0] == ipoib_hw_qpn(m->target);
}

/**
 * ipoib_disc_decode() - read and judge a message
 * @p: what follows the encapsulation header
 * @len: bytes of it
 * @m: filled in; of no meaning if the message is refused
 *
 * Return: true if it is a well-formed message of this version.
 */
static inline bool ipoib_disc_decode(const u8 *p, u32 len,
				     struct ipoib_disc_msg *m)
{
	memset(m, 0, sizeof(*m));
	if (len < IPOIB_DISC_HDR_LEN || len > IPOIB_DISC_MAX_LEN ||
	    ipoib_disc_get(p, 4) != IPOIB_DISC_MAGIC ||
	    p[4] != IPOIB_DISC_VERSION || ipoib_disc_get(p + 6, 2) != len)
		return false;
	m->type = p[5];
	m->cookie = (u64)ipoib_disc_get(p + 8, 4) << 32 |
		    ipoib_disc_get(p + 12, 4);
	memcpy(m->target, p + 16, sizeof(m->target));
	if (m->type == IPOIB_DISC_ADVERTISE)
		return ipoib_disc_decode_adv(p, len, m);
	if (m->type != IPOIB_DISC_QUERY || len != IPOIB_DISC_QUERY_LEN)
		return false;
	memcpy(m->asker, p + 36, sizeof(m->asker));
	return ipoib_disc_qpn_valid(ipoib_hw_qpn(m->asker));
}

/**
 * ipoib_disc_newer() - does one generation come after another?
 * @a: the one
 * @b: the other
 *
 * Return: true if @a was counted up from @b; numbers wrap around.
 */
static inline bool ipoib_disc_newer(u32 a, u32 b)
{
	return (s32)(a - b) > 0;
}

/**
 * struct ipoib_deal - whose turn it is when flows are dealt out
 * @n: number of queues
 * @total: sum of the weights
 * @weight: share of each queue
 * @credit: what each queue is owed
 */
struct ipoib_deal {
	u32 n;
	s32 total;
	s32 weight[IPOIB_DISC_QUEUES];
	s32 credit[IPOIB_DISC_QUEUES];
};

/**
 * ipoib_deal_init() - take the shares from an indirection table
 * @d: to fill
 * @n: number of queues
 * @table: queue of each bucket
 * @buckets: entries of @table
 */
static inline void ipoib_deal_init(struct ipoib_deal *d, u32 n, const u8 *table,
				   u32 buckets)
{
	u32 i;

	memset(d, 0, sizeof(*d));
	d->n = n;
	d->total = buckets;
	for (i = 0; i < buckets; i++)
		d->weight[table[i]]++;
}

/**
 * ipoib_deal_next() - deal one flow
 * @d: state
 *
 * The queue that is owed most gets it. After any number of flows each queue
 * has its share of them, to less than two flows.
 *
 * Return: queue.
 */
static inline u32 ipoib_deal_next(struct ipoib_deal *d)
{
	u32 i, best = 0;

	for (i = 0; i < d->n; i++) {
		d->credit[i] += d->weight[i];
		if (!d->weight[best] ||
		    (d->weight[i] && d->credit[i] > d->credit[best]))
			best = i;
	}
	d->credit[best] -= d->total;
	return best;
}

#endif /* IPOIB_DISC_PROTO_H */
