/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The claim of an external port is the insertion into the reply index, so two CPUs can never have the same one. A port
 * that the node itself uses is left to it.
 */
#ifndef MASQ_BPF_PORT_CLAIM_H
#define MASQ_BPF_PORT_CLAIM_H

#include "bpf/protocol.h"
#include "bpf/state.h"
#include "bpf/table.h"

enum claim_result {
	CLAIMED = INSERTED,
	CLAIM_TAKEN = INSERT_EXISTS,    /* by a mapping */
	CLAIM_CROWDED = INSERT_CROWDED, /* there is no room in the index */
	CLAIM_NODE_HAS_IT,
};

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
__noinline int N(port_has_socket)(ctx_t *ctx, __u32 slot)
{
	struct bpf_sock_tuple t = {};
	mapping_t *m = slot_at(slot);

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
	return ctx_has_socket(ctx, m->flow.protocol, &t, SOCKET_TUPLE_SIZE);
}

/* Claims the external port that a slot has now: enum claim_result. */
__noinline int N(port_claim)(ctx_t *ctx, __u32 slot)
{
	mapping_t *m = slot_at(slot);
	tuple_t key;
	int result;

	if (!m)
		return CLAIM_CROWDED;
	mapping_reply_key(m, &key);
	result = N(insert_reply)(&key, slot);
	if (result == CLAIMED && (transport_of(m->flow.protocol) == TRANSPORT_PORTS ? N(port_has_socket)(ctx, slot)
										    : N(node_has_flow)(slot))) {
		N(remove_reply)(&key, slot);
		result = CLAIM_NODE_HAS_IT;
	}
	return result;
}

#endif
