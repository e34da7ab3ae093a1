/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the node itself sends is left alone, but it is looked at: a program of the node may speak from the very endpoint
 * that a pod's connection is mapped to, toward the same remote one, because it has claimed the port since, or because
 * nothing could tell us before (its own pings, tunnels and IPsec). Answers can be for one of them alone, and the address
 * is the node's: the pod's mapping ends, and gets another port, or none, at its next packet.
 */
#ifndef MASQ_BPF_NODE_H
#define MASQ_BPF_NODE_H

#include "bpf/mapping.h"

/* Packets that may be the first of a connection. An established TCP connection has said its SYN. */
static __always_inline bool node_may_claim(const struct packet *p)
{
	return p->flow.protocol == IPPROTO_TCP ? packet_is_pure_syn(p) : p->may_open;
}

static __always_inline void mapping_yield(const tuple_t *flow)
{
	mapping_t *m = slot_at(N(find_by_reply)(flow));

	/* What is held is translated by another datapath: these packets are the pod's. */
	if (m && m->order != MASQ_ORDER_HOLD)
		WRITE_ONCE(m->seen, 0);
}

static __always_inline void node_flow_note(const tuple_t *flow)
{
	struct masq_control *c = control_get();
	__u32 *tick = bpf_map_lookup_elem(&N(node_flows), flow), now;

	if (!c || (tick && c->clock - *tick < REFRESH_TICKS))
		return;
	now = c->clock;
	bpf_map_update_elem(&N(node_flows), flow, &now, BPF_ANY);
}

/* `flow` as the node sends it. Ports have sockets, which are looked up; what has none is noted. */
__noinline int N(node_claim)(const tuple_t *flow)
{
	tuple_t key;

	if (!flow)
		return 0;
	key = *flow;
	mapping_yield(&key);
	if (transport_of(key.protocol) == TRANSPORT_PORTS)
		return 0;
	node_flow_note(&key);
	if (flow_has_key(&key)) { /* what comes back may have another key */
		key.sport = key.dport = 0;
		mapping_yield(&key);
		node_flow_note(&key);
	}
	return 0;
}

#endif
