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
#include "bpf/nat/unlink.h"

static __always_inline void mapping_fill(mapping_t *m, const tuple_t *flow, const addr_t *external, __u32 reason,
					 __u32 account, __u32 clock)
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
	m->pod_timestamp = 0;
	if (flow->protocol != IPPROTO_TCP)
		m->datagrams = 1;
	m->account = account;
	m->share = MASQ_SHARE_NONE;
	m->created = clock;
}

/* Makes a mapping alive and inserts its forward key. Returns false if another CPU was first, or the index is full. */
static __always_inline bool mapping_publish(__u32 slot, __u32 seen)
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
	pod_refund(&m->flow.src, m->account, CHARGE_MAPPING);
	__sync_fetch_and_add(&c->used, -1);
	m->created = c->clock;
	WRITE_ONCE(m->slot, MASQ_SLOT_UNLINKED);
	return 0;
}

/* A stored decision counts for the pod: as a mapping if it is CHARGED, else as a bypass. Returns as pod_charge(). */
static __always_inline long decision_charge(struct masq_control *c, const tuple_t *flow, const addr_t *to, __u32 flags,
					    __u32 account)
{
	__u32 limit;

	if (flags & MASQ_CHARGED) {
		limit = fair_limit(options.max_mappings_per_pod, options.max_mappings, READ_ONCE(c->used));
		return pod_charge(to, account, CHARGE_MAPPING, limit);
	}
	limit = fair_limit(options.max_left, options.max_left, READ_ONCE(c->left));
	return pod_charge(&flow->src, account, CHARGE_BYPASS, limit);
}

/* Takes a slot for a stored decision, and counts it. Returns NO_SLOT if the pod has its share, or the table is full. */
static __always_inline __u32 slot_for_decision(struct masq_control *c, const tuple_t *flow, const addr_t *to,
					       __u32 flags, __u32 *account)
{
	bool charged = flags & MASQ_CHARGED;
	long charge = decision_charge(c, flow, to, flags, *account);
	__u32 slot;

	if (charge < 0) /* one of the pod's own unanswered entries gives way */
		return charged ? NO_SLOT : evict_bypass(&flow->src, *account);
	*account = charge;
	slot = slot_take();
	if (slot == NO_SLOT)
		pod_refund(charged ? to : &flow->src, charge, charged ? CHARGE_MAPPING : CHARGE_BYPASS);
	else
		__sync_fetch_and_add(charged ? &c->used : &c->left, 1);
	return slot;
}

/*
 * Stores a decision without a mapping: the bypass of a connection, or the destination of a datagram from outside. If
 * there is no room for it, each packet is decided again.
 */
__noinline int decision_store(const tuple_t *flow, const addr_t *to, __u32 reason, __u32 flags, __u32 account)
{
	struct masq_control *c = control_get();
	mapping_t *m;
	__u32 slot;

	if (!c || !flow || !to)
		return 0;
	slot = slot_for_decision(c, flow, to, flags, &account);
	m = slot_at(slot);
	if (!m)
		return 0;
	mapping_fill(m, flow, to, reason, account, c->clock);
	m->flags = flags;
	if (mapping_publish(slot, c->clock))
		return true;
	slot_abandon(slot);
	return false;
}

static __always_inline void bypass_insert(const tuple_t *flow, __u32 reason, __u8 flags, __u32 account)
{
	addr_t none = {};

	decision_store(flow, &none, reason, flags, account);
}

/* The result of mapping_open() without a mapping. */
#define REFUSED(reason) (-1 - (int)(reason))
#define REFUSAL(result) ((__u32)(-1 - (result)))

/* The reason by which a connection is refused that has found no port. */
static __always_inline __u32 reason_of_claim(int result)
{
	if (result == CLAIM_TAKEN)
		return MASQ_REASON_NO_FREE_PORT;
	return result == CLAIM_UNFAIR ? MASQ_REASON_PORT_SHARE : MASQ_REASON_TABLE_FULL;
}

/*
 * Counts a new mapping for its pod. A pod that has its share of a table with half-open connections gets the room of one.
 * Returns as pod_charge(), or REFUSED(reason).
 */
__noinline long charge_for_pod(ctx_t *ctx, const tuple_t *flow)
{
	struct masq_control *c = control_get();
	__u32 most = options.max_mappings_per_pod, account = account_of_packet(ctx), fair;
	long charge;

	if (!c || !flow)
		return REFUSED(MASQ_REASON_TABLE_FULL);
	fair = fair_limit(most, options.max_mappings, READ_ONCE(c->used));
	charge = pod_charge(&flow->src, account, CHARGE_MAPPING, fair);
	if (charge >= 0)
		return charge;
	if (fair < most && evict_half_open())
		charge = pod_charge(&flow->src, account, CHARGE_MAPPING, most);
	else if (!fair)
		return REFUSED(MASQ_REASON_TABLE_FULL);
	return charge < 0 ? REFUSED(MASQ_REASON_POD_LIMIT) : charge;
}

/* Takes a slot for a new mapping. Returns its number, or REFUSED(reason). */
static __always_inline int slot_for_pod(ctx_t *ctx, struct masq_control *c, const tuple_t *flow, const addr_t *external)
{
	long account = charge_for_pod(ctx, flow);
	mapping_t *m;
	__u32 slot;

	if (account < 0)
		return account;
	slot = slot_take();
	m = slot_at(slot);
	if (!m) {
		pod_refund(&flow->src, account, CHARGE_MAPPING);
		return REFUSED(MASQ_REASON_TABLE_FULL);
	}
	__sync_fetch_and_add(&c->used, 1);
	mapping_fill(m, flow, external, MASQ_REASON_TRANSLATED, account, c->clock);
	return slot;
}

/*
 * Creates a mapping of `flow` to `external` under a free port, for the packet `p`. Returns the slot's number, or
 * REFUSED(reason). If two CPUs create one for the same flow, both use the same in the end.
 */
__noinline int mapping_open(ctx_t *ctx, const tuple_t *flow, const addr_t *external, const struct decision *d,
			    const struct packet *p)
{
	struct masq_control *c = control_get();
	mapping_t *m;
	int result, slot;

	if (!c || !flow || !external || !d || !p)
		return REFUSED(MASQ_REASON_TABLE_FULL);
	slot = slot_for_pod(ctx, c, flow, external);
	m = slot_at(slot);
	if (slot < 0 || !m)
		return slot < 0 ? slot : REFUSED(MASQ_REASON_TABLE_FULL);
	result = port_find(ctx, p, m, slot, d);
	if (result != CLAIMED) {
		mapping_abandon(slot, false);
		return REFUSED(reason_of_claim(result));
	}
	if (mapping_publish(slot, c->clock)) {
		if (flow->kind == MASQ_KIND_CONNECTION)
			__sync_fetch_and_add(&c->created, 1);
		event_created(m, ctx_ifindex(ctx));
		return slot;
	}
	mapping_abandon(slot, true);
	slot = find_by_flow(flow);
	return slot == (int)NO_SLOT ? REFUSED(MASQ_REASON_TABLE_FULL) : slot;
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
