/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs of an uplink: one pair for devices whose packets begin with an Ethernet header, one for those without
 * (TUN, PPP, WireGuard). Below them, the engine of either family (engine.c) is chosen by the packet.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

int egress4(struct __sk_buff *skb, __u32 l3_offset);
int egress6(struct __sk_buff *skb, __u32 l3_offset);
int ingress4(struct __sk_buff *skb, __u32 l3_offset);
int ingress6(struct __sk_buff *skb, __u32 l3_offset);

/* Load-time constants. */
volatile const bool enable_ipv4 = true;
volatile const bool enable_ipv6 = true;

volatile const struct masq_words words = {};

#define VLAN_TAGS_MAX 2
#define VLAN_TAG 4 /* octets: tag control information, then the type of what follows */

struct l3 {
	__u32 offset;
	__be16 type; /* ETH_P_* */
};

/* A tag that the kernel keeps beside the frame is not in the way; one within the frame is. */
static __always_inline struct l3 l3_find(struct __sk_buff *skb)
{
	struct l3 l3 = {.offset = ETH_HLEN, .type = skb->protocol};

	for (int tag = 0; tag < VLAN_TAGS_MAX; tag++) {
		if (l3.type != bpf_htons(ETH_P_8021Q) && l3.type != bpf_htons(ETH_P_8021AD))
			break;
		if (bpf_skb_load_bytes(skb, l3.offset + 2, &l3.type, sizeof(l3.type)))
			break;
		l3.offset += VLAN_TAG;
	}
	return l3;
}

static __always_inline int egress(struct __sk_buff *skb, struct l3 l3)
{
	if (enable_ipv4 && l3.type == bpf_htons(ETH_P_IP))
		return egress4(skb, l3.offset);
	if (enable_ipv6 && l3.type == bpf_htons(ETH_P_IPV6))
		return egress6(skb, l3.offset);
	return TC_ACT_UNSPEC;
}

static __always_inline int ingress(struct __sk_buff *skb, struct l3 l3)
{
	if (enable_ipv4 && l3.type == bpf_htons(ETH_P_IP))
		return ingress4(skb, l3.offset);
	if (enable_ipv6 && l3.type == bpf_htons(ETH_P_IPV6))
		return ingress6(skb, l3.offset);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int masq_egress(struct __sk_buff *skb)
{
	return egress(skb, l3_find(skb));
}

SEC("tc")
int masq_ingress(struct __sk_buff *skb)
{
	return ingress(skb, l3_find(skb));
}

/* Run by user space with a frame of its own, which comes in by the device that the run's context names. */
SEC("tc")
int masq_inject(struct __sk_buff *skb)
{
	return bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS);
}

SEC("tc")
int masq_egress_l3(struct __sk_buff *skb)
{
	return egress(skb, (struct l3){.type = skb->protocol});
}

SEC("tc")
int masq_ingress_l3(struct __sk_buff *skb)
{
	return ingress(skb, (struct l3){.type = skb->protocol});
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
