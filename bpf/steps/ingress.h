/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The steps of a packet that arrives by the uplink. A step that drops a packet of a mapping puts the pod's tuple in its
 * place, for the event.
 */
#ifndef MASQ_BPF_STEPS_INGRESS_H
#define MASQ_BPF_STEPS_INGRESS_H

#include "bpf/nat/import.h"
#include "bpf/nat/state.h"
#include "bpf/packet/rewrite.h"
#include "bpf/steps/fragment.h"
#include "bpf/steps/icmp_error.h"
#include "bpf/steps/step.h"

/* An ICMP error, or a fragment other than the first. */
__noinline int ingress_incomplete(ctx_t *ctx, const struct packet *p, __u32 parsed)
{
	return parsed == PARSED_ERROR ? icmp_error_ingress(ctx, p) : fragment_ingress(ctx, p);
}

/*
 * A packet to a pod's own address. It is not translated, and neither are the pod's replies, so the connection is
 * remembered. A segment from the middle of a TCP connection counts too: the connection may be older than masq. A SYN of
 * the pod is decided again, but its first datagram is not: so a datagram must come from where its source is.
 */
__noinline int ingress_to_pod(ctx_t *ctx, const struct packet *p)
{
	struct masq_control *c = control_get();
	mapping_t *m;

	if (!c || !p)
		return MASQ_REASON_UNRELATED;
	m = mapping_find(BY_FLOW, &p->flow);
	if (m && m->reason == MASQ_REASON_TRANSLATED) /* its replies are sent to its external address */
		return MASQ_REASON_UNRELATED;
	if (m && m->reason == MASQ_REASON_INBOUND_CONNECTION && m->state == MASQ_STATE_NEW &&
	    p->flow.protocol != IPPROTO_TCP) /* only an answer keeps it alive */
		return m->reason;
	if (m && mapping_track(ctx, m, p, MASQ_INGRESS, c->clock))
		return m->reason;
	if (is_source(&p->flow.dst))
		return MASQ_REASON_POD_CIDR;
	if (p->flow.protocol == IPPROTO_TCP ? p->tcp_flags & TCP_FLAG_RST
					    : !p->may_initiate || is_from_elsewhere(ctx, &p->flow))
		return MASQ_REASON_UNRELATED;
	bypass_insert(&p->flow, MASQ_REASON_INBOUND_CONNECTION, packet_is_pure_syn(p) ? 0 : MASQ_WEAK,
		      ACCOUNT_OF_ADDRESS);
	return MASQ_REASON_INBOUND_CONNECTION;
}

/* Writes the pod's address, and its port unless reply_find() has found the mapping of another key. */
static __always_inline bool reply_rewrite(ctx_t *ctx, const struct packet *p, const mapping_t *m)
{
	return packet_rewrite(ctx, p, MASQ_INGRESS, &m->flow.src,
			      flow_has_key(&p->flow) ? p->flow.sport : m->flow.sport);
}

/* The first fragment of a datagram from outside: the later fragments go to the same destination. */
__noinline int ingress_first_fragment(ctx_t *ctx, struct packet *p)
{
	struct masq_control *c = control_get();
	__u32 reason = MASQ_REASON_UNRELATED;
	mapping_t *m;

	if (!c || !p)
		return MASQ_REASON_UNRELATED;
	m = reply_find(&p->flow);
	if (m && mapping_is_quarantined(m))
		reason = MASQ_REASON_QUARANTINED;
	else if (m && mapping_track(ctx, m, p, MASQ_INGRESS, c->clock))
		reason = MASQ_REASON_TRANSLATED;
	/* Not translated: the destination on the wire. */
	reason = datagram_record(p, m && reason == MASQ_REASON_TRANSLATED ? &m->flow.src : &p->flow.src, reason,
				 MASQ_KIND_DATAGRAM_IN);
	if (fragments_release(ctx, p, MASQ_KIND_DATAGRAM_IN))
		return STEP_CLONED;
	if (m && reason == MASQ_REASON_TRANSLATED && !reply_rewrite(ctx, p, m))
		reason = MASQ_REASON_REWRITE_FAILED;
	if (m)
		p->flow = m->flow;
	return reason;
}

/* A packet of a protocol whose key may differ between the directions. */
__noinline int ingress_wildcard(ctx_t *ctx, struct packet *p)
{
	struct masq_control *c = control_get();
	mapping_t *m;

	if (!c || !p)
		return MASQ_REASON_UNRELATED;
	m = reply_find(&p->flow);
	if (m && mapping_is_quarantined(m)) {
		p->flow = m->flow;
		return MASQ_REASON_QUARANTINED;
	}
	if (!m || !mapping_track(ctx, m, p, MASQ_INGRESS, c->clock))
		return MASQ_REASON_UNRELATED;
	if (packet_rewrite_address(ctx, p, MASQ_INGRESS, &m->flow.src))
		return MASQ_REASON_TRANSLATED;
	p->flow = m->flow;
	return MASQ_REASON_REWRITE_FAILED;
}

/*
 * Returns true if a host socket holds the external port of a mapping that has had no reply yet: the socket takes
 * precedence, and the pod's next packet gets another port.
 */
__noinline int reply_belongs_to_host(ctx_t *ctx, const struct packet *p)
{
	tuple_t flow;
	mapping_t *m;
	__u32 slot;

	if (!p)
		return false;
	flow = p->flow;
	slot = find_by_reply(&flow);
	m = slot_at(slot);
	if (!m || !port_has_socket(ctx, slot))
		return false;
	WRITE_ONCE(m->seen, 0);
	return true;
}

/* Returns the packet's mapping after tracking its state, or NULL and *result. */
static __always_inline mapping_t *ingress_established(ctx_t *ctx, struct packet *p, __u32 *result)
{
	struct masq_control *c = control_get();
	mapping_t *m = mapping_find(BY_REPLY, &p->flow);

	*result = STEP_NEW;
	if (m && m->state == MASQ_STATE_NEW && reply_belongs_to_host(ctx, p))
		return NULL;
	if (m && mapping_is_quarantined(m)) {
		p->flow = m->flow;
		*result = MASQ_REASON_QUARANTINED;
		return NULL;
	}
	return c && m && mapping_track(ctx, m, p, MASQ_INGRESS, c->clock) ? m : NULL;
}

static __always_inline __u32 ingress_without_mapping(ctx_t *ctx, struct packet *p)
{
	if (flow_has_key(&p->flow))
		return ingress_wildcard(ctx, p);
	return may_be_imported(ctx, p) ? MASQ_REASON_NO_MAPPING : MASQ_REASON_UNRELATED;
}

static __always_inline __u32 ingress_translate(ctx_t *ctx, struct packet *p, const mapping_t *m)
{
	if (packet_rewrite(ctx, p, MASQ_INGRESS, &m->flow.src, m->flow.sport))
		return MASQ_REASON_TRANSLATED;
	p->flow = m->flow;
	return MASQ_REASON_REWRITE_FAILED;
}

#endif
