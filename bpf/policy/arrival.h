/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The sender of a packet that has arrived by a bridge. The uplink's program no longer finds the frame's source address:
 * the uplink's own header replaces it. The program of the bridge therefore records it for the uplink's program, which
 * runs next on the same CPU for the same packet. A packet that was queued in between has no record, and is not
 * compared (docs/decisions/0020).
 */
#ifndef MASQ_BPF_POLICY_ARRIVAL_H
#define MASQ_BPF_POLICY_ARRIVAL_H

#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>

#include "bpf/abi/arrival.h"
#include "bpf/hook/tc.h"

/* Weak: of both families together, as the map events. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_arrival);
} arrivals __weak SEC(".maps");

static __always_inline struct masq_arrival *arrival_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&arrivals, &zero);
}

#define IPV4_SOURCE 12 /* offset in the header: RFC 791 3.1 */
#define IPV6_SOURCE 8  /* RFC 8200 3 */

/* The addresses of a frame in place: its headers are there, unless a raw socket has sent it from pages of its own. */
static __always_inline bool arrival_read(struct masq_arrival *a, const ctx_t *ctx, __u32 l3_offset, __be16 type)
{
	const void *frame = ctx_data(ctx);

	if (l3_offset != ETH_HLEN || frame + ETH_HLEN + IPV6_SOURCE + 16 > ctx_data_end(ctx))
		return false;
	if (type == bpf_htons(ETH_P_IP)) {
		__builtin_memcpy(a->address, frame + ETH_HLEN + IPV4_SOURCE, 4);
		__builtin_memset(a->address + 1, 0, 12);
	} else {
		__builtin_memcpy(a->address, frame + ETH_HLEN + IPV6_SOURCE, 16);
	}
	__builtin_memcpy(a->mac, frame + ETH_ALEN, ETH_ALEN);
	return true;
}

static __always_inline bool arrival_load(struct masq_arrival *a, const ctx_t *ctx, __u32 l3_offset, __be16 type)
{
	__builtin_memset(a->address, 0, sizeof(a->address));
	if (!ctx_load(ctx, ETH_ALEN, a->mac, ETH_ALEN))
		return false;
	return type == bpf_htons(ETH_P_IP) ? ctx_load(ctx, l3_offset + IPV4_SOURCE, a->address, 4)
					   : ctx_load(ctx, l3_offset + IPV6_SOURCE, a->address, 16);
}

/* Records the sender of a frame whose IP header is at `l3_offset`. */
static __always_inline void arrival_record(ctx_t *ctx, __u32 l3_offset, __be16 type)
{
	struct masq_arrival *a;

	if (type != bpf_htons(ETH_P_IP) && type != bpf_htons(ETH_P_IPV6))
		return;
	a = arrival_get();
	if (!a)
		return;
	a->ifindex =
		arrival_read(a, ctx, l3_offset, type) || arrival_load(a, ctx, l3_offset, type) ? ctx_ifindex(ctx) : 0;
}

#endif
