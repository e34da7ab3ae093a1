/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known of the ports toward a remote endpoint: a bit for each that was found taken, so that a search looks at it
 * once while it stays so (docs/decisions/0009). It is a hint that errs to one side: a bit is set before the port is
 * looked at, and cleared when the port is released, so no free port is left out. It is begun anew when none was found
 * and it is older than a minute, lest a bit stays that was set in an element which the LRU had just given to another
 * endpoint.
 */
#ifndef MASQ_BPF_KNOWN_PORTS_H
#define MASQ_BPF_KNOWN_PORTS_H

#include "bpf/table.h"

#define TRUST_TICKS 448 /* a minute */

/* Another one for other ranges: what was known of the ports was known of these. */
static __always_inline __u32 range_mark(bool any_port)
{
	__u32 mark = 1;

	if (any_port)
		return mark;
	for (__u32 i = 0; i < MASQ_RANGES_MAX; i++) {
		if (i >= options.range_count)
			break;
		mark = (mark ^ options.range[i].low ^ ((__u32)options.range[i].high << 16)) * 0x9e3779b1u;
	}
	return mark;
}

/* The remote endpoint, seen from the external address: ports toward it are searched, and run out, together. */
static __always_inline void endpoint_key(tuple_t *key, const mapping_t *m)
{
	mapping_reply_key(m, key);
	key->sport = 0;
}

static __always_inline struct port_search *port_search_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&N(port_search), &zero);
}

static __always_inline struct known_ports *known_ports_of(const mapping_t *m)
{
	struct port_search *search = port_search_get();

	if (!search)
		return NULL;
	endpoint_key(&search->endpoint, m);
	return bpf_map_lookup_elem(&N(known_ports), &search->endpoint);
}

static const struct known_ports N(nothing_known);

/* Begins anew to learn what the ports toward a slot's remote endpoint are. */
__noinline int N(known_ports_begin)(__u32 slot, __u32 any_port)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known;
	tuple_t key;

	if (!c || !m)
		return 0;
	endpoint_key(&key, m);
	bpf_map_update_elem(&N(known_ports), &key, &N(nothing_known), BPF_ANY);
	known = bpf_map_lookup_elem(&N(known_ports), &key);
	if (known) {
		known->ranges = range_mark(any_port);
		known->made = c->clock;
	}
	return true;
}

/* None was free. */
__noinline int N(known_ports_exhausted)(__u32 slot, __u32 any_port)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known = m ? known_ports_of(m) : NULL;

	if (!c || !known)
		return 0;
	if (c->clock - known->made > TRUST_TICKS)
		return N(known_ports_begin)(slot, any_port);
	known->exhausted = c->clock;
	return 0;
}

/* A slot's port is free, or nobody knows whether it is. */
__noinline int N(port_forget)(__u32 slot)
{
	mapping_t *m = slot_at(slot);
	struct known_ports *known = m ? known_ports_of(m) : NULL;
	__u32 port;

	if (!known)
		return 0;
	port = bpf_ntohs(m->external_port);
	__sync_fetch_and_and(&known->taken[port / 64], ~(1ull << (port % 64)));
	known->exhausted = 0;
	return 0;
}

/* Gives a claim back, or the port of a mapping that has ended. */
__noinline int N(port_release)(__u32 slot)
{
	mapping_t *m = slot_at(slot);
	tuple_t key;

	if (!m)
		return 0;
	mapping_reply_key(m, &key);
	N(remove_reply)(&key, slot);
	return N(port_forget)(slot);
}

#endif
