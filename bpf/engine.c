/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet's way. Compiled once per address family.
 *
 *     egress:   parse -> is it ours? -> mapping (find) -> rewrite source
 *                                       none: policy -> mapping (make)
 *     ingress:  parse -> mapping (find) -> rewrite destination
 *
 * A mapping also remembers what is left alone, so a known connection costs one look-up whatever was decided.
 * Every packet leaves by exit_with(): counted, with a reason that fixes the verdict.
 */
#include "bpf/mapping.h"
#include "bpf/packet.h"
#include "bpf/policy.h"
#include "bpf/rewrite.h"
#include "bpf/state.h"
#include "bpf/sweep.h"

static __always_inline int exit_with(enum masq_direction direction, __u32 reason)
{
	count(direction, reason);
	switch (reason) {
#define VERDICT(name, verdict, word, meaning)                                                                         \
	case MASQ_REASON_##name:                                                                                       \
		return MASQ_##verdict == MASQ_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
		MASQ_REASONS(VERDICT)
#undef VERDICT
	}
	return TC_ACT_SHOT;
}

static __always_inline int translate(struct __sk_buff *skb, const struct packet *p, enum masq_direction direction,
				     const addr_t *to, __be16 port)
{
	if (!packet_rewrite(skb, p, direction, to, port))
		return exit_with(direction, MASQ_REASON_REWRITE_FAILED);
	return exit_with(direction, MASQ_REASON_TRANSLATED);
}

/* Ours, but without a tuple: left when the destination is, dropped when it would have to be masqueraded. */
__noinline int N(egress_without_flow)(const addr_t *destination, __u32 no_flow)
{
	__u32 reason;

	if (!destination)
		return TC_ACT_SHOT;
	reason = N(policy_decide)(destination);
	return exit_with(MASQ_EGRESS, reason == MASQ_REASON_TRANSLATED ? no_flow : reason);
}

/* The first packet of a connection that the pod opens: decide, and remember the decision. */
__noinline int N(egress_first)(struct __sk_buff *skb, const struct packet *p)
{
	struct masq_control *c = control_get();
	__u32 ingress_ifindex = skb->ingress_ifindex, reason;
	mapping_t *m;

	if (!c || !p)
		return TC_ACT_SHOT;
	/* From one uplink to another: a pod of this node sends nothing there, whoever writes its address. */
	if (ingress_ifindex && bpf_map_lookup_elem(&N(uplinks), &ingress_ifindex))
		return exit_with(MASQ_EGRESS, MASQ_REASON_NOT_OURS);
	reason = N(policy_decide)(&p->flow.dst);
	if (reason == MASQ_REASON_POD_CIDR)
		return exit_with(MASQ_EGRESS, reason);
	if (reason != MASQ_REASON_TRANSLATED) {
		if (packet_may_open(p))
			left_remember(c, p, reason, 0);
		return exit_with(MASQ_EGRESS, reason);
	}
	if (!packet_may_open(p))
		return exit_with(MASQ_EGRESS, MASQ_REASON_NOT_AN_OPENER);
	m = mapping_make(skb, c, p, &reason);
	if (!m)
		return exit_with(MASQ_EGRESS, reason);
	return translate(skb, p, MASQ_EGRESS, &m->external, m->external_port);
}

/*
 * What was decided for a connection holds until it ends. A SYN begins a new one: it ends a mapping whose connection
 * is over, and a decision to leave alone is taken anew (so a stray segment from outside never makes a pod's next
 * connection pass unmasqueraded).
 */
static __always_inline bool begins_anew(mapping_t *m, const struct packet *p)
{
	return packet_is_pure_syn(p) && (m->reason != MASQ_REASON_TRANSLATED || m->state == MASQ_STATE_CLOSING);
}

__noinline int N(egress)(struct __sk_buff *skb)
{
	struct packet p __attribute__((aligned(8))) = {};
	enum parsed parsed = packet_parse(skb, &p, MASQ_EGRESS);
	struct masq_control *c;
	mapping_t *m;

	if (parsed == PARSED_NOTHING || !is_source(&p.flow.src))
		return exit_with(MASQ_EGRESS, MASQ_REASON_NOT_OURS);
	if (addr_is_multicast(&p.flow.dst))
		return exit_with(MASQ_EGRESS, MASQ_REASON_MULTICAST);
	if (addr_is_broadcast(&p.flow.dst))
		return exit_with(MASQ_EGRESS, MASQ_REASON_BROADCAST);
	if (parsed == PARSED_ADDRESSES)
		return N(egress_without_flow)(&p.flow.dst, p.no_flow);

	c = control_get();
	m = table_find(BY_FLOW, &p.flow);
	if (!c || !m)
		return N(egress_first)(skb, &p);
	if (begins_anew(m, &p)) {
		WRITE_ONCE(m->seen, 0);
		return N(egress_first)(skb, &p);
	}
	if (!mapping_track(m, &p, MASQ_EGRESS, c->clock))
		return N(egress_first)(skb, &p);
	if (m->reason != MASQ_REASON_TRANSLATED)
		return exit_with(MASQ_EGRESS, m->reason);
	return translate(skb, &p, MASQ_EGRESS, &m->external, m->external_port);
}

/*
 * From outside to a pod's own address: not ours, and neither are the pod's answers, so the connection is remembered.
 * A segment from the middle of a TCP connection counts too: the connection may be older than we are.
 */
__noinline int N(ingress_to_pod)(const struct packet *p)
{
	struct masq_control *c = control_get();
	mapping_t *m;

	if (!c || !p)
		return TC_ACT_UNSPEC;
	m = table_find(BY_FLOW, &p->flow);
	if (m && mapping_track(m, p, MASQ_INGRESS, c->clock))
		return exit_with(MASQ_INGRESS, m->reason == MASQ_REASON_TRANSLATED ? MASQ_REASON_NOT_OURS : m->reason);
	if (is_source(&p->flow.dst))
		return exit_with(MASQ_INGRESS, MASQ_REASON_POD_CIDR);
	if (p->flow.protocol == IPPROTO_TCP && (p->tcp_flags & TCP_FLAG_RST))
		return exit_with(MASQ_INGRESS, MASQ_REASON_NOT_OURS);
	if (p->flow.protocol == ICMP_PROTOCOL && !packet_may_open(p))
		return exit_with(MASQ_INGRESS, MASQ_REASON_NOT_OURS);
	left_remember(c, p, MASQ_REASON_INBOUND_CONNECTION, packet_is_pure_syn(p) ? 0 : MASQ_WEAK);
	return exit_with(MASQ_INGRESS, MASQ_REASON_INBOUND_CONNECTION);
}

__noinline int N(ingress)(struct __sk_buff *skb)
{
	struct packet p __attribute__((aligned(8))) = {};
	struct masq_control *c;
	mapping_t *m;

	if (packet_parse(skb, &p, MASQ_INGRESS) != PARSED_FLOW)
		return exit_with(MASQ_INGRESS, MASQ_REASON_NOT_OURS);
	if (is_source(&p.flow.src))
		return N(ingress_to_pod)(&p);

	c = control_get();
	m = table_find(BY_REPLY, &p.flow);
	if (!c || !m || !mapping_track(m, &p, MASQ_INGRESS, c->clock))
		return exit_with(MASQ_INGRESS, MASQ_REASON_NOT_OURS);
	return translate(skb, &p, MASQ_INGRESS, &m->flow.src, m->flow.sport);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
