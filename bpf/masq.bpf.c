/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The two programs of an uplink. Below them, the engine of either family (engine.c) is chosen by the packet. */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

int egress4(struct __sk_buff *skb);
int egress6(struct __sk_buff *skb);
int ingress4(struct __sk_buff *skb);
int ingress6(struct __sk_buff *skb);

/* Load-time constants. */
volatile const bool enable_ipv4 = true;
volatile const bool enable_ipv6 = true;

SEC("tc")
int masq_egress(struct __sk_buff *skb)
{
	if (enable_ipv4 && skb->protocol == bpf_htons(ETH_P_IP))
		return egress4(skb);
	if (enable_ipv6 && skb->protocol == bpf_htons(ETH_P_IPV6))
		return egress6(skb);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int masq_ingress(struct __sk_buff *skb)
{
	if (enable_ipv4 && skb->protocol == bpf_htons(ETH_P_IP))
		return ingress4(skb);
	if (enable_ipv6 && skb->protocol == bpf_htons(ETH_P_IPV6))
		return ingress6(skb);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
