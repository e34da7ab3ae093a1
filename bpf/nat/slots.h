/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Slots of the mapping table (docs/decisions/0001). A slot is written before an index names it, and is used again only
 * some ticks after no index names it any more: until then a program on another CPU may still read it.
 */
#ifndef MASQ_BPF_NAT_SLOTS_H
#define MASQ_BPF_NAT_SLOTS_H

#include "bpf/packet/family.h"

/* The table's slots. User space reads them through mmap, and ends mappings there. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, mapping_t);
} mappings_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_control);
} control_map SEC(".maps");

static __always_inline struct masq_control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control_map, &zero);
}

#define NO_SLOT ((__u32)-1)

/* Returns NULL if there is no such slot, also for NO_SLOT. */
static __always_inline mapping_t *slot_at(__u32 number)
{
	return bpf_map_lookup_elem(&mappings_map, &number);
}

static __always_inline bool tuple_equal(const tuple_t *a, const tuple_t *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	for (unsigned int i = 0; i < TUPLE_WORDS; i++)
		if (x[i] != y[i])
			return false;
	return true;
}

/* False for a stored decision: only the forward index names it, and it counts for no pod. */
static __always_inline bool mapping_has_port(const mapping_t *m)
{
	return m->reason == MASQ_REASON_TRANSLATED && m->flow.kind != MASQ_KIND_DATAGRAM_IN;
}

/* The key of a mapping in the reply index. */
static __always_inline void mapping_reply_key(const mapping_t *m, tuple_t *t)
{
	*t = m->flow;
	t->src = m->external;
	t->sport = m->external_port;
}

/* Takes a free slot. Returns its number, in phase BUILDING, or NO_SLOT. */
__noinline __u32 slot_take(void)
{
	struct masq_control *c = control_get();
	__u32 number;

	if (!c)
		return NO_SLOT;
	for (int try = 0; try < 8; try++) {
		__u64 head = READ_ONCE(c->free_list);
		__u32 first = (__u32)head;
		mapping_t *m;

		if (!first)
			break;
		m = slot_at(first - 1);
		if (!m)
			return NO_SLOT;
		/* The upper half changes with every push, so a slot that was taken and pushed again is noticed. */
		if (__sync_val_compare_and_swap(&c->free_list, head,
						(head & 0xffffffff00000000ull) | READ_ONCE(m->next)) == head) {
			m->slot = MASQ_SLOT_BUILDING;
			return first - 1;
		}
	}
	if (READ_ONCE(c->unused) >= options.slots)
		return NO_SLOT;
	number = __sync_fetch_and_add(&c->unused, 1);
	if (number >= options.slots) {
		__sync_fetch_and_add(&c->unused, -1);
		return NO_SLOT;
	}
	return number;
}

/* Frees a slot that no program can read any more. */
static __always_inline void slot_release(struct masq_control *c, mapping_t *m, __u32 number)
{
	m->slot = MASQ_SLOT_FREE;
	for (int try = 0; try < 4; try++) {
		__u64 head = READ_ONCE(c->free_list);

		WRITE_ONCE(m->next, (__u32)head);
		if (__sync_val_compare_and_swap(&c->free_list, head, ((head >> 32) + 1) << 32 | (number + 1)) == head)
			return;
	}
	m->slot = MASQ_SLOT_UNLINKED; /* the next sweep frees it */
}

#endif
