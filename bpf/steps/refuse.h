/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A connection that is refused because no port or no slot is free: the packet becomes an ICMP error "administratively
 * prohibited" to its pod (RFC 1812 5.2.7.1, RFC 4443 3.1). At most REFUSALS_PER_TICK, so that a flood is not answered
 * by another one.
 */
#ifndef MASQ_BPF_STEPS_REFUSE_H
#define MASQ_BPF_STEPS_REFUSE_H

#include "bpf/nat/slots.h"
#include "bpf/packet/rewrite.h"
#include "bpf/policy/address.h"

struct masq_budget {
	__u32 tick;
	__u32 spent;
};

/* Errors that were sent in this tick. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_budget);
} refusals_map SEC(".maps");

#define REFUSALS_PER_TICK 64

#if FAMILY == 4
#define IP_HEADER_SIZE 20
#define PROHIBITED_TYPE 3
#define PROHIBITED_CODE 13
#else
#define IP_HEADER_SIZE 40
#define PROHIBITED_TYPE 1
#define PROHIBITED_CODE 1
#endif
#define REFUSAL_QUOTE (IP_HEADER_SIZE + 8)

struct refusal_icmp {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 unused;
	__u8 quote[REFUSAL_QUOTE];
};

#if FAMILY == 4
struct refusal {
	struct iphdr ip;
	struct refusal_icmp icmp;
};
#else
struct refusal {
	struct ipv6hdr ip;
	struct refusal_icmp icmp;
};
#endif

#if FAMILY == 4
static __always_inline void refusal_fill_ip(struct refusal *r, const addr_t *from, const addr_t *to)
{
	r->ip.version = 4;
	r->ip.ihl = IP_HEADER_SIZE / 4;
	r->ip.tot_len = bpf_htons(sizeof(*r));
	r->ip.ttl = 64;
	r->ip.protocol = ICMP_PROTOCOL;
	r->ip.saddr = from->word[0];
	r->ip.daddr = to->word[0];
	r->ip.check = checksum_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)&r->ip, sizeof(r->ip), 0));
	r->icmp.checksum = checksum_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)&r->icmp, sizeof(r->icmp), 0));
}
#else
static __always_inline void refusal_fill_ip(struct refusal *r, const addr_t *from, const addr_t *to)
{
	__be32 rest[2] = {bpf_htonl(sizeof(r->icmp)), bpf_htonl(ICMP_PROTOCOL)}; /* of the pseudo header */
	__s64 sum;

	r->ip.version = 6;
	r->ip.payload_len = bpf_htons(sizeof(r->icmp));
	r->ip.hop_limit = 64;
	r->ip.nexthdr = ICMP_PROTOCOL;
	__builtin_memcpy(&r->ip.saddr, from, sizeof(*from));
	__builtin_memcpy(&r->ip.daddr, to, sizeof(*to));
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&r->icmp, sizeof(r->icmp), 0);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)from, sizeof(*from), sum);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)to, sizeof(*to), sum);
	r->icmp.checksum = checksum_fold((__u32)bpf_csum_diff(NULL, 0, rest, sizeof(rest), sum));
}
#endif

static __always_inline bool refusal_is_within_budget(__u32 clock)
{
	__u32 zero = 0;
	struct masq_budget *budget = bpf_map_lookup_elem(&refusals_map, &zero);

	if (!budget)
		return false;
	if (READ_ONCE(budget->tick) != clock) {
		WRITE_ONCE(budget->tick, clock);
		WRITE_ONCE(budget->spent, 0);
	}
	return __sync_fetch_and_add(&budget->spent, 1) < REFUSALS_PER_TICK;
}

static __always_inline bool reason_is_reported(__u32 reason)
{
	return reason == MASQ_REASON_NO_FREE_PORT || reason == MASQ_REASON_TABLE_FULL ||
	       reason == MASQ_REASON_POD_LIMIT || reason == MASQ_REASON_PORT_SHARE;
}

/* Returns the device toward a pod; 0: no route. */
static __always_inline __u32 device_toward(ctx_t *ctx, const addr_t *from, const addr_t *pod)
{
	struct bpf_fib_lookup fib = {.family = ADDRESS_FAMILY, .ifindex = ctx_ifindex(ctx)};

#if FAMILY == 4
	fib.ipv4_src = from->word[0];
	fib.ipv4_dst = pod->word[0];
#else
	__builtin_memcpy(fib.ipv6_src, from, sizeof(*from));
	__builtin_memcpy(fib.ipv6_dst, pod, sizeof(*pod));
#endif
	return ctx_route(ctx, &fib, BPF_FIB_LOOKUP_SKIP_NEIGH) ? fib.ifindex : 0;
}

/*
 * Turns the refused packet into the error. Returns the verdict that sends it to its pod, or HOOK_DROP. The packet has
 * been counted already.
 */
__noinline int refuse(ctx_t *ctx, const struct packet *p)
{
	struct masq_control *c = control_get();
	struct refusal r = {};
	addr_t from = {};
	__u32 device;

	if (!c || !p || p->fragment != FRAGMENT_WHOLE || p->l3_offset != ETH_HLEN ||
	    p->l4_offset != ETH_HLEN + IP_HEADER_SIZE || p->flow.protocol == ICMP_PROTOCOL)
		return HOOK_DROP;
	if (!refusal_is_within_budget(c->clock) || !uplink_address(ctx, &p->flow, &from) ||
	    !ctx_load(ctx, ETH_HLEN, r.icmp.quote, sizeof(r.icmp.quote)))
		return HOOK_DROP;
	device = device_toward(ctx, &from, &p->flow.src);
	if (!device)
		return HOOK_DROP;
	r.icmp.type = PROHIBITED_TYPE;
	r.icmp.code = PROHIBITED_CODE;
	refusal_fill_ip(&r, &from, &p->flow.src);
	return ctx_replace(ctx, ETH_HLEN + sizeof(r), ETH_HLEN, &r, sizeof(r)) ? ctx_redirect(device) : HOOK_DROP;
}

#endif
