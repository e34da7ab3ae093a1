/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The birth of a mapping. The order makes every moment of it safe: the slot is written, its reply key claimed (the
 * claim of the port), the mapping comes alive, and only then the forward key names it. So a packet never leaves
 * under a port whose answers would not find back, and of two first packets on two CPUs one uses the other's mapping.
 */
#ifndef MASQ_BPF_MAPPING_H
#define MASQ_BPF_MAPPING_H

#include "bpf/event.h"
#include "bpf/policy/decide.h"
#include "bpf/ports.h"
#include "bpf/state.h"

/* Counts one more mapping for a pod; false: it has `share` of them. Without room to count, there is no limit. */
__noinline int N(pod_charge)(const addr_t *pod, __u32 share)
{
	__u32 *used, none = 0;
	addr_t key; /* on the stack: before Linux 6.2 no argument may be a map's key */

	if (!pod)
		return false;
	key = *pod;
	used = bpf_map_lookup_elem(&N(pods), &key);
	if (!used) {
		bpf_map_update_elem(&N(pods), &key, &none, BPF_NOEXIST);
		used = bpf_map_lookup_elem(&N(pods), &key);
		if (!used)
			return true;
	}
	if (READ_ONCE(*used) >= share)
		return false;
	__sync_fetch_and_add(used, 1);
	return true;
}

__noinline int N(pod_refund)(const addr_t *pod)
{
	addr_t key;
	__u32 *used;

	if (!pod)
		return 0;
	key = *pod;
	used = bpf_map_lookup_elem(&N(pods), &key);
	if (used && READ_ONCE(*used) && __sync_fetch_and_add(used, -1) == 1)
		bpf_map_delete_elem(&N(pods), &key);
	return 0;
}

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

/* From here on the mapping is found; false: another CPU made one meanwhile, or there is no room in the index. */
__noinline int N(mapping_publish)(__u32 slot, __u32 seen)
{
	mapping_t *m = slot_at(slot);

	if (!m)
		return false;
	WRITE_ONCE(m->slot, MASQ_SLOT_LINKED);
	WRITE_ONCE(m->seen, seen);
	return N(insert_flow)(&m->flow, slot) == INSERTED;
}

/* From here on it keeps its port from others, and its flow is free for a new one. */
static __always_inline void mapping_rest(mapping_t *m, __u32 slot)
{
	tuple_t flow = m->flow;

	m->flags |= MASQ_RESTING;
	m->state = MASQ_STATE_CLOSING;
	N(remove_flow)(&flow, slot);
}

/* The sweep takes it apart, and settles the accounts. */
static __always_inline void slot_give_up(__u32 slot)
{
	mapping_t *m = slot_at(slot);

	if (!m)
		return;
	m->flags |= MASQ_STILLBORN;
	WRITE_ONCE(m->seen, 0);
	WRITE_ONCE(m->slot, MASQ_SLOT_LINKED);
}

/*
 * A mapping that nobody has used: it found no port, or another CPU was first. Its share and its port are free at once, its
 * slot when nobody can look at it any more. The sweep, which may be looking at it now, leaves it alone while it is BUILDING.
 */
__noinline int N(mapping_abandon)(__u32 slot, __u32 has_port)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);

	if (!c || !m)
		return 0;
	WRITE_ONCE(m->slot, MASQ_SLOT_BUILDING);
	__sync_val_compare_and_swap(&m->seen, READ_ONCE(m->seen), 0);
	if (has_port)
		N(port_release)(slot);
	N(pod_refund)(&m->flow.src);
	__sync_fetch_and_add(&c->used, -1);
	m->created = c->clock;
	WRITE_ONCE(m->slot, MASQ_SLOT_UNLINKED);
	return 0;
}

/*
 * Remembers what was decided without a mapping: that a connection is left alone, or where a datagram from outside goes.
 * When there is no room, it is decided anew for each packet.
 */
__noinline int N(decision_remember)(const tuple_t *flow, const addr_t *to, __u32 reason, __u32 flags)
{
	struct masq_control *c = control_get();
	bool charged = flags & MASQ_CHARGED;
	mapping_t *m;
	__u32 slot;

	if (!c || !flow || !to || (charged ? c->used >= options.max_mappings : c->left >= options.max_left))
		return 0;
	if (charged && !N(pod_charge)(to, options.max_mappings_per_pod))
		return 0;
	slot = N(slot_take)();
	m = slot_at(slot);
	if (!m) {
		if (charged)
			N(pod_refund)(to);
		return 0;
	}
	__sync_fetch_and_add(charged ? &c->used : &c->left, 1);
	mapping_fill(m, flow, to, reason, c->clock);
	m->flags = flags;
	if (N(mapping_publish)(slot, c->clock))
		return true;
	slot_give_up(slot);
	return false;
}

