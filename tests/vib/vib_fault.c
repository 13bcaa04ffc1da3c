// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: fault injection. The set of rules, and the question whether one of
 * them strikes. Nothing but the module parameter seed makes up random
 * numbers: the same rules and the same traffic give the same faults.
 */

#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "vib_rule.h"

static unsigned long long seed = 1;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "seed of the fault rules' random numbers (default 1)");

DEFINE_STATIC_KEY_FALSE(vib_fault_key);

/* Writers hold the mutex, the data path reads under RCU. */
static DEFINE_MUTEX(vib_rule_mutex);
static LIST_HEAD(vib_rule_list);
static u32 vib_rule_last_id;

/* A rule speaks of what happens: does it strike this time? */
static bool vib_rule_strikes(struct vib_rule *rule)
{
	unsigned long flags;
	bool hit = false;
	u64 n;

	spin_lock_irqsave(&rule->lock, flags);
	rule->seen++;
	if (rule->seen <= rule->skip)
		goto out;
	if (rule->count && rule->hits >= rule->count)
		goto out;
	n = rule->seen - rule->skip;
	if (rule->every && do_div(n, rule->every))
		goto out;
	if (rule->ppm && prandom_u32_state(&rule->rnd) % 1000000 >= rule->ppm)
		goto out;
	rule->hits++;
	hit = true;
out:
	spin_unlock_irqrestore(&rule->lock, flags);
	return hit;
}

/* The action that acts at a place in the verbs half. */
static const enum vib_action vib_point_actions[VIB_FAULT_NUM] = {
	[VIB_FAULT_POST_SEND] = VIB_POST_SEND,
	[VIB_FAULT_CREATE_QP] = VIB_CREATE_QP,
	[VIB_FAULT_CREATE_CQ] = VIB_CREATE_CQ,
	[VIB_FAULT_CREATE_AH] = VIB_CREATE_AH,
	[VIB_FAULT_SLOW_AH] = VIB_SLOW_AH,
	[VIB_FAULT_RQ_EMPTY] = VIB_RQ_EMPTY,
	[VIB_FAULT_CQ_NOTIFY] = VIB_LOST_NOTIFY,
	[VIB_FAULT_SEND_STATUS] = VIB_WC_STATUS,
	[VIB_FAULT_RECV_STATUS] = VIB_WC_STATUS,
	[VIB_FAULT_STALL] = VIB_STALL,
};

/* Without a QPN, a rule leaves the management QPs 0 and 1 alone. */
static bool vib_rule_wants_qp(const struct vib_rule *rule,
			      enum vib_fault_point point, u32 key)
{
	switch (point) {
	case VIB_FAULT_CREATE_QP:
	case VIB_FAULT_CREATE_CQ:
	case VIB_FAULT_CREATE_AH:
	case VIB_FAULT_SLOW_AH:
		return true;
	default:
		return rule->qp == VIB_ANY ? key > 1 : rule->qp == key;
	}
}

/**
 * __vib_fault_hit() - vib_fault_hit() while there are rules
 * @hca: HCA
 * @point: place
 * @key: QPN, or 0 where the point has no QP
 *
 * Context: any, does not sleep.
 * Return: 0 for no; else the value armed with the fault.
 */
int __vib_fault_hit(struct vib_hca *hca, enum vib_fault_point point, u32 key)
{
	bool recv = point == VIB_FAULT_RECV_STATUS;
	struct vib_rule *rule;
	int value = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(rule, &vib_rule_list, entry) {
		if (rule->action != vib_point_actions[point])
			continue;
		if (rule->action == VIB_WC_STATUS && rule->recv != recv)
			continue;
		if (rule->hca != VIB_ANY && rule->hca != hca->idx)
			continue;
		if (!vib_rule_wants_qp(rule, point, key))
			continue;
		if (!vib_rule_strikes(rule))
			continue;
		value = rule->status ?: rule->ms ?: 1;
		break;
	}
	rcu_read_unlock();
	return value;
}

/* Nothing judges the copy again when its time has come. */
static void vib_pkt_repeat(struct vib_port *port, const struct vib_pkt *pkt,
			   enum vib_rule_dir dir, u32 ms)
{
	struct vib_pkt *copy = vib_pkt_clone(pkt, GFP_ATOMIC);

	if (copy)
		vib_delay_add(port, copy, dir, ms);
}

static struct vib_pkt *vib_pkt_reject(struct vib_pkt *pkt, u16 status)
{
	struct vib_pkt *own = pkt;

