// SPDX-License-Identifier: GPL-2.0-only
/*
 * vib: packets that a fault rule holds back.
 *
 * Lifetime: a held packet names a port. The release runs under
 * rcu_read_lock() from before it takes the packet off the list until the
 * packet is delivered, so an HCA that leaves takes its packets off the list,
 * waits for a grace period, and may then go.
 */

#include <linux/slab.h>

#include "vib_rule.h"

/**
 * struct vib_held - a packet that is held back
 * @entry: in the list, ordered by @due
 * @port: port it leaves or has reached
 * @pkt: the packet
 * @dir: which of the two
 * @due: when it goes on, jiffies
 */
struct vib_held {
	struct list_head entry;
	struct vib_port *port;
	struct vib_pkt *pkt;
	enum vib_rule_dir dir;
	unsigned long due;
};

static DEFINE_SPINLOCK(vib_held_lock);
static LIST_HEAD(vib_held_list);
static struct delayed_work vib_held_work;

/**
 * vib_delay_add() - hold a packet back
 * @port: port of an HCA
 * @pkt: packet that leaves or has reached @port; the reference is consumed
 * @dir: which of the two
 * @ms: for how long
 *
 * Packets that are held equally long keep their order.
 *
 * Context: any, under rcu_read_lock().
 */
void vib_delay_add(struct vib_port *port, struct vib_pkt *pkt,
		   enum vib_rule_dir dir, u32 ms)
{
	struct vib_held *held;
	struct vib_held *at;
	unsigned long flags;

	held = kmalloc(sizeof(*held), GFP_ATOMIC);
	if (!held) {
		vib_pkt_put(pkt);
		return;
	}
	held->port = port;
	held->pkt = pkt;
	held->dir = dir;
	held->due = jiffies + msecs_to_jiffies(ms);

	spin_lock_irqsave(&vib_held_lock, flags);
	list_for_each_entry_reverse(at, &vib_held_list, entry)
		if (!time_after(at->due, held->due))
			break;
	list_add(&held->entry, &at->entry);
	/* Under the lock, so that the timer always is that of the first. */
	if (list_is_first(&held->entry, &vib_held_list))
		mod_delayed_work(vib_fabric.wq, &vib_held_work,
				 msecs_to_jiffies(ms));
	spin_unlock_irqrestore(&vib_held_lock, flags);
}

static struct vib_held *vib_delay_next(void)
{
	struct vib_held *held;
	long left;

	spin_lock_irq(&vib_held_lock);
	held = list_first_entry_or_null(&vib_held_list, struct vib_held, entry);
	if (held) {
		left = held->due - jiffies;
		if (left > 0) {
			mod_delayed_work(vib_fabric.wq, &vib_held_work, left);
			held = NULL;
		} else {
			list_del(&held->entry);
		}
	}
	spin_unlock_irq(&vib_held_lock);
	return held;
}

static bool vib_delay_release(void)
{
	struct vib_held *held = vib_delay_next();
	struct vib_link *link;

	if (!held)
		return false;
	link = READ_ONCE(held->port->link);
	if (!link)
		vib_pkt_put(held->pkt);
	else if (held->dir == VIB_DIR_TX)
		vib_link_send(link, held->pkt);
	else
		vib_hca_receive(held->port, held->pkt);
	kfree(held);
	return true;
}

static void vib_delay_work(struct work_struct *work)
{
	bool more;

	do {
		local_bh_disable();
		rcu_read_lock();
		more = vib_delay_release();
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
	} while (more);
}

/**
 * vib_delay_forget_port() - lose what is held for a port
 * @port: port that nobody delays packets for any more
 *
 * Context: process, sleeps.
 */
void vib_delay_forget_port(struct vib_port *port)
{
	struct vib_held *held;
	struct vib_held *next;

	spin_lock_irq(&vib_held_lock);
	list_for_each_entry_safe(held, next, &vib_held_list, entry) {
		if (held->port != port)
			continue;
		list_del(&held->entry);
		vib_pkt_put(held->pkt);
		kfree(held);
	}
	spin_unlock_irq(&vib_held_lock);
	synchronize_rcu();
}

/**
 * vib_delay_init() - prepare to hold packets back
 */
void vib_delay_init(void)
{
	INIT_DELAYED_WORK(&vib_held_work, vib_delay_work);
}

/**
 * vib_delay_exit() - undo vib_delay_init()
 *
 * Context: process, sleeps. All HCAs are gone, and with them all packets.
 */
void vib_delay_exit(void)
{
	cancel_delayed_work_sync(&vib_held_work);
	WARN_ON(!list_empty(&vib_held_list));
}
