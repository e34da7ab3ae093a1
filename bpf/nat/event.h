/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Events for `masq monitor`: samples, with a budget for each type; the counters are exact. An event is written directly
 * into the ring, because the functions that call these have almost no stack left.
 */
#ifndef MASQ_BPF_NAT_EVENT_H
#define MASQ_BPF_NAT_EVENT_H

#include "bpf/abi/event.h"
#include "bpf/nat/slots.h"

/* Of both families together: weak, so that the linker makes the two engines' definitions one. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, MASQ_EVENTS_BYTES);
} events __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_monitor);
} monitor __weak SEC(".maps");

/* Compares with the clock of the last sweep, which is at most one tick behind: reading it is cheap. */
static __always_inline bool event_is_wanted(const struct masq_monitor *w, enum masq_event_type type)
{
	struct masq_control *c = control_get();

	return c && (READ_ONCE(w->types) & (1u << type)) && (__s32)(c->clock - READ_ONCE(w->until)) < 0;
}

/* Counts an event of this tick. If two CPUs begin the tick at once, a few written events may be uncounted. */
static __always_inline bool event_is_within_budget(struct masq_monitor *w, enum masq_event_type type, __u32 tick)
{
	if (READ_ONCE(w->tick) != tick) {
		WRITE_ONCE(w->tick, tick);
		for (__u32 i = 0; i < MASQ_EVENT_TYPE_COUNT; i++)
			WRITE_ONCE(w->written_in_tick[i], 0);
	}
	return READ_ONCE(w->written_in_tick[type]) < MASQ_EVENTS_PER_TICK &&
	       __sync_fetch_and_add(&w->written_in_tick[type], 1) < MASQ_EVENTS_PER_TICK;
}

/*
 * Reserves an event of `flow` in the ring, to be submitted. Returns NULL if no reader wants it, or if it is lost and
 * counted.
 */
static __always_inline struct masq_event *event_begin(enum masq_event_type type, const tuple_t *flow, __u32 ifindex)
{
	__u32 zero = 0;
	struct masq_monitor *w = bpf_map_lookup_elem(&monitor, &zero);
	bool has_ports = flow->kind == MASQ_KIND_CONNECTION;
	struct masq_event *e = NULL;
	__u64 now;

	if (!w || !event_is_wanted(w, type))
		return NULL;
	now = bpf_ktime_get_boot_ns();
	if (event_is_within_budget(w, type, now >> MASQ_TICK_SHIFT))
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&w->lost[type], 1);
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time = now;
	__builtin_memcpy(&e->pod, &flow->src, sizeof(addr_t));
	__builtin_memcpy(&e->remote, &flow->dst, sizeof(addr_t));
	e->pod_port = has_ports ? flow->sport : 0;
	e->remote_port = has_ports ? flow->dport : 0;
	e->family = FAMILY;
	e->type = type;
	e->protocol = flow->protocol;
	e->ifindex = ifindex;
	return e;
}

static __always_inline void event_of_mapping(enum masq_event_type type, const mapping_t *m, __u32 ifindex)
{
	struct masq_event *e;

	if (m->reason != MASQ_REASON_TRANSLATED || m->flow.kind != MASQ_KIND_CONNECTION || (m->flags & MASQ_STILLBORN))
		return;
	e = event_begin(type, &m->flow, ifindex);
	if (!e)
		return;
	__builtin_memcpy(&e->external, &m->external, sizeof(addr_t));
	e->external_port = m->external_port;
	e->state = m->state;
	bpf_ringbuf_submit(e, 0);
}

__noinline int event_created(const mapping_t *m, __u32 ifindex)
{
	if (m)
		event_of_mapping(MASQ_EVENT_CREATED, m, ifindex);
	return 0;
}

__noinline int event_ended(const mapping_t *m)
{
	if (m)
		event_of_mapping(MASQ_EVENT_ENDED, m, 0);
	return 0;
}

__noinline int event_drop(const tuple_t *flow, __u32 ifindex, __u32 direction, __u32 reason)
{
	struct masq_event *e;

	if (!flow)
		return 0;
	e = event_begin(MASQ_EVENT_DROP, flow, ifindex);
	if (!e)
		return 0;
	e->direction = direction;
	e->reason = reason;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#endif
