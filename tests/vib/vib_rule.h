/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: fault rules. */
#ifndef VIB_RULE_H
#define VIB_RULE_H

#include <linux/prandom.h>

#include "vib_fabric.h"

#define VIB_RULE_TEXT	160	/* longest rule, with its end */
#define VIB_ANY		(-1)	/* of a criterion: matches everything */

/**
 * enum vib_action - what a rule does
 * @VIB_DROP: loses packets
 * @VIB_DELAY: holds packets back
 * @VIB_REPEAT: sends packets once more
 * @VIB_REJECT: gives SA answers a bad status
 * @VIB_WC_STATUS: gives work completions a bad status
 * @VIB_POST_SEND: makes ib_post_send() fail
 * @VIB_CREATE_QP: makes ib_create_qp() fail
 * @VIB_CREATE_CQ: makes ib_create_cq() fail
 * @VIB_CREATE_AH: makes rdma_create_ah() fail
 * @VIB_SLOW_AH: makes rdma_create_ah() take its time where it may sleep
 * @VIB_RQ_EMPTY: makes a receive queue look empty
 * @VIB_LOST_NOTIFY: loses completion events
 * @VIB_STALL: makes the send queue of a datagram QP stand still
 * @VIB_NUM_ACTIONS: number of actions
 */
enum vib_action {
	VIB_DROP,
	VIB_DELAY,
	VIB_REPEAT,
	VIB_REJECT,
	VIB_WC_STATUS,
	VIB_POST_SEND,
	VIB_CREATE_QP,
	VIB_CREATE_CQ,
	VIB_CREATE_AH,
	VIB_SLOW_AH,
	VIB_RQ_EMPTY,
	VIB_LOST_NOTIFY,
	VIB_STALL,
	VIB_NUM_ACTIONS,
};

/* Does a packet leave the port, or has it reached it? */
enum vib_rule_dir {
	VIB_DIR_TX,
	VIB_DIR_RX,
};

/**
 * enum vib_class - packets by what they carry
 * @VIB_CLASS_SMP: subnet management
 * @VIB_CLASS_SA: subnet administration
 * @VIB_CLASS_CM: communication management
 * @VIB_CLASS_PMA: performance management
 * @VIB_CLASS_GSI: any packet to QP1
 * @VIB_CLASS_UD: datagrams to other QPs
 * @VIB_CLASS_RC: packets of reliable connections
 */
enum vib_class {
	VIB_CLASS_SMP,
	VIB_CLASS_SA,
	VIB_CLASS_CM,
	VIB_CLASS_PMA,
	VIB_CLASS_GSI,
	VIB_CLASS_UD,
	VIB_CLASS_RC,
};

/**
 * struct vib_rule - a fault rule
 * @entry: in the list of rules, RCU
 * @rcu: frees it
 * @id: names it
 * @action: enum vib_action
 * @hca: index of the HCA concerned, or VIB_ANY; as all criteria below
 * @qp: QPN on the side of that HCA
 * @class: enum vib_class
 * @attr: attribute ID of a MAD
 * @method: method of a MAD
 * @dir: enum vib_rule_dir
 * @by_mgid: @mgid is a criterion
 * @mgid: destination GID of a packet, or MGID of a group record
 * @recv: VIB_WC_STATUS: receives rather than sends
 * @status: MAD or completion status
 * @ms: delay, of the packet or its repetition or of the call, in milliseconds
 * @skip: matches to let pass before the first hit
 * @every: hit every nth match, 0 = all
 * @count: most hits, 0 = no limit
 * @ppm: probability of a hit per match in millionths, 0 = certain
 * @lock: protects all below; innermost
 * @rnd: PRNG of this rule
 * @seen: matches
 * @hits: times it struck
 * @text: as written, for listing
 */
struct vib_rule {
	struct list_head entry;
	struct rcu_head rcu;
	u32 id;
	enum vib_action action;
	s32 hca;
	s32 qp;
	s32 class;
	s32 attr;
	s32 method;
	s32 dir;
	bool by_mgid;
	union ib_gid mgid;
	bool recv;
	u32 status;
	u32 ms;
	u32 skip;
	u32 every;
	u32 count;
	u32 ppm;
	spinlock_t lock;	/* rnd, seen, hits */
	struct rnd_state rnd;
	u64 seen;
	u64 hits;
	char text[VIB_RULE_TEXT];
};

/* vib_rule.c */
int vib_rule_parse(struct vib_rule *rule, const char *text);

/* vib_match.c */
bool vib_rule_matches(const struct vib_rule *rule, const struct vib_port *port,
		      const struct vib_pkt *pkt, enum vib_rule_dir dir);

/* vib_delay.c */
void vib_delay_init(void);
void vib_delay_exit(void);
void vib_delay_forget_port(struct vib_port *port);
void vib_delay_add(struct vib_port *port, struct vib_pkt *pkt,
		   enum vib_rule_dir dir, u32 ms);

/* vib_fault.c */
struct seq_file;

int vib_fault_command(const char *text);
void vib_fault_list(struct seq_file *seq);
void vib_fault_clear(void);
struct vib_pkt *__vib_fault_pkt(struct vib_port *port, struct vib_pkt *pkt,
				enum vib_rule_dir dir);

/**
 * vib_fault_pkt() - let the fault rules judge a packet
 * @port: port of an HCA
 * @pkt: packet that leaves or reaches @port; the reference is consumed
 * @dir: which of the two
 *
 * Context: any, under rcu_read_lock().
 * Return: the packet to go on with, possibly altered, or NULL when it was
 * dropped or will follow later.
 */
static inline struct vib_pkt *vib_fault_pkt(struct vib_port *port,
					    struct vib_pkt *pkt,
					    enum vib_rule_dir dir)
{
	if (static_branch_unlikely(&vib_fault_key))
		return __vib_fault_pkt(port, pkt, dir);
	return pkt;
}

#endif /* VIB_RULE_H */
