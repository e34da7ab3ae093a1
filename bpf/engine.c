/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The steps of a packet through the engine. Compiled once per address family.
 *
 *     egress:   parse -> source set? -> mapping (find) -> rewrite source
 *                                       none: policy -> mapping (create)
 *     ingress:  parse -> mapping (find) -> rewrite destination
 *
 * A mapping also stores the decision not to masquerade, so a packet of an existing connection costs one look-up for
 * either decision. ICMP errors are handled in icmp_error.h, and fragments behind the first in fragment.h.
 *
 * exit_with() counts a packet under a reason, and the reason fixes the verdict. Two kinds of packets end otherwise:
 *   - The first fragment of a datagram of which other fragments are held is sent on as a clone, in front of them. The
 *     original is dropped without a reason; the clone passes the engine again and is counted then (held.h).
 *   - A refused packet is counted as a drop. Then refuse() may turn it into the ICMP error for its pod, and redirect it.
 */
#include "bpf/adopt.h"
#include "bpf/fragment.h"
#include "bpf/icmp_error.h"
#include "bpf/mapping.h"
#include "bpf/node.h"
#include "bpf/parse.h"
#include "bpf/policy.h"
#include "bpf/refuse.h"
#include "bpf/rewrite.h"
#include "bpf/state.h"
#include "bpf/sweep.h"
#include "bpf/verdict.h"

/* `flow`: as the pod sends it, where that is known. */
static __always_inline int exit_with(struct __sk_buff *skb, const tuple_t *flow, enum masq_direction direction,
				     __u32 reason)
{
	enum masq_verdict verdict = MASQ_DROP;

	count(direction, reason);
	switch (reason) {
#define VERDICT(name, its_verdict, word, meaning)                                                                      \
	case MASQ_REASON_##name:                                                                                       \
		verdict = MASQ_##its_verdict;                                                                          \
		break;
		MASQ_REASONS(VERDICT)
#undef VERDICT
	}
	if (verdict == MASQ_PASS)
		return TC_ACT_UNSPEC;
	if (verdict == MASQ_DROP)
		N(event_drop)(flow, skb->ifindex, direction, reason);
	return TC_ACT_SHOT;
}

/* The first fragment of a pod's datagram: those behind it follow its decision. */
__noinline int N(head_egress)(struct __sk_buff *skb, const struct packet *p, const mapping_t *m)
{
	mapping_t *datagram;
	int slot;

	if (!p || !m)
		return TC_ACT_SHOT;
	slot = datagram_open(skb, p, &m->external);
	if (slot < 0)
		return exit_with(skb, &p->flow, MASQ_EGRESS, REFUSAL(slot));
	if (N(fragments_release)(skb, p, MASQ_KIND_DATAGRAM_OUT))
		return TC_ACT_SHOT; /* it has been sent on, and comes by again */
	datagram = slot_at(slot);
	if (!datagram || !identification_write(skb, p, datagram->external_port) ||
	    !packet_rewrite(skb, p, MASQ_EGRESS, &m->external, m->external_port))
		return exit_with(skb, &p->flow, MASQ_EGRESS, MASQ_REASON_REWRITE_FAILED);
	return exit_with(skb, &p->flow, MASQ_EGRESS, MASQ_REASON_TRANSLATED);
}

static __always_inline int egress_translate(struct __sk_buff *skb, const struct packet *p, const mapping_t *m)
{
	if (p->fragment == FRAGMENT_HEAD)
		return N(head_egress)(skb, p, m);
	return exit_with(skb, &p->flow, MASQ_EGRESS,
			 packet_rewrite(skb, p, MASQ_EGRESS, &m->external, m->external_port)
				 ? MASQ_REASON_TRANSLATED
				 : MASQ_REASON_REWRITE_FAILED);
}

