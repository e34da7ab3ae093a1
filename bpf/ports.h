/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds an external port for a new mapping. The claim of a port is the insertion into the reply index, so two CPUs
 * can never have the same one. The pod's own port is kept when it is free and in range (or the identifier of an ICMP
 * query or of a datagram in fragments, whose space is 0-65535); else every port of the range is tried, from a random
 * one on and in strides, as taken ports stand in runs: 1 / (1 - fill) of them on the average, all of them at most, and
 * that at most once a tick for a remote endpoint. Of a protocol whose key we cannot change, that key is the only one.
 */
#ifndef MASQ_BPF_PORTS_H
#define MASQ_BPF_PORTS_H

#include "bpf/protocol.h"
#include "bpf/state.h"
#include "bpf/table.h"

#define IDENTIFIERS 65536
#define STRIDE 2654435761u /* a prime larger than any range: whatever a range's size is, strides meet all of it */

static __always_inline bool port_is_in_range(__u16 port)
{
	for (__u32 i = 0; i < MASQ_RANGES_MAX; i++) {
		if (i >= options.range_count)
			return false;
		if (port >= options.range[i].low && port <= options.range[i].high)
			return true;
	}
	return false;
}

static __always_inline __u16 port_at(__u32 position)
{
	for (__u32 i = 0; i < MASQ_RANGES_MAX; i++) {
		__u32 size;

		if (i >= options.range_count)
			return 0;
		size = options.range[i].high - options.range[i].low + 1;
		if (position < size)
			return options.range[i].low + position;
		position -= size;
	}
	return 0;
}

#if FAMILY == 4
#define SOCKET_TUPLE_SIZE sizeof(((struct bpf_sock_tuple *)0)->ipv4)
#else
#define SOCKET_TUPLE_SIZE sizeof(((struct bpf_sock_tuple *)0)->ipv6)
#endif

/* The node itself speaks this, or has done so as long as a mapping would live (node.h). */
__noinline int N(node_has_flow)(__u32 slot)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	tuple_t key;
	__u32 *tick;

	if (!c || !m || m->flow.kind != MASQ_KIND_CONNECTION)
		return false;
	mapping_reply_key(m, &key);
	tick = bpf_map_lookup_elem(&N(node_flows), &key);
	return tick && c->clock - *tick < mapping_timeout(m);
}

/* A socket of the node listens on this port, or has this very connection: it would lose its packets to us. */
__noinline int N(port_has_socket)(struct __sk_buff *skb, __u32 slot)
{
	struct bpf_sock_tuple t = {};
	mapping_t *m = slot_at(slot);
	struct bpf_sock *sk;

	if (!m || m->flow.kind != MASQ_KIND_CONNECTION)
		return false;

#if FAMILY == 4
	t.ipv4.saddr = m->flow.dst.word[0];
	t.ipv4.daddr = m->external.word[0];
	t.ipv4.sport = m->flow.dport;
	t.ipv4.dport = m->external_port;
#else
	__builtin_memcpy(t.ipv6.saddr, &m->flow.dst, sizeof(addr_t));
	__builtin_memcpy(t.ipv6.daddr, &m->external, sizeof(addr_t));
	t.ipv6.sport = m->flow.dport;
	t.ipv6.dport = m->external_port;
#endif
	if (m->flow.protocol == IPPROTO_TCP)
		sk = bpf_skc_lookup_tcp(skb, &t, SOCKET_TUPLE_SIZE, BPF_F_CURRENT_NETNS, 0);
	else if (m->flow.protocol == IPPROTO_UDP)
		sk = bpf_sk_lookup_udp(skb, &t, SOCKET_TUPLE_SIZE, BPF_F_CURRENT_NETNS, 0);
	else
		return false;
	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

/* Claims the external port that a slot has now: enum insert_result. */
__noinline int N(port_claim)(struct __sk_buff *skb, __u32 slot)
{
	mapping_t *m = slot_at(slot);
	tuple_t key;
	int result;

	if (!m)
		return INSERT_CROWDED;
	mapping_reply_key(m, &key);
	result = N(insert_reply)(&key, slot);
	if (result == INSERTED && (transport_of(m->flow.protocol) == TRANSPORT_PORTS ? N(port_has_socket)(skb, slot)
										     : N(node_has_flow)(slot))) {
		N(remove_reply)(&key, slot);
		result = INSERT_EXISTS;
	}
	return result;
}

struct port_search {
	struct __sk_buff *skb;
	__u32 slot;
	__u32 position;
	__u32 stride;
	__u32 total;
	__u32 tried;
	int result; /* enum insert_result */
};

static long port_search_step(void *map, __u32 *key, __u8 *value, struct port_search *search)
{
	mapping_t *m = slot_at(search->slot);

	if (!m || search->tried++ >= search->total)
		return 1;
	search->position += search->stride;
	if (search->position >= search->total)
		search->position -= search->total;
	m->external_port = bpf_htons(search->total == IDENTIFIERS ? search->position : port_at(search->position));
	search->result = N(port_claim)(search->skb, search->slot);
	return search->result == INSERT_EXISTS ? 0 : 1;
}

/* The remote endpoint, seen from the external address: ports toward it are searched, and run out, together. */
static __always_inline void exhausted_key(tuple_t *key, const mapping_t *m)
{
	mapping_reply_key(m, key);
	key->sport = 0;
}

/* Whether it was found out in this very tick that there is none: then nobody looks again, until one becomes free. */
__noinline int N(is_exhausted)(__u32 slot, __u32 clock)
{
	mapping_t *m = slot_at(slot);
	tuple_t key;
	__u32 *tick;

	if (!m)
		return false;
	exhausted_key(&key, m);
	tick = bpf_map_lookup_elem(&N(exhausted), &key);
	return tick && *tick == clock;
}

__noinline int N(exhausted_note)(__u32 slot, __u32 clock)
{
	mapping_t *m = slot_at(slot);
	tuple_t key;

	if (!m)
		return 0;
	exhausted_key(&key, m);
	return bpf_map_update_elem(&N(exhausted), &key, &clock, BPF_ANY);
}

static __always_inline __u32 protocol_class(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return MASQ_CLASS_TCP;
	case IPPROTO_UDP:
		return MASQ_CLASS_UDP;
	case ICMP_PROTOCOL:
		return MASQ_CLASS_ICMP;
	case PROTOCOL_SCTP:
		return MASQ_CLASS_SCTP;
	default:
		return MASQ_CLASS_OTHER;
	}
}

