/* SPDX-License-Identifier: GPL-2.0-only */
/* vib: management agents, of HCAs and of the switch. */
#ifndef VIB_AGENT_H
#define VIB_AGENT_H

#include "vib_fabric.h"

/* vib_dr.c */
bool vib_dr_request(struct vib_switch *sw, struct vib_pkt *pkt);
void vib_dr_response(struct vib_switch *sw, struct vib_pkt *pkt);

/**
 * struct vib_sma_req - an SMP at the agent of a node
 * @link: end port of the node
 * @in_port: port the SMP came in by
 * @set: SubnSet() rather than SubnGet()
 * @see_mkey: the sender may read the M_Key
 * @mod: attribute modifier
 * @data: attribute; the request on entry, the answer on return
 * @events: mask of enum ib_event_type that the request caused
 */
struct vib_sma_req {
	struct vib_link *link;
	u8 in_port;
	bool set;
	bool see_mkey;
	u32 mod;
	u8 *data;
	u32 events;
};

/**
 * enum vib_sma_verdict - what becomes of an SMP at an agent
 * @VIB_SMA_ANSWER: the SMP has become the answer
 * @VIB_SMA_DROP: nothing
 * @VIB_SMA_PASS: it is for the management agents of the host
 */
enum vib_sma_verdict {
	VIB_SMA_ANSWER,
	VIB_SMA_DROP,
	VIB_SMA_PASS,
};

/* vib_sma.c, vib_sma_port.c, vib_sma_switch.c: u16 = MAD status */
enum vib_sma_verdict vib_sma_answer(struct vib_link *link, u8 in_port,
				    bool ignore_mkey, struct ib_smp *smp,
				    u32 *events);
u16 vib_sma_portinfo(struct vib_sma_req *req, struct vib_link *link);
u16 vib_sma_switch_attr(struct vib_switch *sw, struct vib_sma_req *req,
			__be16 attr);
u16 vib_sma_pkeys(struct vib_sma_req *req, struct vib_port *port, u16 block,
		  u16 size);
u16 vib_sma_sl2vl(struct vib_sma_req *req, struct vib_link *link, u8 in);
u16 vib_sma_vlarb(struct vib_sma_req *req, struct vib_link *link);

/* vib_pma.c */
bool vib_pma_answer(struct vib_switch *sw, struct vib_link *link,
		    struct ib_mad *mad);
void vib_pma_read(const struct vib_port *port, struct vib_port_stats *sum);

/* vib_trap.c */
void vib_traps_init(struct vib_link *link);
void vib_traps_stop(struct vib_link *link);
void vib_trap_link_state(struct vib_switch *sw);
void vib_trap_bad_mkey(struct vib_link *link, const struct ib_smp *smp);
void vib_trap_repress(struct vib_link *link, const struct ib_smp *smp);

#endif /* VIB_AGENT_H */
