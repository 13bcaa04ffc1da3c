/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints: what waits, what is asked of the fabric, what it answers. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ipoib

#if !defined(IPOIB_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define IPOIB_TRACE_H

#include <linux/netdevice.h>
#include <linux/tracepoint.h>
#include <rdma/ib_verbs.h>

#include "ipoib_proto.h"

/* Something about a GID: a path or a group. */
DECLARE_EVENT_CLASS(ipoib_gid,
		    TP_PROTO(const struct net_device *dev,
			     const union ib_gid *gid, int value),
		    TP_ARGS(dev, gid, value),
		    TP_STRUCT__entry(__array(char, dev, IFNAMSIZ)
				     __array(u8, gid, IPOIB_GID_LEN)
				     __field(int, value)),
		    TP_fast_assign(memcpy(__entry->dev, dev->name, IFNAMSIZ);
				   memcpy(__entry->gid, gid->raw,
					  IPOIB_GID_LEN);
				   __entry->value = value;),
		    TP_printk("%s: %pI6 status %d", __entry->dev,
			      __entry->gid, __entry->value));

/* A path query starts; failed: how many did before it. */
DEFINE_EVENT_PRINT(ipoib_gid, ipoib_path_query,
		   TP_PROTO(const struct net_device *dev,
			    const union ib_gid *gid, int value),
		   TP_ARGS(dev, gid, value),
		   TP_printk("%s: %pI6 failed %d", __entry->dev, __entry->gid,
			     __entry->value));

/* A path query ended; status: 0 or -errno. */
DEFINE_EVENT(ipoib_gid, ipoib_path_answer,
	     TP_PROTO(const struct net_device *dev, const union ib_gid *gid,
		      int value),
	     TP_ARGS(dev, gid, value));

/* A join starts; kind: enum ipoib_join. */
DEFINE_EVENT_PRINT(ipoib_gid, ipoib_mcast_join,
		   TP_PROTO(const struct net_device *dev,
			    const union ib_gid *gid, int value),
		   TP_ARGS(dev, gid, value),
		   TP_printk("%s: %pI6 kind %d", __entry->dev, __entry->gid,
			     __entry->value));

/* A join or a membership ended; status: 0 or -errno. */
DEFINE_EVENT(ipoib_gid, ipoib_mcast_answer,
	     TP_PROTO(const struct net_device *dev, const union ib_gid *gid,
		      int value),
	     TP_ARGS(dev, gid, value));

/* A group is left; kind: enum ipoib_join. */
DEFINE_EVENT_PRINT(ipoib_gid, ipoib_mcast_leave,
		   TP_PROTO(const struct net_device *dev,
			    const union ib_gid *gid, int value),
		   TP_ARGS(dev, gid, value),
		   TP_printk("%s: %pI6 kind %d", __entry->dev, __entry->gid,
			     __entry->value));

/* What a connection request of a peer comes to; status: 0 or -errno. */
DEFINE_EVENT(ipoib_gid, ipoib_cm_accept,
	     TP_PROTO(const struct net_device *dev, const union ib_gid *gid,
		      int value),
	     TP_ARGS(dev, gid, value));

/* An accepted connection ends; events: bits of enum ipoib_cm_event, 0: idle. */
DEFINE_EVENT_PRINT(ipoib_gid, ipoib_cm_leave,
		   TP_PROTO(const struct net_device *dev,
			    const union ib_gid *gid, int value),
		   TP_ARGS(dev, gid, value),
		   TP_printk("%s: %pI6 events 0x%x", __entry->dev,
			     __entry->gid, __entry->value));

/* The connection to a peer moves (enum ipoib_cm_state). */
TRACE_EVENT(ipoib_cm_peer,
	    TP_PROTO(const struct net_device *dev, const u8 *hwaddr, int from,
		     int to),
	    TP_ARGS(dev, hwaddr, from, to),
	    TP_STRUCT__entry(__array(char, dev, IFNAMSIZ)
			     __array(u8, gid, IPOIB_GID_LEN)
			     __field(u32, qpn)
			     __field(int, from)
			     __field(int, to)),
	    TP_fast_assign(memcpy(__entry->dev, dev->name, IFNAMSIZ);
			   memcpy(__entry->gid, ipoib_hw_gid(hwaddr),
				  IPOIB_GID_LEN);
			   __entry->qpn = ipoib_hw_qpn(hwaddr);
			   __entry->from = from;
			   __entry->to = to;),
	    TP_printk("%s: %pI6 qpn 0x%06x connection %d -> %d", __entry->dev,
		      __entry->gid, __entry->qpn, __entry->from, __entry->to));