/* The policy would say the same of the fragments behind it, but where the connection came from outside. */
static __always_inline int egress_leave(struct __sk_buff *skb, const struct packet *p, __u32 reason)
{
	addr_t none = {};

	if (p->fragment == FRAGMENT_HEAD && reason == MASQ_REASON_INBOUND_CONNECTION)
		reason = N(datagram_note)(p, &none, reason, MASQ_KIND_DATAGRAM_OUT);
	return exit_with(skb, &p->flow, MASQ_EGRESS, reason);
}

/* The first packet of a connection that has got no mapping. */
static __always_inline int egress_without_mapping(struct __sk_buff *skb, const struct packet *p, __u32 reason)
{
	int verdict = egress_leave(skb, p, reason);

	return reason_is_told(reason) ? N(refuse)(skb, p) : verdict;
}

/* Ours, but without a tuple: left when the destination is, dropped when it would have to be masqueraded. */
static __always_inline int egress_without_flow(struct __sk_buff *skb, const struct packet *p)
{
	__u32 reason = N(policy_decide)(&p->flow.dst);

	return exit_with(skb, &p->flow, MASQ_EGRESS, reason == MASQ_REASON_TRANSLATED ? p->no_flow : reason);
}

/* All of a pod's packets that are no whole packet of a connection. */
__noinline int N(egress_special)(struct __sk_buff *skb, const struct packet *p, __u32 parsed)
{
	if (!p)
		return TC_ACT_SHOT;
	if (parsed == PARSED_LATER)
		return exit_with(skb, &p->flow, MASQ_EGRESS, N(later_egress)(skb, p));
	if (p->no_flow == MASQ_REASON_NEIGHBOUR_DISCOVERY)
		return exit_with(skb, &p->flow, MASQ_EGRESS, MASQ_REASON_NEIGHBOUR_DISCOVERY);
	return egress_without_flow(skb, p);
}

/*
 * The first packet of a connection that the pod opens: decide, and remember the decision. The mapping's slot, or
 * REFUSED(reason) when there is none: it is left alone, or cannot be masqueraded.
 */
__noinline int N(egress_first)(struct __sk_buff *skb, const struct packet *p)
{
	__u32 ingress_ifindex = skb->ingress_ifindex;
	addr_t external = {};
	int reason;

	if (!p)
		return REFUSED(MASQ_REASON_MALFORMED);
	/* From one uplink to another: a pod of this node sends nothing there, whoever writes its address. */
	if (ingress_ifindex && bpf_map_lookup_elem(&N(uplinks), &ingress_ifindex))
		return REFUSED(MASQ_REASON_NOT_OURS);
	if (addr_is_impossible(&p->flow.dst))
		return REFUSED(MASQ_REASON_MALFORMED);
	reason = N(policy_decide)(&p->flow.dst);
	if (reason != MASQ_REASON_TRANSLATED) {
		if (p->may_open && reason != MASQ_REASON_POD_CIDR)
			left_remember(&p->flow, reason, 0);
		return REFUSED(reason);
	}
	if (!p->may_open || is_adopting())
		return REFUSED(MASQ_REASON_NOT_AN_OPENER);
	if (!external_address(skb, &p->flow, &external))
		return REFUSED(MASQ_REASON_NO_EXTERNAL_ADDRESS);
	return N(mapping_open)(skb, &p->flow, &external);
}

/* Gives the pod of a mapping with a key the one by address alone too, when nobody has it. */
__noinline int N(open_without_key)(struct __sk_buff *skb, __u32 slot)
{
	mapping_t *m = slot_at(slot);
	tuple_t any;

	if (!m)
		return 0;
	flow_without_key(&any, &m->flow);
	return N(find_by_flow)(&any) == NO_SLOT ? N(mapping_open)(skb, &any, &m->external) : 0;
}

enum known {
	KNOWN_GOES_ON,
	KNOWN_WAITS, /* for its external address: the packet is dropped */
	KNOWN_HELD,  /* for another datapath: likewise */
	KNOWN_ANEW,  /* the packet is the first of a new connection */
};

