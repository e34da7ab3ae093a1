/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Room in a full table: half-open connections are evicted. Established mappings never are. */
#ifndef MASQ_BPF_NAT_EVICTION_H
#define MASQ_BPF_NAT_EVICTION_H

#include "bpf/nat/index.h"
#include "bpf/nat/state.h"
#include "bpf/packet/loop.h"

/*
 * Probes random runs of slots for a connection without a reply for a second, and ends it. The sweep frees its slot;
 * until then a few spare slots serve. Established mappings are never evicted.
 */
#define EVICT_PROBES 512
#define EVICT_RUN 16 /* neighbours, before the next random position: established mappings form long runs */

struct eviction {
	__u32 position;
	__u32 slots;
	__u32 clock;
	bool found;
};

static long eviction_step(void *map, __u32 *key, __u8 *value, struct eviction *search)
{
	mapping_t *m;
	__u32 seen;

	if (*key >= EVICT_PROBES)
		return 1;
	if (*key % EVICT_RUN == 0)
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

__noinline int evict_half_open(__u32 clock)
{
	struct masq_control *c = control_get();
	struct eviction search = {.clock = clock};

	if (!c || !c->unused)
		return false;
	search.slots = c->unused;
	bpf_for_each_map_elem(&steps_map, eviction_step, &search, 0);
	return search.found;
}

#endif