/* Counts a connection's search for a port: how many were looked at, and whether one was free. */
__noinline int N(search_count)(__u32 slot, __u32 attempts, __u32 found)
{
	__u32 zero = 0, bucket = 0;
	struct masq_births *births = bpf_map_lookup_elem(&N(births), &zero);
	mapping_t *m = slot_at(slot);

	if (!births || !m || m->flow.kind != MASQ_KIND_CONNECTION)
		return 0;
	while (bucket < MASQ_ATTEMPT_BUCKETS - 1 && attempts > 1u << bucket)
		bucket++;
	births->searches[bucket]++;
	births->attempts += attempts;
	if (found)
		births->created[protocol_class(m->flow.protocol)]++;
	return 0;
}

enum port_space {
	PORT_SPACE_RANGE,       /* the ports of the options */
	PORT_SPACE_IDENTIFIERS, /* 0-65535 */
	PORT_SPACE_FIXED,       /* the one that it has */
};

static __always_inline enum port_space port_space_of(const tuple_t *t)
{
	if (t->kind != MASQ_KIND_CONNECTION)
		return PORT_SPACE_IDENTIFIERS;
	switch (transport_of(t->protocol)) {
	case TRANSPORT_PORTS:
		return PORT_SPACE_RANGE;
	case TRANSPORT_QUERY:
		return PORT_SPACE_IDENTIFIERS;
	default:
		return PORT_SPACE_FIXED;
	}
}

/* Fills in external_port and claims it: INSERTED, or why not (INSERT_EXISTS: all are taken). */
static __always_inline int port_find(struct __sk_buff *skb, mapping_t *m, __u32 slot, __u32 clock)
{
	enum port_space space = port_space_of(&m->flow);
	struct port_search search = {
		.skb = skb,
		.slot = slot,
		.total = space == PORT_SPACE_RANGE ? options.port_count : IDENTIFIERS,
		.result = INSERT_EXISTS,
	};

	m->external_port = m->flow.sport;
	if (space != PORT_SPACE_RANGE || (!options.random_fully && port_is_in_range(bpf_ntohs(m->flow.sport))))
		search.result = N(port_claim)(skb, slot);
	if (search.result == INSERT_EXISTS && space != PORT_SPACE_FIXED && search.total && !N(is_exhausted)(slot, clock)) {
		search.position = bpf_get_prandom_u32() % search.total;
		search.stride = STRIDE % search.total;
		bpf_for_each_map_elem(&N(steps), port_search_step, &search, 0);
		if (search.result == INSERT_EXISTS)
			N(exhausted_note)(slot, clock);
	}
	N(search_count)(slot, search.tried + 1, search.result == INSERTED);
	return search.result;
}

#endif