/*
 * A mapping goes on when its SYN is sent again, or when the remote side has nothing left of the old connection that
 * would speak against it: after a RST, or after its end with a higher sequence number (RFC 9293 3.6.1).
 */
static __always_inline bool syn_goes_on(struct __sk_buff *skb, const struct packet *p, mapping_t *m)
{
	__u32 sequence = tcp_number(skb, p, TCP_SEQUENCE);

	if (m->state == MASQ_STATE_NEW || sequence == m->pod_seq)
		return true;
	if (!(m->flags & MASQ_RESET) && (m->state != MASQ_STATE_CLOSING || (__s32)(sequence - m->pod_seq) <= 0))
		return false;
	m->flags = 0;
	m->state = MASQ_STATE_NEW;
	return true;
}

/*
 * A pod's packet on a connection that is known, when it is a SYN or the agent has given an order. With a SYN what was
 * left alone is decided anew (so a stray segment from outside never makes a pod's next connection pass unmasqueraded).
 * A mapping that does not go on rests under its port (RFC 7857 2.2), and the new connection gets another one.
 */
__noinline int N(known_connection)(struct __sk_buff *skb, const struct packet *p)
{
	tuple_t flow;
	mapping_t *m;
	__u32 slot;

	if (!p)
		return KNOWN_ANEW;
	flow = p->flow;
	slot = N(find_by_flow)(&flow);
	m = slot_at(slot);
	if (!m)
		return KNOWN_ANEW;
	if (m->reason != MASQ_REASON_TRANSLATED) {
		WRITE_ONCE(m->seen, 0);
		return KNOWN_ANEW;
	}
	if (m->order == MASQ_ORDER_HOLD)
		return KNOWN_HELD;
	if (!m->order && syn_goes_on(skb, p, m))
		return KNOWN_GOES_ON;
	if (m->order == MASQ_ORDER_WAIT && !packet_is_pure_syn(p)) {
		if (flow.protocol == IPPROTO_TCP)
			tcp_note_numbers(skb, p, m, MASQ_EGRESS); /* what an explicit end has to fit */
		return KNOWN_WAITS;
	}
	mapping_rest(m, slot);
	return KNOWN_ANEW;
}

__noinline int N(egress)(struct __sk_buff *skb, __u32 l3_offset)
{
	struct packet p __attribute__((aligned(8))) = {};
	enum parsed parsed = packet_parse(skb, &p, MASQ_EGRESS, l3_offset);
	struct masq_control *c;
	mapping_t *m;
	int slot, known;

	/* Also the node's own, when it is about a pod's packet. */
	if (parsed == PARSED_ERROR)
		return exit_with(skb, &p.flow, MASQ_EGRESS, N(error_egress)(skb, &p));
	if (parsed == PARSED_NOTHING || !is_source(&p.flow.src)) {
		if (parsed == PARSED_FLOW && node_may_claim(&p))
			N(node_claim)(&p.flow);
		return exit_with(skb, &p.flow, MASQ_EGRESS, MASQ_REASON_NOT_OURS);
	}
	if (addr_is_multicast(&p.flow.dst))
		return exit_with(skb, &p.flow, MASQ_EGRESS, MASQ_REASON_MULTICAST);
	if (addr_is_broadcast(&p.flow.dst))
		return exit_with(skb, &p.flow, MASQ_EGRESS, MASQ_REASON_BROADCAST);
	if (parsed != PARSED_FLOW)
		return N(egress_special)(skb, &p, parsed);

	c = control_get();
	m = table_find(BY_FLOW, &p.flow);
	if (m && (m->order || packet_is_pure_syn(&p))) {
		known = N(known_connection)(skb, &p);
		if (known == KNOWN_WAITS)
			return exit_with(skb, &p.flow, MASQ_EGRESS, MASQ_REASON_ADDRESS_AWAY);
		if (known == KNOWN_HELD)
			return exit_with(skb, &p.flow, MASQ_EGRESS, MASQ_REASON_RESTING);
		if (known == KNOWN_ANEW)
			m = NULL;
	}
	if (!c || !m || !mapping_track(skb, m, &p, MASQ_EGRESS, c->clock)) {
		slot = N(egress_first)(skb, &p);
		if (slot < 0)
			return egress_without_mapping(skb, &p, REFUSAL(slot));
		m = slot_at(slot);
		if (!m)
			return exit_with(skb, &p.flow, MASQ_EGRESS, MASQ_REASON_TABLE_FULL);
		if (p.flow.protocol == IPPROTO_TCP)
			N(tcp_follow)(skb, &p, m, MASQ_EGRESS);
		else if (flow_has_key(&p.flow))
			N(open_without_key)(skb, slot);
	}
	if (m->reason != MASQ_REASON_TRANSLATED)
		return egress_leave(skb, &p, m->reason);
	return egress_translate(skb, &p, m);
}

