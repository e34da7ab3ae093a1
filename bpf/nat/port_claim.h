/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The claim of an external port is the insertion into the reply index, so two CPUs can never have the same one. A port
 * that the host itself uses is not claimed.
 */
#ifndef MASQ_BPF_NAT_PORT_CLAIM_H
#define MASQ_BPF_NAT_PORT_CLAIM_H

#include "bpf/nat/port_known.h"
#include "bpf/nat/state.h"
#include "bpf/packet/protocol.h"

/* Flows of the host in protocols without a socket look-up, and the tick of the last packet. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, tuple_t);
	__type(value, __u32);
} node_flows_map SEC(".maps");

enum claim_result {
	CLAIMED = INSERTED,
	CLAIM_TAKEN = INSERT_EXISTS,    /* by a mapping */
	CLAIM_CROWDED = INSERT_CROWDED, /* there is no room in the index */
	CLAIM_HOST_SOCKET,
	CLAIM_UNFAIR, /* the pod has its share of the ports */
};

#if FAMILY == 4
#define SOCKET_TUPLE_SIZE sizeof(((struct bpf_sock_tuple *)0)->ipv4)
#else
#define SOCKET_TUPLE_SIZE sizeof(((struct bpf_sock_tuple *)0)->ipv6)
#endif

/* The host has sent packets of this flow within the timeout of a mapping (host_flow.h). */
__noinline int host_has_flow(__u32 slot)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	tuple_t key;
	__u32 *tick;

	if (!c || !m || m->flow.kind != MASQ_KIND_CONNECTION)
		return false;
	mapping_reply_key(m, &key);
	tick = bpf_map_lookup_elem(&node_flows_map, &key);
	return tick && c->clock - *tick < mapping_timeout(m);
}

/* A packet from the flow's destination to this local address and port. */
static __always_inline void socket_tuple(struct bpf_sock_tuple *t, const tuple_t *flow, const addr_t *local,
					 __be16 local_port)
{
#if FAMILY == 4
	t->ipv4.saddr = flow->dst.word[0];
	t->ipv4.daddr = local->word[0];
	t->ipv4.sport = flow->dport;
	t->ipv4.dport = local_port;
#else
	__builtin_memcpy(t->ipv6.saddr, &flow->dst, sizeof(addr_t));
	__builtin_memcpy(t->ipv6.daddr, local, sizeof(addr_t));
	t->ipv6.sport = flow->dport;
	t->ipv6.dport = local_port;
#endif
}

/* A host socket listens on this port, or has this connection: a mapping would take its packets. */
__noinline int port_has_socket(ctx_t *ctx, __u32 slot)
{
	struct bpf_sock_tuple t = {};
	mapping_t *m = slot_at(slot);

	if (!m || m->flow.kind != MASQ_KIND_CONNECTION)
		return false;
	socket_tuple(&t, &m->flow, &m->external, m->external_port);
	return ctx_has_socket(ctx, m->flow.protocol, &t, SOCKET_TUPLE_SIZE, true);
}

/* `flow` as the host would send it: the host has this connection, or a socket for this datagram. */
static __always_inline bool host_has_connection(ctx_t *ctx, const tuple_t *flow)
{
	struct bpf_sock_tuple t = {};

	socket_tuple(&t, flow, &flow->src, flow->sport);
	return ctx_has_socket(ctx, flow->protocol, &t, SOCKET_TUPLE_SIZE, false);
}

/* Claims the external port of a slot, for its pod's share. Returns enum claim_result. Inline: without a stack frame. */
static __always_inline int port_claim_inline(ctx_t *ctx, __u32 slot)
{
	struct port_search *search = port_search_get();
	mapping_t *m = slot_at(slot);
	tuple_t *key;
	int result;

	if (!m || !search)
		return CLAIM_CROWDED;
	key = &search->endpoint; /* the stack has no room for it */
	mapping_reply_key(m, key);
	result = insert_reply(key, slot);
	if (result == CLAIMED &&
	    (transport_of(m->flow.protocol) == TRANSPORT_PORTS ? port_has_socket(ctx, slot) : host_has_flow(slot))) {
		remove_reply(key, slot);
		return CLAIM_HOST_SOCKET;
	}
	if (result == CLAIMED)
		port_enter(m, slot);
	return result;
}

__noinline int port_claim(ctx_t *ctx, __u32 slot)
{
	return port_claim_inline(ctx, slot);
}

#endif
