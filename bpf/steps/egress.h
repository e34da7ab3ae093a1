/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The steps of a packet that leaves by the uplink. */
#ifndef MASQ_BPF_STEPS_EGRESS_H
#define MASQ_BPF_STEPS_EGRESS_H

#include "bpf/nat/host_flow.h"
#include "bpf/nat/import.h"
#include "bpf/nat/state.h"
#include "bpf/packet/rewrite.h"
#include "bpf/policy/address.h"
#include "bpf/policy/origin.h"
#include "bpf/steps/fragment.h"
#include "bpf/steps/step.h"

/*
 * IPv6: the host tells a neighbour on the uplink's link a better first hop. If the packet was a pod's, masq has translated
 * its destination; the neighbour has sent it to the host, and must go on to do so.
 */
__noinline int redirect_is_to_pod(ctx_t *ctx, const struct packet *p)
{
	addr_t destination = {};

	return p && ctx_load(ctx, p->l4_offset + ND_REDIRECT_DESTINATION, &destination, sizeof(destination)) &&
	       is_pod(&destination);
}

/*
 * A packet of the host is not masqueraded, but it may take the port of a mapping. A packet that has arrived by a device
 * may have the host's address, but is not the host's.
 */
static __always_inline __u32 egress_host(ctx_t *ctx, const struct packet *p, enum parsed parsed)
{
	if (FAMILY == 6 && parsed == PARSED_ADDRESSES && p->flow.protocol == ICMP_PROTOCOL &&
	    p->icmp_type == ND_REDIRECT_TYPE && redirect_is_to_pod(ctx, p))
		return MASQ_REASON_ICMP_REDIRECT;
	if (parsed == PARSED_FLOW && !ctx_ingress_ifindex(ctx) && host_may_claim(p))
		host_claim(&p->flow);
	return MASQ_REASON_UNRELATED;
}

/* A pod's packet that is no complete packet of a connection. */
__noinline int egress_incomplete(ctx_t *ctx, const struct packet *p, __u32 parsed)
{
	if (!p)
		return MASQ_REASON_MALFORMED;
	if (is_own(&p->flow.src))
		return MASQ_REASON_UNRELATED;
	if (parsed == PARSED_FRAGMENT)
		return fragment_egress(ctx, p);
	if (p->no_flow == MASQ_REASON_NEIGHBOUR_DISCOVERY)
		return MASQ_REASON_NEIGHBOUR_DISCOVERY;
	return decide_without_mapping(&p->flow, p->no_flow);
}

/*
 * A mapping is used again if its SYN is retransmitted, or if the remote endpoint accepts a new SYN for it: after a RST,
 * or after its end with later numbers (tcp_numbers.h).
 */
static __always_inline bool syn_continues(ctx_t *ctx, const struct packet *p, mapping_t *m)
{
	struct tcp_numbers syn = syn_numbers(ctx, p), old = mapping_numbers(m);

	if (m->state == MASQ_STATE_NEW || syn.sequence == m->pod_seq)
		return true;
	if (!(m->flags & MASQ_RESET) && (m->state != MASQ_STATE_CLOSING || !syn_follows(&syn, &old)))
		return false;
	m->flags = 0;
	m->state = MASQ_STATE_NEW;
	m->pod_ack = 0;
	m->pod_timestamp = 0;
	return true;
}

/*
 * A packet of an existing connection that is a SYN, or whose mapping has an order of the agent. A SYN of a bypassed
 * connection is decided again: otherwise a stray segment from outside could make a pod's next connection pass
 * unmasqueraded. A mapping that is not used again is quarantined: it keeps its port (RFC 7857 2.2), and the new
 * connection gets another one.
 */
__noinline int egress_reopen(ctx_t *ctx, const struct packet *p)
{
	tuple_t flow;
	mapping_t *m;
	__u32 slot;

	if (!p)
		return STEP_NEW;
	if (packet_is_pure_syn(p) && is_spoofed(ctx, &p->flow))
		return MASQ_REASON_SPOOFED_SOURCE;
	flow = p->flow;
	slot = find_by_flow(&flow);
	m = slot_at(slot);
	if (!m)
		return STEP_NEW;
	if (m->reason != MASQ_REASON_TRANSLATED) {
		WRITE_ONCE(m->seen, 0);
		return STEP_NEW;
	}
	if (m->order == MASQ_ORDER_HOLD)
		return MASQ_REASON_QUARANTINED;
	if (!m->order && syn_continues(ctx, p, m))
		return STEP_NEXT;
	if (m->order == MASQ_ORDER_WAIT && !packet_is_pure_syn(p)) {
		if (flow.protocol == IPPROTO_TCP)
			tcp_record_numbers(ctx, p, m); /* a RST from the agent must fit them */
		return MASQ_REASON_ADDRESS_UNAVAILABLE;
	}
	mapping_quarantine(m, slot);
	return STEP_NEW;
}

