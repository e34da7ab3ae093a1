/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Selection of the external address of a new mapping. */
#ifndef MASQ_BPF_POLICY_ADDRESS_H
#define MASQ_BPF_POLICY_ADDRESS_H

#include "bpf/policy/decide.h"

/* External addresses, by interface index. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MASQ_UPLINKS_MAX);
	__type(key, __u32);
	__type(value, uplink_t);
} uplinks_map SEC(".maps");

/* Destinations with another external address than the usual one of their uplink. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MASQ_DESTINATIONS_MAX);
	__type(key, destination_key_t);
	__type(value, addr_t);
} destinations_map SEC(".maps");

static __always_inline bool address_by_destination(ctx_t *ctx, const tuple_t *flow, addr_t *external)
{
	destination_key_t key;
	addr_t *found;

	if (!options.by_destination)
		return false;
	key.prefix_length = 8 * (sizeof(key.ifindex) + sizeof(key.address));
	key.ifindex = ctx_ifindex(ctx);
	key.address = flow->dst;
	found = bpf_map_lookup_elem(&destinations_map, &key);
	if (!found)
		return false;
	*external = *found;
	return true;
}

/* Selects an address of the uplink for a pod, the same for all its connections (RFC 4787 4.1: paired pooling). */
static __always_inline bool uplink_address(ctx_t *ctx, const tuple_t *flow, addr_t *external)
{
	__u32 ifindex = ctx_ifindex(ctx), pick = 0;
	__u64 hash = 0;
	uplink_t *uplink = bpf_map_lookup_elem(&uplinks_map, &ifindex);

	if (!uplink || !uplink->count)
		return false;
	if (uplink->count > 1) {
		for (__u32 i = 0; i < ADDR_WORDS; i++)
			hash = (hash ^ flow->src.word[i]) * 0x9e3779b97f4a7c15ull;
		pick = (__u32)(hash >> 40) % uplink->count; /* the upper bits depend on all of the address */
	}
	if (pick >= MASQ_POOL_MAX)
		return false;
	KNOWN(pick); /* the verifier has no bounds of a remainder: the next one gives them */
	*external = uplink->address[pick % MASQ_POOL_MAX];
	return true;
}

/* Selects the source address of the host's route to the destination. */
__noinline int address_of_route(ctx_t *ctx, const tuple_t *flow, addr_t *external)
{
	struct bpf_fib_lookup fib = {.family = ADDRESS_FAMILY, .ifindex = ctx_ifindex(ctx)};

	if (!flow || !external)
		return false;
	fib.l4_protocol = flow->protocol;

#if FAMILY == 4
	fib.ipv4_dst = flow->dst.word[0];
#else
	__builtin_memcpy(fib.ipv6_dst, &flow->dst, sizeof(addr_t));
#endif
	if (!ctx_route(ctx, &fib, BPF_FIB_LOOKUP_OUTPUT | BPF_FIB_LOOKUP_SKIP_NEIGH | BPF_FIB_LOOKUP_SRC))
		return false;
	if (fib.ifindex != ctx_ifindex(ctx)) /* for IPv6 the helper may answer with a route of another device */
		return false;
#if FAMILY == 4
	external->word[0] = fib.ipv4_src;
#else
	__builtin_memcpy(external, fib.ipv6_src, sizeof(addr_t));
#endif
	return external->word[0] != 0;
}

/* Returns false if there is no usable address. */
static __always_inline bool external_address(ctx_t *ctx, const struct decision *d, const tuple_t *flow,
					     addr_t *external)
{
	return (d->addresses == ADDRESSES_OF_ROUTE && address_of_route(ctx, flow, external)) ||
	       address_by_destination(ctx, flow, external) || uplink_address(ctx, flow, external);
}

#endif
