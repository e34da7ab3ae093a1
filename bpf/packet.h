/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet says of itself: parsed into the tuple that its connection has as the inner side sends it. */
#ifndef MASQ_BPF_PACKET_H
#define MASQ_BPF_PACKET_H

#include "bpf/maps.h"

#define L3_OFFSET ETH_HLEN
#define HEADERS_MAX (L3_OFFSET + 60 + 20) /* with the longest IPv4 header */
#define L4_OFFSET_MAX (L3_OFFSET + 60)

enum parsed {
	PARSED_FLOW,      /* the whole tuple is known */
	PARSED_ADDRESSES, /* only the addresses are: `no_flow` says why */
	PARSED_NOTHING,   /* no complete IP header */
};

struct packet {
	tuple_t flow; /* egress: as on the wire; ingress: source and destination exchanged */
	__u32 l4_offset;
	__be16 icmp_id;
	__u8 tcp_flags; /* the byte of RFC 9293 3.1: FIN 1, SYN 2, RST 4, ACK 16 */
	__u8 icmp_type;
	__u8 no_flow; /* enum masq_reason */
	bool has_udp_checksum;
};

#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

/* An ICMP query: a packet that has an identifier (RFC 792, RFC 4443). */
static __always_inline bool icmp_is_query(__u8 type)
{
	if (FAMILY == 4 && (type == ICMP_TIMESTAMP || type == ICMP_TIMESTAMPREPLY))
		return true;
	return type == ICMP_QUERY_REQUEST || type == ICMP_QUERY_REPLY;
}

/* The type that the other side of a query sends. */
static __always_inline __u8 icmp_partner(__u8 type)
{
	if (FAMILY == 4 && type == ICMP_TIMESTAMP)
		return ICMP_TIMESTAMPREPLY;
	if (FAMILY == 4 && type == ICMP_TIMESTAMPREPLY)
		return ICMP_TIMESTAMP;
	return type == ICMP_QUERY_REQUEST ? ICMP_QUERY_REPLY : ICMP_QUERY_REQUEST;
}

static __always_inline enum parsed without_flow(struct packet *p, __u8 reason)
{
	p->no_flow = reason;
	return PARSED_ADDRESSES;
}

/* Ports (or what stands for them) and flags; *short is set when the linear part of the packet ends before them. */
static __always_inline enum parsed packet_parse_l4(struct packet *p, enum masq_direction direction, void *l4,
						   void *end, bool *is_short)
{
	__be16 sport, dport;

	if (l4 + 8 > end) {
		*is_short = true;
		return without_flow(p, MASQ_REASON_MALFORMED);
	}
	if (p->flow.protocol == ICMP_PROTOCOL) {
		__u8 type = *(__u8 *)l4;

		if (!icmp_is_query(type))
			return without_flow(p, MASQ_REASON_UNSUPPORTED_PROTOCOL);
		p->icmp_type = type;
		p->icmp_id = *(__be16 *)(l4 + 4);
		p->flow.sport = p->icmp_id;
		p->flow.dport = bpf_htons(direction == MASQ_EGRESS ? type : icmp_partner(type));
		return PARSED_FLOW;
	}
	if (p->flow.protocol == IPPROTO_TCP) {
		if (l4 + 20 > end) {
			*is_short = true;
			return without_flow(p, MASQ_REASON_MALFORMED);
		}
		p->tcp_flags = *(__u8 *)(l4 + 13);
	} else if (p->flow.protocol == IPPROTO_UDP) {
		p->has_udp_checksum = *(__be16 *)(l4 + 6) != 0;
	} else {
		return without_flow(p, MASQ_REASON_UNSUPPORTED_PROTOCOL);
	}
	sport = *(__be16 *)l4;
	dport = *(__be16 *)(l4 + 2);
	if (!sport || !dport)
		return without_flow(p, MASQ_REASON_MALFORMED);
	p->flow.sport = direction == MASQ_EGRESS ? sport : dport;
	p->flow.dport = direction == MASQ_EGRESS ? dport : sport;
	return PARSED_FLOW;
}

#if FAMILY == 4
static __always_inline enum parsed packet_parse_linear(struct __sk_buff *skb, struct packet *p,
						       enum masq_direction direction, bool *is_short)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + L3_OFFSET;

	if ((void *)(ip + 1) > end) {
		*is_short = true;
		return PARSED_NOTHING;
	}
	p->flow.src.word[0] = direction == MASQ_EGRESS ? ip->saddr : ip->daddr;
	p->flow.dst.word[0] = direction == MASQ_EGRESS ? ip->daddr : ip->saddr;
	p->flow.protocol = ip->protocol;
	if (ip->version != 4 || ip->ihl < 5 || bpf_ntohs(ip->tot_len) < ip->ihl * 4)
		return without_flow(p, MASQ_REASON_MALFORMED);
	if (ip->frag_off & bpf_htons(0x3fff)) /* more fragments, or an offset */
		return without_flow(p, MASQ_REASON_FRAGMENT);
	p->l4_offset = L3_OFFSET + ip->ihl * 4;
	return packet_parse_l4(p, direction, data + p->l4_offset, end, is_short);
}
#else
static __always_inline enum parsed packet_parse_linear(struct __sk_buff *skb, struct packet *p,
						       enum masq_direction direction, bool *is_short)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip = data + L3_OFFSET;

	if ((void *)(ip + 1) > end) {
		*is_short = true;
		return PARSED_NOTHING;
	}
	__builtin_memcpy(&p->flow.src, direction == MASQ_EGRESS ? &ip->saddr : &ip->daddr, sizeof(addr_t));
	__builtin_memcpy(&p->flow.dst, direction == MASQ_EGRESS ? &ip->daddr : &ip->saddr, sizeof(addr_t));
	p->flow.protocol = ip->nexthdr;
	if (ip->version != 6)
		return without_flow(p, MASQ_REASON_MALFORMED);
	if (ip->nexthdr == IPPROTO_FRAGMENT)
		return without_flow(p, MASQ_REASON_FRAGMENT);
	p->l4_offset = L3_OFFSET + sizeof(*ip);
	return packet_parse_l4(p, direction, (void *)(ip + 1), end, is_short);
}
#endif

/* Headers that are not in the linear part of the packet are pulled there, once. */
static __always_inline enum parsed packet_parse(struct __sk_buff *skb, struct packet *p, enum masq_direction direction)
{
	enum parsed parsed = PARSED_NOTHING;

	for (int try = 0; try < 2; try++) {
		bool is_short = false;

		parsed = packet_parse_linear(skb, p, direction, &is_short);
		if (!is_short || try)
			break;
		bpf_skb_pull_data(skb, skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX);
	}
	return parsed;
}

static __always_inline bool packet_is_pure_syn(const struct packet *p)
{
	return p->flow.protocol == IPPROTO_TCP &&
	       (p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST | TCP_FLAG_FIN)) == TCP_FLAG_SYN;
}

/*
 * Whether a packet of a pod may make a mapping. A TCP segment in the middle of a connection may: it brings back a
 * connection whose mapping was lost, when its port is still free.
 */
static __always_inline bool packet_may_open(const struct packet *p)
{
	if (p->flow.protocol == IPPROTO_TCP)
		return !(p->tcp_flags & (TCP_FLAG_RST | TCP_FLAG_FIN)) &&
		       (p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) != (TCP_FLAG_SYN | TCP_FLAG_ACK);
	if (p->flow.protocol == ICMP_PROTOCOL)
		return p->icmp_type == ICMP_QUERY_REQUEST || (FAMILY == 4 && p->icmp_type == ICMP_TIMESTAMP);
	return true;
}

#endif
