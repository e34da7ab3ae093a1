/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs of an uplink: one pair for devices whose packets begin with an Ethernet header, one for those without
 * (TUN, PPP, WireGuard). The packet's EtherType selects the engine of its family (engine.c). And the program of a bridge
 * with pods on it.
 */
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>

#include "bpf/abi/mapping.h"
#include "bpf/hook/tc.h"
#include "bpf/policy/arrival.h"

int egress4(ctx_t *ctx, __u32 l3_offset);
int egress6(ctx_t *ctx, __u32 l3_offset);
int ingress4(ctx_t *ctx, __u32 l3_offset);
int ingress6(ctx_t *ctx, __u32 l3_offset);

/* Load-time constants. */
volatile const bool enable_ipv4 = true;
volatile const bool enable_ipv6 = true;

volatile const struct masq_words words = {};

#define VLAN_TAGS_MAX 2
#define VLAN_TAG 4 /* bytes: tag control information, then the next EtherType */

struct l3 {
	__u32 offset;
	__be16 type; /* ETH_P_* */
};

/* Skips VLAN tags within the frame. A tag that the kernel keeps beside the frame needs nothing. */
static __always_inline struct l3 l3_find(ctx_t *ctx)
{
	struct l3 l3 = {.offset = ETH_HLEN, .type = ctx_protocol(ctx)};

	for (int tag = 0; tag < VLAN_TAGS_MAX; tag++) {
		if (l3.type != bpf_htons(ETH_P_8021Q) && l3.type != bpf_htons(ETH_P_8021AD))
			break;
		if (!ctx_load(ctx, l3.offset + 2, &l3.type, sizeof(l3.type)))
			break;
		l3.offset += VLAN_TAG;
	}
	return l3;
}

static __always_inline int egress(ctx_t *ctx, struct l3 l3)
{
	if (enable_ipv4 && l3.type == bpf_htons(ETH_P_IP))
		return egress4(ctx, l3.offset);
	if (enable_ipv6 && l3.type == bpf_htons(ETH_P_IPV6))
		return egress6(ctx, l3.offset);
	return HOOK_PASS;
}

static __always_inline int ingress(ctx_t *ctx, struct l3 l3)
{
	if (enable_ipv4 && l3.type == bpf_htons(ETH_P_IP))
		return ingress4(ctx, l3.offset);
	if (enable_ipv6 && l3.type == bpf_htons(ETH_P_IPV6))
		return ingress6(ctx, l3.offset);
	return HOOK_PASS;
}

HOOK_PROGRAM
int masq_egress(ctx_t *ctx)
{
	return egress(ctx, l3_find(ctx));
}

HOOK_PROGRAM
int masq_ingress(ctx_t *ctx)
{
	return ingress(ctx, l3_find(ctx));
}

/* What a pod sends by a bridge, as it arrives there. */
HOOK_PROGRAM
int masq_bridge(ctx_t *ctx)
{
	struct l3 l3 = l3_find(ctx);

	arrival_record(ctx, l3.offset, l3.type);
	return HOOK_PASS;
}

/* User space runs it with a frame, which arrives by the device that the run's context names. */
HOOK_PROGRAM
int masq_inject(ctx_t *ctx)
{
	return ctx_clone(ctx, true);
}

HOOK_PROGRAM
int masq_egress_l3(ctx_t *ctx)
{
	return egress(ctx, (struct l3){.type = ctx_protocol(ctx)});
}

HOOK_PROGRAM
int masq_ingress_l3(ctx_t *ctx)
{
	return ingress(ctx, (struct l3){.type = ctx_protocol(ctx)});
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
