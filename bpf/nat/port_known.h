/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known of the ports toward a busy remote endpoint (docs/decisions/0009, 0017): a bit for each port that is
 * taken, and a sample of those that could be taken from a conversation that is over (port_reclaim.h).
 *
 * The bits are a hint. A set bit may be stale, a clear bit may be of a port that was taken before the endpoint was busy:
 * there are at most BUSY_PORTS of these, and a search tries each of them once. There are more if the LRU has dropped the
 * element, or masqd has restarted: a search that meets so many asks the sweep to record the ports of all mappings. If a
 * search finds no port and the bits are older than a minute, they are reset: the LRU may have given the element to
 * another endpoint while a bit was written.
 */
#ifndef MASQ_BPF_NAT_PORT_KNOWN_H
#define MASQ_BPF_NAT_PORT_KNOWN_H

#include "bpf/nat/index.h"
#include "bpf/nat/share.h"
#include "bpf/nat/tcp_numbers.h"
#include "bpf/packet/protocol.h"
#include "bpf/policy/decide.h"

#define BUSY_PORTS 16 /* in use toward an endpoint, before its ports are recorded */
#define SAMPLE 32
#define CANDIDATES 64    /* a search looks at no more ports than these */
#define RECLAIM_TRIES 12 /* ports of the sample that a search tries: port_reclaim.h */
/*
 * How many ports a search looks at before these: one that fills the sample; another one; and one that follows a failure in
 * the same tick.
 */
#define FILLING_SEARCH (CANDIDATES - RECLAIM_TRIES)
#define LONG_SEARCH 28
#define SHORT_SEARCH 10

/* A port that could be taken back, as it was when it was probed. Of TCP: with the numbers that its SYN must exceed. */
struct probed_port {
	__be16 port; /* 0: none */
	__u8 rank;   /* enum reclaim_rank */
	__u8 zero;
	__u32 owner; /* a hash of the pod's account */
	__u32 seen;
	struct tcp_numbers numbers;
};

enum probe_state {
	PROBE_NONE,
	PROBE_BUSY,
	PROBE_IDLE, /* the conversation is over */
};

/* A port that was probed, and was taken. */
struct probe {
	__u32 owner; /* a hash of the pod that holds it */
	__u32 state; /* enum probe_state */
};

/* By remote endpoint. */
struct known_ports {
	__u64 taken[MASQ_PORTS / 64]; /* a bit for each port, by number */
	struct probed_port sample[SAMPLE];
	__u32 made;                 /* tick */
	__u32 exhausted;            /* the tick in which none was free; 0: none */
	__u32 freed;                /* the port that was released last */
	__u32 sampled;              /* the sample has been filled */
	struct probe probe[SAMPLE]; /* the last ones: what they tell of all ports */
	__u32 barren
		[2]; /* the tick in which the last attempts to take a port back failed: of any pod, and of the same */
	__u32 failures[2];
	__u32 probes; /* the number of all */
	__u32 cursor; /* of the order in which ports are probed: each port once, and then again */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, tuple_t);
	__type(value, struct known_ports);
} known_ports_map SEC(".maps");

/* State of a search: the stack has no room for it. */
struct port_search {
	tuple_t endpoint; /* a key, for the look-up that follows */
	__u32 word;       /* maps a position to a word of the bitmap: port_at_position() */
	__u32 position;
	__u32 half; /* of the search: the second pass begins, if the first one has left a port */
	__u32 end;
	__u32 tried;
	__u32 probed;
	__u32 limit;  /* of ports that it looks at before it takes those of the sample alone: port_sample.h */
	__u32 meets;  /* the first pass has met a port that is not known to be taken */
	__u32 order;  /* port_order.h */
	__u16 space;  /* enum port_space */
	__u16 result; /* enum claim_result without CLAIM_HOST_SOCKET */
	/* port_reclaim.h: the new connection */
	__u32 owner;
	__u32 is_syn;
	struct tcp_numbers syn;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct port_search);
} port_search_map SEC(".maps");

#define TRUST_TICKS 448 /* a minute */
#define SWEEP_TICKS 32  /* for one pass of the sweep over a large table */

__u32 recording = 0; /* the sweep records ports until this tick; 0: it does not */

static __always_inline bool sweep_is_recording(const struct masq_control *c)
{
	__u32 until = READ_ONCE(recording);

	return until && (__s32)(until - c->clock) > 0;
}

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

/* Begins, or begins anew, to record the ports toward a slot's remote endpoint. */
__noinline int known_ports_reset(__u32 slot, __u32 space)
{
	struct masq_control *c = control_get();
	struct port_search *search = port_search_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known;

	if (!c || !m || !search)
		return 0;
	endpoint_key(&search->endpoint, m, space);
	bpf_map_update_elem(&known_ports_map, &search->endpoint, &known_ports_empty, BPF_ANY);
	known = bpf_map_lookup_elem(&known_ports_map, &search->endpoint);
	if (known)
		known->made = c->clock;
	return true;
}

/* Returns what is known of the ports toward a slot's remote endpoint; begins to record it, if nothing is known. */
static __always_inline struct known_ports *known_ports_get(const mapping_t *m, __u32 slot, __u32 space)
{
	struct known_ports *known = known_ports_of(m, space);

	if (known)
		return known;
	known_ports_reset(slot, space);
	return known_ports_of(m, space);
}

static __always_inline __u32 space_of_share(__u32 share)
{
	switch (share) {
	case MASQ_SHARE_BELOW_512:
		return PORTS_BELOW_512;
	case MASQ_SHARE_BELOW_1024:
		return PORTS_BELOW_1024;
	default:
		return PORTS_OF_RANGES;
	}
}

/* Records the port of a slot toward a busy endpoint. */
__noinline int port_mark_taken(__u32 slot)
{
	mapping_t *m = slot_at(slot);
	struct known_ports *known;
	__u16 port;

	if (!m)
		return 0;
	known = known_ports_get(m, slot, space_of_share(m->share));
	if (!known)
		return 0;
	port = bpf_ntohs(m->external_port);
	__sync_fetch_and_or(&known->taken[port / 64], 1ull << (port % 64));
	return 0;
}

/* Counts the claimed port of a slot for its pod's share. */
static __always_inline void port_enter(const mapping_t *m, __u32 slot)
{
	if (m->share && share_enter(slot) >= BUSY_PORTS)
		port_mark_taken(slot);
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
	known->freed = port;
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

/* Releases a slot's port: its reply key, and its pod's share. The port remains marked as taken. */
__noinline int port_leave(__u32 slot)
{
	mapping_t *m = slot_at(slot);
	tuple_t key;

	if (!m)
		return 0;
	mapping_reply_key(m, &key);
	remove_reply(&key, slot);
	return share_leave(slot);
}

/* Releases a slot's port. */
static __always_inline void port_release(__u32 slot)
{
	port_leave(slot);
	port_mark_free(slot);
}

#endif
