/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The story of a packet. Compiled once per address family.
 *
 *     egress:   parse -> source set? -> mapping (find) -> rewrite source
 *                                       none: policy -> mapping (create)
 *     ingress:  parse -> mapping (find) -> rewrite destination
 *
 * Each step returns a reason, or leaves the packet to the next one (steps/step.h). finish() is the only exit. A
 * mapping also stores the decision not to masquerade, so a packet of an existing connection costs one look-up for
 * either decision.
 */
#include "bpf/packet/counters.h"
#include "bpf/packet/parse.h"
#include "bpf/steps/egress.h"
#include "bpf/steps/icmp_error.h"
#include "bpf/steps/ingress.h"
#include "bpf/steps/refuse.h"
#include "bpf/steps/tick.h"

/* The reasons of a verdict: a bit for each. */
#define REASON_BIT(name, its_verdict, verdict) | (MASQ_##its_verdict == (verdict) ? 1ull << MASQ_REASON_##name : 0)
#define REASON_PASSES(name, verdict, word, meaning) REASON_BIT(name, verdict, MASQ_PASS)
#define REASON_DROPS(name, verdict, word, meaning) REASON_BIT(name, verdict, MASQ_DROP)

/* A packet that does not pass: its event, and its verdict. A refused packet of a pod may become the error about it. */
__noinline int finish_drop(ctx_t *ctx, const struct packet *p, __u32 direction, __u32 reason)
{
	const __u64 drops = 0 MASQ_REASONS(REASON_DROPS);

	if (!p)
		return HOOK_DROP;
	if (drops >> reason & 1)
		event_drop(&p->flow, ctx_ifindex(ctx), direction, reason);
	if (direction == MASQ_EGRESS && reason_is_reported(reason))
		return refuse(ctx, p);
	return HOOK_DROP;
}

/* The only exit: counts the packet, and gives the verdict that its reason fixes. */
static __always_inline int finish(ctx_t *ctx, const struct packet *p, enum masq_direction direction, __u32 reason)
{
	const __u64 passes = 0 MASQ_REASONS(REASON_PASSES);

	if (reason == STEP_CLONED)
		return HOOK_DROP;
	count(direction, reason);
	return passes >> reason & 1 ? HOOK_PASS : finish_drop(ctx, p, direction, reason);
}

static __always_inline __u32 egress_steps(ctx_t *ctx, struct packet *p, __u32 l3_offset)
{
	enum parsed parsed = packet_parse(ctx, p, MASQ_EGRESS, l3_offset);
	__u32 result;
	mapping_t *m;

	if (parsed == PARSED_ERROR) /* the host's too, if it quotes a pod's packet */
		return icmp_error_egress(ctx, p);
	if (parsed == PARSED_NO_HEADER || !is_source(&p->flow.src))
		return egress_host(ctx, p, parsed);
	if (addr_is_multicast(&p->flow.dst))
		return MASQ_REASON_MULTICAST;
	if (addr_is_broadcast(&p->flow.dst))
		return MASQ_REASON_BROADCAST;
	if (parsed != PARSED_FLOW)
		return egress_incomplete(ctx, p, parsed);
	m = egress_established(ctx, p, &result);
	if (!m && result == STEP_NEW)
		m = egress_new(ctx, p, &result);
	if (!m)
		return result;
	return m->reason == MASQ_REASON_TRANSLATED ? egress_translate(ctx, p, m) : egress_bypass(p, m->reason);
}

static __always_inline __u32 ingress_steps(ctx_t *ctx, struct packet *p, __u32 l3_offset)
{
	enum parsed parsed = packet_parse(ctx, p, MASQ_INGRESS, l3_offset);
	__u32 result;
	mapping_t *m;

	if (parsed == PARSED_NO_HEADER || parsed == PARSED_ADDRESSES)
		return MASQ_REASON_UNRELATED;
	if (parsed != PARSED_FLOW)
		return ingress_incomplete(ctx, p, parsed);
	if (is_pod(&p->flow.src)) /* the destination on the wire */
		return ingress_to_pod(ctx, p);
	if (p->fragment == FRAGMENT_FIRST)
		return ingress_first_fragment(ctx, p);
	m = ingress_established(ctx, p, &result);
	if (m)
		return ingress_translate(ctx, p, m);
	return result == STEP_NEW ? ingress_without_mapping(ctx, p) : result;
}

__noinline int egress(ctx_t *ctx, __u32 l3_offset)
{
	struct packet p __attribute__((aligned(8))) = {};

	return finish(ctx, &p, MASQ_EGRESS, egress_steps(ctx, &p, l3_offset));
}

__noinline int ingress(ctx_t *ctx, __u32 l3_offset)
{
	struct packet p __attribute__((aligned(8))) = {};

	return finish(ctx, &p, MASQ_INGRESS, ingress_steps(ctx, &p, l3_offset));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