/*
 * From outside to a pod's own address: not ours, and neither are the pod's answers, so the connection is remembered.
 * A segment from the middle of a TCP connection counts too: the connection may be older than we are.
 */
__noinline int N(ingress_to_pod)(struct __sk_buff *skb, const struct packet *p)
{
	struct masq_control *c = control_get();
	mapping_t *m;

	if (!c || !p)
		return TC_ACT_UNSPEC;
	m = table_find(BY_FLOW, &p->flow);
	if (m && mapping_track(skb, m, p, MASQ_INGRESS, c->clock))
		return exit_with(skb, &m->flow, MASQ_INGRESS,
				 m->reason == MASQ_REASON_TRANSLATED ? MASQ_REASON_NOT_OURS : m->reason);
	if (is_source(&p->flow.dst))
		return exit_with(skb, &p->flow, MASQ_INGRESS, MASQ_REASON_POD_CIDR);
	if (p->flow.protocol == IPPROTO_TCP ? p->tcp_flags & TCP_FLAG_RST : !p->may_open)
		return exit_with(skb, &p->flow, MASQ_INGRESS, MASQ_REASON_NOT_OURS);
	left_remember(&p->flow, MASQ_REASON_INBOUND_CONNECTION, packet_is_pure_syn(p) ? 0 : MASQ_WEAK);
	return exit_with(skb, &p->flow, MASQ_INGRESS, MASQ_REASON_INBOUND_CONNECTION);
}

/* ICMP errors, and fragments but the first. */
__noinline int N(ingress_special)(struct __sk_buff *skb, const struct packet *p, __u32 parsed)
{
	__u32 reason = parsed == PARSED_ERROR ? N(error_ingress)(skb, p) : N(later_ingress)(skb, p);

	return exit_with(skb, &p->flow, MASQ_INGRESS, reason);
}

/* Of a protocol whose key may differ between the directions. */
__noinline int N(ingress_without_key)(struct __sk_buff *skb, const struct packet *p)
{
	struct masq_control *c = control_get();
	mapping_t *m;

	if (!c || !p)
		return TC_ACT_UNSPEC;
	m = reply_find(&p->flow);
	if (m && mapping_rests(m))
		return exit_with(skb, &m->flow, MASQ_INGRESS, MASQ_REASON_RESTING);
	if (!m || !mapping_track(skb, m, p, MASQ_INGRESS, c->clock))
		return exit_with(skb, &p->flow, MASQ_INGRESS, MASQ_REASON_NOT_OURS);
	return exit_with(skb, &m->flow, MASQ_INGRESS,
			 packet_rewrite_address(skb, p, MASQ_INGRESS, &m->flow.src) ? MASQ_REASON_TRANSLATED
										    : MASQ_REASON_REWRITE_FAILED);
}

/*
 * The first packet that comes back on a mapping, when a socket of the node claims its port by now: it may be for that one,
 * and the address is the node's. The pod's next packet gets another port.
 */
