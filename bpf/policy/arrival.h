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

/* Records the sender of a frame whose IP header is at `l3_offset`. */
static __always_inline void arrival_record(ctx_t *ctx, __u32 l3_offset, __be16 type)
{
	struct masq_arrival *a = arrival_get();
	bool found;

	if (!a)
		return;
	__builtin_memset(a->address, 0, sizeof(a->address));
	if (type == bpf_htons(ETH_P_IP))
		found = ctx_load(ctx, l3_offset + IPV4_SOURCE, a->address, 4);
	else
		found = type == bpf_htons(ETH_P_IPV6) && ctx_load(ctx, l3_offset + IPV6_SOURCE, a->address, 16);
	a->ifindex = found && ctx_load(ctx, ETH_ALEN, a->mac, ETH_ALEN) ? ctx_ifindex(ctx) : 0;
}

#endif