/* Returns the packet's mapping after tracking its state, or NULL and *result. */
static __always_inline mapping_t *egress_established(ctx_t *ctx, const struct packet *p, __u32 *result)
{
	mapping_t *m = mapping_find(BY_FLOW, &p->flow);
	struct masq_control *c = control_get();

	*result = STEP_NEW;
	if (!c || !m)
		return NULL;
	if (m->order || packet_is_pure_syn(p)) {
		*result = egress_reopen(ctx, p);
		if (*result != STEP_NEXT)
			return NULL;
		*result = STEP_NEW;
	}
	return mapping_track(ctx, m, p, MASQ_EGRESS, c->clock) ? m : NULL;
}

/* Opens a second mapping by address alone for the pod of a mapping with a key, unless another pod has it. */
static __always_inline void open_wildcard(ctx_t *ctx, const struct packet *p, const addr_t *external,
					  const struct decision *d)
{
	tuple_t any;

	wildcard_tuple(&any, &p->flow);
	if (find_by_flow(&any) == NO_SLOT)
		mapping_open(ctx, &any, external, d, p);
}

/*
 * Decides a new connection, and stores the decision. Returns the slot of its mapping, or REFUSED(reason) if it has
 * none: it is bypassed, or cannot be masqueraded.
 */
__noinline int connection_begin(ctx_t *ctx, const struct packet *p)
{
	struct decision d = {};
	addr_t external = {};
	int slot;

	if (!p)
		return REFUSED(MASQ_REASON_MALFORMED);
	if (is_own(&p->flow.src)) /* asked here, where packets of established connections do not come */
		return REFUSED(egress_host(ctx, p, PARSED_FLOW));
	if (is_spoofed(ctx, &p->flow))
		return REFUSED(MASQ_REASON_SPOOFED_SOURCE);
	if (addr_is_impossible(&p->flow.dst))
		return REFUSED(MASQ_REASON_MALFORMED);
	decide(&p->flow, &d);
	if (d.action == ACTION_BYPASS && p->may_initiate)
		bypass_insert(&p->flow, d.reason, 0, account_of_packet(ctx));
	if (d.action != ACTION_MASQUERADE)
		return REFUSED(d.reason);
	if (!p->may_initiate || is_importing())
		return REFUSED(MASQ_REASON_NO_MAPPING);
	if (!external_address(ctx, &d, &p->flow, &external))
		return REFUSED(MASQ_REASON_NO_EXTERNAL_ADDRESS);
	slot = mapping_open(ctx, &p->flow, &external, &d, p);
	if (slot >= 0 && d.filtering == FILTER_ADDRESS)
		open_wildcard(ctx, p, &external, &d);
	return slot;
}

/* Returns the mapping of a new connection, or NULL and *result. */
static __always_inline mapping_t *egress_new(ctx_t *ctx, const struct packet *p, __u32 *result)
{
	int slot = connection_begin(ctx, p);
	mapping_t *m = slot_at(slot);

	*result = slot < 0 ? REFUSAL(slot) : MASQ_REASON_TABLE_FULL;
	if (slot < 0 || !m)
		return NULL;
	if (p->flow.protocol == IPPROTO_TCP)
		tcp_track(ctx, p, m, MASQ_EGRESS);
	return m;
}

/* The first fragment of a pod's datagram: the later fragments follow its decision. */
__noinline int egress_first_fragment(ctx_t *ctx, const struct packet *p, const mapping_t *m)
{
	mapping_t *datagram;
	int slot;

	if (!p || !m)
		return MASQ_REASON_MALFORMED;
	if (is_spoofed(ctx, &p->flow)) /* the datagram counts for its pod */
		return MASQ_REASON_SPOOFED_SOURCE;
	slot = datagram_open(ctx, p, &m->external);
	if (slot < 0)
		return REFUSAL(slot);
	if (fragments_release(ctx, p, MASQ_KIND_DATAGRAM_OUT))
		return STEP_CLONED;
	datagram = slot_at(slot);
	if (!datagram || !identification_write(ctx, p, datagram->external_port) ||
	    !packet_rewrite(ctx, p, MASQ_EGRESS, &m->external, m->external_port))
		return MASQ_REASON_REWRITE_FAILED;
	return MASQ_REASON_TRANSLATED;
}

static __always_inline __u32 egress_translate(ctx_t *ctx, const struct packet *p, const mapping_t *m)
{
	if (p->fragment == FRAGMENT_FIRST)
		return egress_first_fragment(ctx, p, m);
	return packet_rewrite(ctx, p, MASQ_EGRESS, &m->external, m->external_port) ? MASQ_REASON_TRANSLATED
										   : MASQ_REASON_REWRITE_FAILED;
}

/* The policy decides the same for the later fragments, except for a connection that was initiated from outside. */
static __always_inline __u32 egress_bypass(const struct packet *p, __u32 reason)
{
	addr_t none = {};

	if (p->fragment == FRAGMENT_FIRST && reason == MASQ_REASON_INBOUND_CONNECTION)
		return datagram_record(p, &none, reason, MASQ_KIND_DATAGRAM_OUT);
	return reason;
}

#endif
