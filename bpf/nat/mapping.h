/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mapping creation. Lock-free ordering: the slot is written, its reply key is inserted (the claim of the port), the
 * mapping becomes alive, and only then the forward key names it. So no packet leaves under a port whose replies would
 * not be found, and of two first packets on two CPUs one uses the other's mapping.
 */
#ifndef MASQ_BPF_NAT_MAPPING_H
#define MASQ_BPF_NAT_MAPPING_H

#include "bpf/nat/event.h"
#include "bpf/nat/eviction.h"
#include "bpf/nat/orders.h"
#include "bpf/nat/port_find.h"
#include "bpf/nat/quota.h"
#include "bpf/nat/state.h"

static __always_inline void mapping_fill(mapping_t *m, const tuple_t *flow, const addr_t *external, __u32 reason,
					 __u32 clock)
{
	m->flow = *flow;
	m->external = *external;
	m->external_port = 0;
	m->reason = reason;
	m->state = MASQ_STATE_NEW;
	m->flags = 0;
	m->order = MASQ_ORDER_NONE;
	m->pod_ack = 0;
	m->pod_seq = 0;
	m->created = clock;
}

/* Makes a mapping alive and inserts its forward key. Returns false if another CPU was first, or the index is full. */
__noinline int mapping_publish(__u32 slot, __u32 seen)
{
	mapping_t *m = slot_at(slot);

	if (!m)
		return false;
	WRITE_ONCE(m->slot, MASQ_SLOT_LINKED);
	WRITE_ONCE(m->seen, seen);
	return insert_flow(&m->flow, slot) == INSERTED;
}

/* Ends a mapping whose creation failed: the sweep unlinks the slot and updates the counters. */
static __always_inline void slot_abandon(__u32 slot)
{
	mapping_t *m = slot_at(slot);

	if (!m)
		return;
	m->flags |= MASQ_STILLBORN;
	WRITE_ONCE(m->seen, 0);
	WRITE_ONCE(m->slot, MASQ_SLOT_LINKED);
}

/*
 * Undoes the creation of a mapping that no packet has used: it found no port, or another CPU was first. Quota and port
 * are free immediately, the slot after its grace period. The sweep may inspect the slot at the same time: it skips
 * BUILDING.
 */
__noinline int mapping_abandon(__u32 slot, __u32 has_port)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);

	if (!c || !m)
		return 0;
	WRITE_ONCE(m->slot, MASQ_SLOT_BUILDING);
	__sync_val_compare_and_swap(&m->seen, READ_ONCE(m->seen), 0);
	if (has_port)
		port_release(slot);
	pod_refund(&m->flow.src);
	__sync_fetch_and_add(&c->used, -1);
	m->created = c->clock;
	WRITE_ONCE(m->slot, MASQ_SLOT_UNLINKED);
	return 0;
}

/*
 * Stores a decision without a mapping: the bypass of a connection, or the destination of a datagram from outside. If
 * the table is full, each packet is decided again.
 */
__noinline int decision_store(const tuple_t *flow, const addr_t *to, __u32 reason, __u32 flags)
{
	struct masq_control *c = control_get();
	bool charged = flags & MASQ_CHARGED;
	mapping_t *m;
	__u32 slot;

	if (!c || !flow || !to || (charged ? c->used >= options.max_mappings : c->left >= options.max_left))
		return 0;
	if (charged && !pod_charge(to, options.max_mappings_per_pod))
		return 0;
	slot = slot_take();
	m = slot_at(slot);
	if (!m) {
		if (charged)
			pod_refund(to);
		return 0;
	}
	__sync_fetch_and_add(charged ? &c->used : &c->left, 1);
	mapping_fill(m, flow, to, reason, c->clock);
	m->flags = flags;
	if (mapping_publish(slot, c->clock))
		return true;
	slot_abandon(slot);
	return false;
}

static __always_inline void bypass_insert(const tuple_t *flow, __u32 reason, __u8 flags)
{
	addr_t none = {};

	decision_store(flow, &none, reason, flags);
}

/* The result of mapping_open() without a mapping. */
#define REFUSED(reason) (-1 - (int)(reason))
#define REFUSAL(result) ((__u32)(-1 - (result)))

/*
 * Creates a mapping of `flow` to `external` under a free port. Returns the slot's number, or REFUSED(reason). If two
 * CPUs create one for the same flow, both use the same in the end.
 */
__noinline int mapping_open(ctx_t *ctx, const tuple_t *flow, const addr_t *external, const struct decision *d)
{
	struct masq_control *c = control_get();
	mapping_t *m;
	__u32 slot;
	int result;

	if (!c || !flow || !external || !d ||
	    (READ_ONCE(c->used) >= options.max_mappings && !evict_half_open(c->clock)))
		return REFUSED(MASQ_REASON_TABLE_FULL);
	if (!pod_charge(&flow->src, options.max_mappings_per_pod))
		return REFUSED(MASQ_REASON_POD_LIMIT);
	slot = slot_take();
	m = slot_at(slot);
	if (!m) {
		pod_refund(&flow->src);
		return REFUSED(MASQ_REASON_TABLE_FULL);
	}
	__sync_fetch_and_add(&c->used, 1);
	mapping_fill(m, flow, external, MASQ_REASON_TRANSLATED, c->clock);
	result = port_find(ctx, m, slot, d);
	if (result != CLAIMED) {
		mapping_abandon(slot, false);
		return REFUSED(result == CLAIM_TAKEN ? MASQ_REASON_NO_FREE_PORT : MASQ_REASON_TABLE_FULL);
	}
	if (mapping_publish(slot, c->clock)) {
		if (flow->kind == MASQ_KIND_CONNECTION)
			__sync_fetch_and_add(&c->created, 1);
		event_created(m, ctx_ifindex(ctx));
		return slot;
	}
	mapping_abandon(slot, true);
	slot = find_by_flow(flow);
	return slot == NO_SLOT ? REFUSED(MASQ_REASON_TABLE_FULL) : (int)slot;
}

/* The tuple of a mapping by address alone, which receives packets under a key that no pod has sent. */
static __always_inline void wildcard_tuple(tuple_t *t, const tuple_t *flow)
{
	*t = *flow;
	t->sport = t->dport = 0;
}

static __always_inline mapping_t *reply_find(const tuple_t *flow)
{
	__u32 slot = find_by_reply(flow);
	tuple_t any;

	if (slot == NO_SLOT && flow_has_key(flow)) {
		wildcard_tuple(&any, flow);
		slot = find_by_reply(&any);
	}
	return slot_at(slot);
}

#endif
