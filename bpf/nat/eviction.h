/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Room in a full table: unanswered connections are evicted. Established mappings never are. */
#ifndef MASQ_BPF_NAT_EVICTION_H
#define MASQ_BPF_NAT_EVICTION_H

#include "bpf/nat/index.h"
#include "bpf/nat/state.h"
#include "bpf/nat/unlink.h"
#include "bpf/packet/loop.h"

#define EVICT_PROBES 512
#define EVICT_RUN 16 /* neighbours, before the next random position: established mappings form long runs */

struct eviction {
	__u32 position;
	__u32 slots;
	__u32 clock;
	const addr_t *pod; /* NULL: a mapping of any pod; else a bypass entry of this one */
	__u32 account;
	__u32 slot; /* NO_SLOT: none was found */
};

/* Unanswered for a second. */
static __always_inline bool may_be_evicted(const mapping_t *m, const struct eviction *search)
{
	if (m->slot != MASQ_SLOT_LINKED || m->state != MASQ_STATE_NEW ||
	    (__s32)(search->clock - m->created) < REFRESH_TICKS)
		return false;
	if (!search->pod)
		return mapping_has_port(m);
	return !mapping_has_port(m) && !(m->flags & MASQ_CHARGED) && m->account == search->account &&
	       addr_equal(&m->flow.src, search->pod);
}

/* Returns the next slot of the search if it may be evicted, else NO_SLOT. */
static __always_inline __u32 eviction_next(const __u32 *key, struct eviction *search)
{
	mapping_t *m;

	if (*key % EVICT_RUN == 0)
		search->position = bpf_get_prandom_u32() % search->slots;
	else if (++search->position >= search->slots)
		search->position = 0;
	m = slot_at(search->position);
	return m && may_be_evicted(m, search) ? search->position : NO_SLOT;
}

static long eviction_step(void *map, __u32 *key, __u8 *value, struct eviction *search)
{
	__u32 slot, seen;
	mapping_t *m;

	if (*key >= EVICT_PROBES)
		return 1;
	slot = eviction_next(key, search);
	m = slot_at(slot);
	if (!m)
		return 0;
	seen = READ_ONCE(m->seen);
	if (search->pod ? !slot_seize(slot, seen) : !seen || __sync_val_compare_and_swap(&m->seen, seen, 0) != seen)
		return 0;
	search->slot = slot;
	return 1;
}

/* Ends an entry that may be evicted: of random runs of slots, the first. Returns its slot, or NO_SLOT. */
static __always_inline __u32 eviction_run(struct masq_control *c, const addr_t *pod, __u32 account)
{
	struct eviction search = {.clock = c->clock, .pod = pod, .account = account, .slot = NO_SLOT};

	search.slots = c->unused;
	if (search.slots)
		bpf_for_each_map_elem(&steps_map, eviction_step, &search, 0);
	return search.slot;
}

/* Ends a half-open connection of any pod. The sweep frees its slot; until then a few spare slots serve. */
__noinline int evict_half_open(void)
{
	struct masq_control *c = control_get();

	return c && eviction_run(c, NULL, 0) != NO_SLOT;
}

/*
 * Ends an unanswered bypass entry of a pod, for another one of the same pod: the entry's slot remains charged to the
 * account. Returns its slot in phase BUILDING, or NO_SLOT. It has no grace period, as no packet is translated by it: a
 * program that still reads it meets another decision to bypass.
 */
__noinline __u32 evict_bypass(const addr_t *pod, __u32 account)
{
	struct masq_control *c = control_get();
	mapping_t *m;
	__u32 slot;

	if (!c || !pod)
		return NO_SLOT;
	slot = eviction_run(c, pod, account);
	m = slot_at(slot);
	if (!m)
		return NO_SLOT;
	remove_flow(&m->flow, slot);
	return slot;
}

#endif