static __always_inline void left_remember(const tuple_t *flow, __u32 reason, __u8 flags)
{
	addr_t none = {};

	N(decision_remember)(flow, &none, reason, flags);
}

/*
 * The table is full: a connection that nobody has answered for a second is the first to go. The sweep takes it apart;
 * until then there are a few slots more than mappings may be. What has been answered is never ended to make room.
 */
#define ROOM_LOOKS 512
#define ROOM_RUN 16 /* neighbours, before it looks elsewhere: what is answered stands in long runs */

struct room_search {
	__u32 position;
	__u32 slots;
	__u32 clock;
	bool found;
};

static long room_search_step(void *map, __u32 *key, __u8 *value, struct room_search *search)
{
	mapping_t *m;
	__u32 seen;

	if (*key >= ROOM_LOOKS)
		return 1;
	if (*key % ROOM_RUN == 0)
		search->position = bpf_get_prandom_u32() % search->slots;
	else if (++search->position >= search->slots)
		search->position = 0;
	m = slot_at(search->position);
	if (!m)
		return 1;
	seen = READ_ONCE(m->seen);
	if (!seen || m->slot != MASQ_SLOT_LINKED || m->state != MASQ_STATE_NEW || !mapping_has_port(m) ||
	    (__s32)(search->clock - m->created) < REFRESH_TICKS)
		return 0;
	search->found = __sync_val_compare_and_swap(&m->seen, seen, 0) == seen;
	return search->found;
}

__noinline int N(room_make)(__u32 clock)
{
	struct masq_control *c = control_get();
	struct room_search search = {.clock = clock};

	if (!c || !c->unused)
		return false;
	search.slots = c->unused;
	bpf_for_each_map_elem(&N(steps), room_search_step, &search, 0);
	return search.found;
}

/* What mapping_open() says when there is no mapping: why. */
#define REFUSED(reason) (-1 - (int)(reason))
#define REFUSAL(result) ((__u32)(-1 - (result)))

/*
 * Makes a mapping of `flow` to `external`, under a port that it finds: the slot's number, or REFUSED(reason). Of two
 * that were made at once, one is found in the end.
 */
__noinline int N(mapping_open)(ctx_t *ctx, const tuple_t *flow, const addr_t *external, const struct decision *d)
{
	struct masq_control *c = control_get();
	mapping_t *m;
	__u32 slot;
	int result;

	if (!c || !flow || !external || !d || (READ_ONCE(c->used) >= options.max_mappings && !N(room_make)(c->clock)))
		return REFUSED(MASQ_REASON_TABLE_FULL);
	if (!N(pod_charge)(&flow->src, options.max_mappings_per_pod))
		return REFUSED(MASQ_REASON_POD_LIMIT);
	slot = N(slot_take)();
	m = slot_at(slot);
	if (!m) {
		N(pod_refund)(&flow->src);
		return REFUSED(MASQ_REASON_TABLE_FULL);
	}
	__sync_fetch_and_add(&c->used, 1);
	mapping_fill(m, flow, external, MASQ_REASON_TRANSLATED, c->clock);
	result = port_find(ctx, m, slot, d);
	if (result != CLAIMED) {
		N(mapping_abandon)(slot, false);
		return REFUSED(result == CLAIM_TAKEN ? MASQ_REASON_NO_FREE_PORT : MASQ_REASON_TABLE_FULL);
	}
	if (N(mapping_publish)(slot, c->clock)) {
		if (flow->kind == MASQ_KIND_CONNECTION)
			__sync_fetch_and_add(&c->created, 1);
		N(event_made)(m, ctx_ifindex(ctx));
		return slot;
	}
	N(mapping_abandon)(slot, true);
	slot = N(find_by_flow)(flow);
	return slot == NO_SLOT ? REFUSED(MASQ_REASON_TABLE_FULL) : (int)slot;
}

/* The tuple of a mapping by address alone, which receives packets under a key that no pod has sent. */
static __always_inline void flow_without_key(tuple_t *t, const tuple_t *flow)
{
	*t = *flow;
	t->sport = t->dport = 0;
}

static __always_inline mapping_t *reply_find(const tuple_t *flow)
{
	__u32 slot = N(find_by_reply)(flow);
	tuple_t any;

	if (slot == NO_SLOT && flow_has_key(flow)) {
		flow_without_key(&any, flow);
		slot = N(find_by_reply)(&any);
	}
	return slot_at(slot);
}

#endif
