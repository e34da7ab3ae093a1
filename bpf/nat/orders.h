/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mappings that forward nothing: by an order of the agent (enum masq_order: user space writes it, the engine acts on
 * it at the next packet), or because the pod has begun another connection under the same port.
 */
#ifndef MASQ_BPF_NAT_ORDERS_H
#define MASQ_BPF_NAT_ORDERS_H

#include "bpf/nat/index.h"

/* No packet of it passes, and no packet keeps it alive. */
static __always_inline bool mapping_is_quarantined(const mapping_t *m)
{
	return (m->flags & MASQ_RESTING) || m->order == MASQ_ORDER_REST || m->order == MASQ_ORDER_HOLD;
}

/* The reason by which an order drops a packet from either side. */
static __always_inline __u32 order_reason(__u8 order)
{
	return order == MASQ_ORDER_WAIT ? MASQ_REASON_ADDRESS_UNAVAILABLE : MASQ_REASON_QUARANTINED;
}

/* Quarantines a mapping: it keeps its port, and its flow is free for a new mapping (RFC 7857 2.2). */
static __always_inline void mapping_quarantine(mapping_t *m, __u32 slot)
{
	tuple_t flow = m->flow;

	m->flags |= MASQ_RESTING;
	m->state = MASQ_STATE_CLOSING;
	remove_flow(&flow, slot);
}

#endif
