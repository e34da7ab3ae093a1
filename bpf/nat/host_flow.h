/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Host packets are not masqueraded, but they may collide with a mapping: a process of the host sends from the external
 * endpoint of a mapping to the same remote endpoint. It has bound the port since, or no look-up could find it before
 * (its pings, tunnels and IPsec). Replies can reach only one of them, and the address is the host's: the pod's mapping
 * ends, and the pod's next packet gets another port, or none.
 */
#ifndef MASQ_BPF_NAT_HOST_FLOW_H
#define MASQ_BPF_NAT_HOST_FLOW_H

#include "bpf/nat/mapping.h"

/* Packets that may be the first of a connection: of TCP, only a SYN. */
static __always_inline bool host_may_claim(const struct packet *p)
{
	return p->flow.protocol == IPPROTO_TCP ? packet_is_pure_syn(p) : p->may_initiate;
}

static __always_inline void mapping_preempt(const tuple_t *flow)
{
	mapping_t *m = slot_at(find_by_reply(flow));

	/* During a handover another datapath translates: these packets are the pod's. */
	if (m && m->order != MASQ_ORDER_HOLD)
		WRITE_ONCE(m->seen, 0);
}

static __always_inline void host_flow_record(const tuple_t *flow)
{
	struct masq_control *c = control_get();
	__u32 *tick = bpf_map_lookup_elem(&node_flows_map, flow), now;

	if (!c || (tick && c->clock - *tick < REFRESH_TICKS))
		return;
	now = c->clock;
	bpf_map_update_elem(&node_flows_map, flow, &now, BPF_ANY);
}

/* `flow` as the host sends it. Protocols with ports have a socket look-up; other flows are recorded. */
__noinline int host_claim(const tuple_t *flow)
{
	tuple_t key;

	if (!flow)
		return 0;
	key = *flow;
	mapping_preempt(&key);
	if (transport_of(key.protocol) == TRANSPORT_PORTS)
		return 0;
	host_flow_record(&key);
	if (flow_has_key(&key)) { /* replies may have another key */
		key.sport = key.dport = 0;
		mapping_preempt(&key);
		host_flow_record(&key);
	}
	return 0;
}

#endif