__noinline int N(answer_is_the_nodes)(struct __sk_buff *skb, const struct packet *p)
{
	tuple_t flow;
	mapping_t *m;
	__u32 slot;

	if (!p)
		return false;
	flow = p->flow;
	slot = N(find_by_reply)(&flow);
	m = slot_at(slot);
	if (!m || !N(port_has_socket)(skb, slot))
		return false;
	WRITE_ONCE(m->seen, 0);
	return true;
}

__noinline int N(ingress)(struct __sk_buff *skb, __u32 l3_offset)
{
	struct packet p __attribute__((aligned(8))) = {};
	enum parsed parsed = packet_parse(skb, &p, MASQ_INGRESS, l3_offset);
	struct masq_control *c;
	mapping_t *m;

	if (parsed == PARSED_NOTHING || parsed == PARSED_ADDRESSES)
		return exit_with(skb, &p.flow, MASQ_INGRESS, MASQ_REASON_NOT_OURS);
	if (parsed != PARSED_FLOW)
		return N(ingress_special)(skb, &p, parsed);
	if (is_source(&p.flow.src))
		return N(ingress_to_pod)(skb, &p);
	if (p.fragment == FRAGMENT_HEAD)
		return MASQ_VERDICT_HEAD;

	c = control_get();
	m = table_find(BY_REPLY, &p.flow);
	if (m && m->state == MASQ_STATE_NEW && N(answer_is_the_nodes)(skb, &p))
		m = NULL;
	if (m && mapping_rests(m))
		return exit_with(skb, &m->flow, MASQ_INGRESS, MASQ_REASON_RESTING);
	if (!c || !m || !mapping_track(skb, m, &p, MASQ_INGRESS, c->clock)) {
		if (flow_has_key(&p.flow))
			return N(ingress_without_key)(skb, &p);
		return exit_with(skb, &p.flow, MASQ_INGRESS,
				 may_be_adopted(&p) ? MASQ_REASON_NOT_AN_OPENER : MASQ_REASON_NOT_OURS);
	}
	return exit_with(skb, &m->flow, MASQ_INGRESS,
			 packet_rewrite(skb, &p, MASQ_INGRESS, &m->flow.src, m->flow.sport)
				 ? MASQ_REASON_TRANSLATED
				 : MASQ_REASON_REWRITE_FAILED);
}

/*
 * The first fragment of a datagram from outside, for which ingress() has no stack left (MASQ_VERDICT_HEAD): those behind
 * it go where it goes.
 */
__noinline int N(ingress_head)(struct __sk_buff *skb, __u32 l3_offset)
{
	struct packet p __attribute__((aligned(8))) = {};
	__u32 reason = MASQ_REASON_NOT_OURS;
	struct masq_control *c = control_get();
	__be16 port = 0;
	mapping_t *m;
	addr_t to;

	if (!c || N(parse_any)(skb, &p, l3_offset, MASQ_INGRESS) != PARSED_FLOW)
		return exit_with(skb, &p.flow, MASQ_INGRESS, MASQ_REASON_NOT_OURS);
	m = reply_find(&p.flow);
	if (m && mapping_rests(m))
		reason = MASQ_REASON_RESTING;
	else if (m && mapping_track(skb, m, &p, MASQ_INGRESS, c->clock))
		reason = MASQ_REASON_TRANSLATED;
	to = p.flow.src; /* where it goes anyway */
	if (m && reason == MASQ_REASON_TRANSLATED) {
		to = m->flow.src;
		port = m->flow.sport;
	}
	reason = N(datagram_note)(&p, &to, reason, MASQ_KIND_DATAGRAM_IN);
	if (N(fragments_release)(skb, &p, MASQ_KIND_DATAGRAM_IN))
		return TC_ACT_SHOT; /* it has been sent on, and comes by again */
	if (reason == MASQ_REASON_TRANSLATED && !packet_rewrite(skb, &p, MASQ_INGRESS, &to, port))
		reason = MASQ_REASON_REWRITE_FAILED;
	return exit_with(skb, m ? &m->flow : &p.flow, MASQ_INGRESS, reason);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