/* A packet waits for a neighbour. */
TRACE_EVENT(ipoib_park,
	    TP_PROTO(const struct net_device *dev, const u8 *hwaddr,
		     u32 queued),
	    TP_ARGS(dev, hwaddr, queued),
	    TP_STRUCT__entry(__array(char, dev, IFNAMSIZ)
			     __array(u8, gid, IPOIB_GID_LEN)
			     __field(u32, qpn)
			     __field(u32, queued)),
	    TP_fast_assign(memcpy(__entry->dev, dev->name, IFNAMSIZ);
			   memcpy(__entry->gid, ipoib_hw_gid(hwaddr),
				  IPOIB_GID_LEN);
			   __entry->qpn = ipoib_hw_qpn(hwaddr);
			   __entry->queued = queued;),
	    TP_printk("%s: %pI6 qpn 0x%06x parked %u", __entry->dev,
		      __entry->gid, __entry->qpn, __entry->queued));

/* An RDMA event, and what it invalidates (enum ipoib_flush). */
TRACE_EVENT(ipoib_event,
	    TP_PROTO(const struct net_device *dev, int event, int flush),
	    TP_ARGS(dev, event, flush),
	    TP_STRUCT__entry(__array(char, dev, IFNAMSIZ)
			     __field(int, event)
			     __field(int, flush)),
	    TP_fast_assign(memcpy(__entry->dev, dev->name, IFNAMSIZ);
			   __entry->event = event;
			   __entry->flush = flush;),
	    TP_printk("%s: event %d flush %d", __entry->dev,
		      __entry->event, __entry->flush));

/* The state machine moves (enum ipoib_oper). */
TRACE_EVENT(ipoib_oper,
	    TP_PROTO(const struct net_device *dev, int from, int to),
	    TP_ARGS(dev, from, to),
	    TP_STRUCT__entry(__array(char, dev, IFNAMSIZ)
			     __field(int, from)
			     __field(int, to)),
	    TP_fast_assign(memcpy(__entry->dev, dev->name, IFNAMSIZ);
			   __entry->from = from;
			   __entry->to = to;),
	    TP_printk("%s: state %d -> %d", __entry->dev,
		      __entry->from, __entry->to));

/* A queue is looked after; flags: why (enum ipoib_queue_flag). */
TRACE_EVENT(ipoib_recover,
	    TP_PROTO(const struct net_device *dev, u32 queue,
		     unsigned long flags),
	    TP_ARGS(dev, queue, flags),
	    TP_STRUCT__entry(__array(char, dev, IFNAMSIZ)
			     __field(u32, queue)
			     __field(unsigned long, flags)),
	    TP_fast_assign(memcpy(__entry->dev, dev->name, IFNAMSIZ);
			   __entry->queue = queue;
			   __entry->flags = flags;),
	    TP_printk("%s: queue %u flags 0x%lx", __entry->dev,
		      __entry->queue, __entry->flags));

/* The stack reported a stuck queue. */
TRACE_EVENT(ipoib_tx_timeout,
	    TP_PROTO(const struct net_device *dev, u32 queue, u32 in_flight),
	    TP_ARGS(dev, queue, in_flight),
	    TP_STRUCT__entry(__array(char, dev, IFNAMSIZ)
			     __field(u32, queue)
			     __field(u32, in_flight)),
	    TP_fast_assign(memcpy(__entry->dev, dev->name, IFNAMSIZ);
			   __entry->queue = queue;
			   __entry->in_flight = in_flight;),
	    TP_printk("%s: queue %u, %u sends in flight", __entry->dev,
		      __entry->queue, __entry->in_flight));

#endif /* IPOIB_TRACE_H */

/* Found through -I$(src)/include. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE ipoib_trace
#include <trace/define_trace.h>
