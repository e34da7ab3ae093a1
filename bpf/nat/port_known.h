/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Known ports toward a remote endpoint: a bit for each port that was found taken, so that a search tries it only once
 * while it is taken (docs/decisions/0009). It is a conservative hint: a set bit may be stale, a clear bit never is,
 * because a bit is set before the port is tried, and cleared when the port is released. If a search finds no port and
 * the bits are older than a minute, they are reset: the LRU may have given the element to another endpoint while a bit
 * was written.
 */
#ifndef MASQ_BPF_NAT_PORT_KNOWN_H
#define MASQ_BPF_NAT_PORT_KNOWN_H

#include "bpf/nat/index.h"
#include "bpf/packet/protocol.h"
#include "bpf/policy/decide.h"

/* By remote endpoint, of recent searches (port_search.h). */
struct known_ports {
	__u64 taken[MASQ_PORTS / 64]; /* a bit for each port, by number */
	__u32 ranges;                 /* options.ports_mark at the reset */
	__u32 made;                   /* tick */
	__u32 exhausted;              /* the tick in which none was free; 0: none */
	__u32 reserved;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__type(key, tuple_t);
	__type(value, struct known_ports);
} known_ports_map SEC(".maps");

/* State of a search: the stack has no room for it. */
struct port_search {
	tuple_t endpoint; /* key of known_ports */
	__u32 word;       /* maps a position to a word of the bitmap: port_at_position() */
	__u32 position;
	__u32 end;
	__u32 tried;
	__u32 order;  /* port_order.h */
	__u16 space;  /* enum port_space */
	__u16 result; /* enum claim_result without CLAIM_HOST_SOCKET */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct port_search);
} port_search_map SEC(".maps");

#define TRUST_TICKS 448 /* a minute */

static __always_inline bool port_space_is_class(__u32 space)
{
	return space == PORTS_BELOW_512 || space == PORTS_BELOW_1024;
}

/*
 * The key of known ports: external address and remote endpoint. Ports toward it are exhausted together, except for
 * those of a class below 1024: they have an element of their own.
 */
static __always_inline void endpoint_key(tuple_t *key, const mapping_t *m, __u32 space)
{
	mapping_reply_key(m, key);
	key->sport = port_space_is_class(space) ? space : 0;
}

static __always_inline struct port_search *port_search_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&port_search_map, &zero);
}

static __always_inline struct known_ports *known_ports_of(const mapping_t *m, __u32 space)
{
	struct port_search *search = port_search_get();

	if (!search)
		return NULL;
	endpoint_key(&search->endpoint, m, space);
	return bpf_map_lookup_elem(&known_ports_map, &search->endpoint);
}

static const struct known_ports known_ports_empty;

/* Resets the known ports toward a slot's remote endpoint. */
__noinline int known_ports_reset(__u32 slot, __u32 space)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known;
	tuple_t key;

	if (!c || !m)
		return 0;
	endpoint_key(&key, m, space);
	bpf_map_update_elem(&known_ports_map, &key, &known_ports_empty, BPF_ANY);
	known = bpf_map_lookup_elem(&known_ports_map, &key);
	if (known) {
		known->ranges = options.ports_mark;
		known->made = c->clock;
	}
	return true;
}

/* A search has found no free port. */
__noinline int known_ports_exhausted(__u32 slot, __u32 space)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known = m ? known_ports_of(m, space) : NULL;

	if (!c || !known)
		return 0;
	if (c->clock - known->made > TRUST_TICKS)
		return known_ports_reset(slot, space);
	known->exhausted = c->clock;
	return 0;
}

static __always_inline void known_ports_clear(const mapping_t *m, __u32 space)
{
	struct known_ports *known = known_ports_of(m, space);
	__u32 port = bpf_ntohs(m->external_port);

	if (!known)
		return;
	__sync_fetch_and_and(&known->taken[port / 64], ~(1ull << (port % 64)));
	known->exhausted = 0;
}

/* Clears the bit of a slot's port: it is free, or its state is unknown. */
__noinline int port_mark_free(__u32 slot)
{
	mapping_t *m = slot_at(slot);
	__u16 port;

	if (!m)
		return 0;
	known_ports_clear(m, PORTS_OF_RANGES);
	port = bpf_ntohs(m->external_port);
	if (port < 1024 && transport_of(m->flow.protocol) == TRANSPORT_PORTS)
		known_ports_clear(m, port < 512 ? PORTS_BELOW_512 : PORTS_BELOW_1024);
	return 0;
}

/* Releases a slot's port. */
__noinline int port_release(__u32 slot)
{
	mapping_t *m = slot_at(slot);
	tuple_t key;

	if (!m)
		return 0;
	mapping_reply_key(m, &key);
	remove_reply(&key, slot);
	return port_mark_free(slot);
}

#endif
