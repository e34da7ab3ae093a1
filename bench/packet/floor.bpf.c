/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the engine is measured against, and how.
 *
 * floor_egress, floor_ingress: the least that a stateful NAT in BPF can do: parse, one look-up of a 16-byte key, the
 * IP header written in place, the transport checksum by the helper for address and port. floor_new: the two
 * insertions of a new flow.
 *
 * present: BPF_PROG_TEST_RUN with repeat would feed a program its own output; this program writes the next flow's
 * addresses and ports into the packet and calls the one that is measured. Its own cost is measured with `empty`. In IPv6
 * packets the flow's addresses are the last four octets; the others stay as they came.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__be32 saddr;
	__be32 daddr;
	__be16 sport;
	__be16 dport;
	__u32 zero;
};

struct floor_value {
	__be32 address;
	__be16 port;
	__u16 zero;
	__u64 reserved[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2097152); /* a million mappings, both directions */
	__type(key, struct flow);
	__type(value, struct floor_value);
} floor_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1048576);
	__type(key, __u32);
	__type(value, struct flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} subject SEC(".maps");

__u32 flow_count = 1;
__u32 next_flow = 0;

static __always_inline bool flow_parse(struct __sk_buff *skb, struct flow *flow)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);

	if (skb->protocol != bpf_htons(ETH_P_IP) || (void *)(tcp + 1) > end || ip->protocol != IPPROTO_TCP ||
	    ip->ihl != 5)
		return false;
	flow->saddr = ip->saddr;
	flow->daddr = ip->daddr;
	flow->sport = tcp->source;
	flow->dport = tcp->dest;
	flow->zero = 0;
	return true;
}

static __always_inline int floor_translate(struct __sk_buff *skb, bool egress)
{
	__u32 checksum_at = ETH_HLEN + sizeof(struct iphdr) + 16, sum;
	struct floor_value *value;
	void *data, *end;
	struct tcphdr *tcp;
	struct iphdr *ip;
	struct flow flow;
	__be32 old;

	if (!flow_parse(skb, &flow))
		return TC_ACT_UNSPEC;
	value = bpf_map_lookup_elem(&floor_table, &flow);
	if (!value)
		return TC_ACT_UNSPEC;
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	ip = data + ETH_HLEN;
	tcp = (void *)(ip + 1);
	if ((void *)(tcp + 1) > end)
		return TC_ACT_SHOT;
	old = egress ? ip->saddr : ip->daddr;
	sum = (__u16)~ip->check + (__u16)~old + (__u16)(~old >> 16) + (__u16)value->address + (value->address >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~((sum & 0xffff) + (sum >> 16));
	if (egress) {
		ip->saddr = value->address;
		tcp->source = value->port;
	} else {
		ip->daddr = value->address;
		tcp->dest = value->port;
	}
	bpf_l4_csum_replace(skb, checksum_at, old, value->address, BPF_F_PSEUDO_HDR | 4);
	bpf_l4_csum_replace(skb, checksum_at, egress ? flow.sport : flow.dport, value->port, 2);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int floor_egress(struct __sk_buff *skb)
{
	return floor_translate(skb, true);
}

SEC("tc")
int floor_ingress(struct __sk_buff *skb)
{
	return floor_translate(skb, false);
}

SEC("tc")
int floor_new(struct __sk_buff *skb)
{
	struct floor_value value = {.address = bpf_htonl(0xc000020a)};
	struct flow flow, back;

	if (!flow_parse(skb, &flow))
		return TC_ACT_UNSPEC;
	value.port = flow.sport;
	back = (struct flow){
		.saddr = flow.daddr, .daddr = value.address, .sport = flow.dport, .dport = flow.sport, .zero = 1};
	bpf_map_update_elem(&floor_table, &back, &value, BPF_NOEXIST);
	bpf_map_update_elem(&floor_table, &flow, &value, BPF_NOEXIST);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int empty(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

struct packet6 {
	struct ipv6hdr ip;
	struct tcphdr tcp;
};

/* The engine writes the whole external address: the prefixes have to be there again for the next packet. */
__be32 source_prefix[3] = {};
__be32 destination_prefix[3] = {};

static __always_inline bool flow_write6(struct __sk_buff *skb, const struct flow *flow)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct packet6 *packet = data + ETH_HLEN;

	if ((void *)(packet + 1) > end)
		return false;
	__builtin_memcpy(&packet->ip.saddr, source_prefix, sizeof(source_prefix));
	__builtin_memcpy(&packet->ip.daddr, destination_prefix, sizeof(destination_prefix));
	packet->ip.saddr.in6_u.u6_addr32[3] = flow->saddr;
	packet->ip.daddr.in6_u.u6_addr32[3] = flow->daddr;
	packet->tcp.source = flow->sport;
	packet->tcp.dest = flow->dport;
	return true;
}

static __always_inline bool flow_write4(struct __sk_buff *skb, const struct flow *flow)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > end)
		return false;
	ip->saddr = flow->saddr;
	ip->daddr = flow->daddr;
	tcp->source = flow->sport;
	tcp->dest = flow->dport;
	return true;
}

SEC("tc")
int present(struct __sk_buff *skb)
{
	__u32 number = next_flow;
	struct flow *flow;

	next_flow = number + 1 < flow_count ? number + 1 : 0;
	flow = bpf_map_lookup_elem(&flows, &number);
	if (!flow)
		return TC_ACT_SHOT;
	if (skb->protocol == bpf_htons(ETH_P_IPV6) ? !flow_write6(skb, flow) : !flow_write4(skb, flow))
		return TC_ACT_SHOT;
	bpf_tail_call(skb, &subject, 0);
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