	if (refcount_read(&pkt->ref) > 1) {
		own = vib_pkt_clone(pkt, GFP_ATOMIC);
		vib_pkt_put(pkt);
	}
	if (own)
		((struct ib_mad_hdr *)own->data)->status = cpu_to_be16(status);
	return own;
}

/**
 * __vib_fault_pkt() - vib_fault_pkt() while there are rules
 * @port: port of an HCA
 * @pkt: packet that leaves or reaches @port; the reference is consumed
 * @dir: which of the two
 *
 * Context: any, under rcu_read_lock().
 * Return: the packet to go on with, or NULL.
 */
struct vib_pkt *__vib_fault_pkt(struct vib_port *port, struct vib_pkt *pkt,
				enum vib_rule_dir dir)
{
	struct vib_rule *rule;

	list_for_each_entry_rcu(rule, &vib_rule_list, entry) {
		if (rule->action > VIB_REJECT ||
		    !vib_rule_matches(rule, port, pkt, dir) ||
		    !vib_rule_strikes(rule))
			continue;
		if (rule->action == VIB_REJECT) {
			pkt = vib_pkt_reject(pkt, rule->status);
			if (!pkt)
				return NULL;
			continue;
		}
		if (rule->action == VIB_REPEAT) {
			vib_pkt_repeat(port, pkt, dir, rule->ms);
			continue;
		}
		if (rule->action == VIB_DELAY)
			vib_delay_add(port, pkt, dir, rule->ms);
		else
			vib_pkt_put(pkt);
		return NULL;
	}
	return pkt;
}

static int vib_rule_add(const char *text)
{
	struct vib_rule *rule;
	int err;

	lockdep_assert_held(&vib_rule_mutex);
	rule = kzalloc(sizeof(*rule), GFP_KERNEL);
	if (!rule)
		return -ENOMEM;
	err = vib_rule_parse(rule, text);
	if (err) {
		kfree(rule);
		return err;
	}
	spin_lock_init(&rule->lock);
	rule->id = ++vib_rule_last_id;
	prandom_seed_state(&rule->rnd, seed + rule->id);
	list_add_tail_rcu(&rule->entry, &vib_rule_list);
	static_branch_inc(&vib_fault_key);
	return 0;
}

static void vib_rule_remove(struct vib_rule *rule)
{
	lockdep_assert_held(&vib_rule_mutex);
	list_del_rcu(&rule->entry);
	static_branch_dec(&vib_fault_key);
	kfree_rcu(rule, rcu);
}

static int vib_rule_remove_id(const char *text)
{
	struct vib_rule *rule;
	u32 id;

	lockdep_assert_held(&vib_rule_mutex);
	if (!kstrtou32(text, 0, &id)) {
		list_for_each_entry(rule, &vib_rule_list, entry) {
			if (rule->id == id) {
				vib_rule_remove(rule);
				return 0;
			}
		}
	}
	pr_err("vib: no fault rule '%s'\n", text);
	return -EINVAL;
}

/**
 * vib_fault_clear() - remove all rules; the next one is number 1 again
 *
 * Context: process, sleeps.
 */
void vib_fault_clear(void)
{
	struct vib_rule *rule;
	struct vib_rule *next;

	mutex_lock(&vib_rule_mutex);
	list_for_each_entry_safe(rule, next, &vib_rule_list, entry)
		vib_rule_remove(rule);
	vib_rule_last_id = 0;
	mutex_unlock(&vib_rule_mutex);
}

/**
 * vib_fault_command() - carry out what was written to the faults file
 * @text: a rule, "del <id>" or "clear"
 *
 * Context: process, sleeps.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int vib_fault_command(const char *text)
{
	int err;

	if (!strcmp(text, "clear")) {
		vib_fault_clear();
		return 0;
	}
	mutex_lock(&vib_rule_mutex);
	if (!strncmp(text, "del ", 4))
		err = vib_rule_remove_id(text + 4);
	else
		err = vib_rule_add(text);
	mutex_unlock(&vib_rule_mutex);
	return err;
}

/**
 * vib_fault_list() - list the rules with their hits
 * @seq: where to
 *
 * Context: process, sleeps.
 */
void vib_fault_list(struct seq_file *seq)
{
	struct vib_rule *rule;

	mutex_lock(&vib_rule_mutex);
	list_for_each_entry(rule, &vib_rule_list, entry)
		seq_printf(seq, "%u: hits=%llu seen=%llu %s\n", rule->id,
			   READ_ONCE(rule->hits), READ_ONCE(rule->seen),
			   rule->text);
	mutex_unlock(&vib_rule_mutex);
}
