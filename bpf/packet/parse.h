/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Parses a packet. TCP, UDP and ICMP directly behind the IP header are read in place; headers.h reads all other
 * packets.
 */
#ifndef MASQ_BPF_PACKET_PARSE_H
#define MASQ_BPF_PACKET_PARSE_H

#include "bpf/packet/headers.h"

static __always_inline enum parsed without_flow(struct packet *p, __u8 reason)
{
	p->no_flow = reason;
	return PARSED_ADDRESSES;
}

static __always_inline void ports_set(struct packet *p, enum masq_direction direction, __be16 sport, __be16 dport)
{
	p->flow.sport = direction == MASQ_EGRESS ? sport : dport;
	p->flow.dport = direction == MASQ_EGRESS ? dport : sport;
}

/* RFC 768, RFC 9293: port 0 is invalid. */
static __always_inline enum parsed ports_read(struct packet *p, enum masq_direction direction, const void *l4)
{
	__be16 sport = *(const __be16 *)l4, dport = *(const __be16 *)(l4 + 2);

	ports_set(p, direction, sport, dport);
	return sport && dport ? PARSED_FLOW : without_flow(p, MASQ_REASON_MALFORMED);
}

/* The readers get the transport header: at least transport_minimum() bytes. */
static __always_inline enum parsed tcp_read(struct packet *p, enum masq_direction direction, const void *l4,
					    __u32 length)
{
	__u32 header = *(const __u8 *)(l4 + 12) >> 4;

	if (header < 5 || header * 4 > length)
		return without_flow(p, MASQ_REASON_MALFORMED);
	p->tcp_flags = *(const __u8 *)(l4 + 13);
	if (direction == MASQ_EGRESS)
		p->tcp_ack = *(const __be32 *)(l4 + 8);
	p->may_initiate = tcp_may_initiate(p->tcp_flags);
	p->has_checksum = true;
	return ports_read(p, direction, l4);
}

static __always_inline enum parsed udp_read(struct packet *p, enum masq_direction direction, const void *l4,
					    __u32 length)
{
	__u32 said = bpf_ntohs(*(const __be16 *)(l4 + 4));

	if (said < 8 || said > length)
		return without_flow(p, MASQ_REASON_MALFORMED);
	p->may_initiate = true;
	p->has_checksum = *(const __be16 *)(l4 + 6) != 0;
	return ports_read(p, direction, l4);
}

/*
 * The identifier is the source port, and the type of the pod's packets is the destination port. So an echo request of a
 * pod and its reply to another one are two flows.
 */
static __always_inline enum parsed icmp_read(struct packet *p, enum masq_direction direction, const void *l4)
{
	__u8 type = *(const __u8 *)l4, reply = icmp_reply_of(type), partner = reply;

	p->icmp_type = type;
	if (icmp_is_error(type))
		return PARSED_ERROR;
	if (reply == ICMP_QUERY_NONE)
		partner = icmp_request_of(type);
	if (partner == ICMP_QUERY_NONE)
		return without_flow(p, MASQ_REASON_UNSUPPORTED_PROTOCOL);
	p->may_initiate = reply != ICMP_QUERY_NONE;
	p->has_checksum = true;
	p->flow.sport = *(const __be16 *)(l4 + 4);
	p->flow.dport = bpf_htons(direction == MASQ_EGRESS ? type : partner);
	return PARSED_FLOW;
}

/* A protocol with a key of 32 bits, the same in both directions, or without one (0). */
static __always_inline enum parsed key_read(struct packet *p, const __be16 *key)
{
	p->flow.sport = key[0];
	p->flow.dport = key[1];
	p->may_initiate = true;
	return PARSED_FLOW;
}

/* RFC 2890: version 0 with the K bit; the optional checksum is before the key. */
static __always_inline enum parsed gre_read(struct packet *p, const void *l4)
{
	const __be16 none[2] = {};
	__be16 flags = *(const __be16 *)l4;

	if (!(flags & bpf_htons(0x2000)) || (flags & bpf_htons(7)))
		return key_read(p, none);
	return flags & bpf_htons(0x8000) ? key_read(p, l4 + 8) : key_read(p, l4 + 4);
}

/* `quoted`: in an ICMP error, which may quote only 8 bytes, and whose length fields describe the original packet. */
static __always_inline enum parsed transport_read(struct packet *p, enum masq_direction direction, const void *l4,
						  __u32 length, bool quoted)
{
	const __be16 none[2] = {};

	switch (p->flow.protocol) {
	case IPPROTO_TCP:
		if (quoted) {
			p->has_checksum = length >= 18;
			return ports_read(p, direction, l4);
		}
		return tcp_read(p, direction, l4, length);
	case IPPROTO_UDP:
		/* The length in a first fragment is the datagram's. */
		return udp_read(p, direction, l4, quoted || p->fragment == FRAGMENT_FIRST ? 65535 : length);
	case PROTOCOL_UDPLITE:
	case PROTOCOL_DCCP:
		p->has_checksum = p->may_initiate = true;
		return ports_read(p, direction, l4);
	case ICMP_PROTOCOL:
		return icmp_read(p, direction, l4);
	case PROTOCOL_SCTP:
		p->may_initiate = sctp_may_initiate(*(const __u8 *)(l4 + 12));
		return ports_read(p, direction, l4);
	case PROTOCOL_GRE:
		return gre_read(p, l4);
	case PROTOCOL_ESP: /* RFC 4303: the SPI; RFC 4302: at offset 4 */
		return key_read(p, l4);
	case PROTOCOL_AH:
		return key_read(p, l4 + 4);
	default:
		return key_read(p, none);
	}
}

#define PARSE_INGRESS 1 /* = enum masq_direction */
#define PARSE_QUOTED 2
#define PARSE_END_SHIFT 8 /* end of the ICMP error */
#define QUOTE_MINIMUM 8   /* RFC 792; less of a packet that had less */
#define L4_READ 20

/* Parses any packet at `l3_offset`. Returns enum parsed. */
__noinline int parse_any(ctx_t *ctx, struct packet *p, __u32 l3_offset, __u32 how)
{
	enum masq_direction direction = how & PARSE_INGRESS;
	bool quoted = how & PARSE_QUOTED;
	struct headers h = {};
	__u8 l4[L4_READ + 4] = {};
	__u32 length, minimum;
	int walked;

	if (!p)
		return PARSED_NO_HEADER;
	walked = headers_walk(ctx, l3_offset, &h);
	if (walked == WALKED_NO_HEADER)
		return PARSED_NO_HEADER;
	p->flow.src = direction == MASQ_EGRESS ? h.src : h.dst;
	p->flow.dst = direction == MASQ_EGRESS ? h.dst : h.src;
	p->flow.protocol = h.protocol;
	p->l3_offset = l3_offset;
	p->l4_offset = h.l4_offset;
	p->id_offset = h.id_offset;
	p->id = h.id;
	p->id_rest = h.id_rest;
	if (quoted)
		h.end = how >> PARSE_END_SHIFT; /* the original packet was longer */
	else if (!h.hops)                       /* a quoted packet may have expired */
		return without_flow(p, MASQ_REASON_MALFORMED);
	if (walked == WALKED_MALFORMED || h.end > ctx_length(ctx) || h.end < h.l4_offset)
		return without_flow(p, MASQ_REASON_MALFORMED);
	if (h.fragment_offset)
		return PARSED_FRAGMENT;
	p->fragment = h.more_fragments ? FRAGMENT_FIRST : FRAGMENT_WHOLE;
	length = h.end - h.l4_offset;
	p->l4_length = length;
	minimum = transport_minimum(h.protocol);
	if (length < (quoted && minimum > QUOTE_MINIMUM ? QUOTE_MINIMUM : minimum))
		return without_flow(p, MASQ_REASON_MALFORMED);
	if (length && !ctx_load(ctx, h.l4_offset, l4, BOUNDED(length, L4_READ)))
		return without_flow(p, MASQ_REASON_MALFORMED);
	return transport_read(p, direction, l4, length, quoted);
}

/* The fast path cannot parse it; parse_any() can. */
#define PARSE_ANY ((enum parsed) - 1)

static __always_inline enum parsed parse_fast_l4(ctx_t *ctx, struct packet *p, enum masq_direction direction,
						 const void *l4, const void *end, __u32 length)
{
	if (length + p->l4_offset > ctx_length(ctx))
		return PARSE_ANY;
	p->l4_length = length;
	switch (p->flow.protocol) {
	case IPPROTO_TCP:
		return l4 + 20 > end || length < 20 ? PARSE_ANY : tcp_read(p, direction, l4, length);
	case IPPROTO_UDP:
		return l4 + 8 > end || length < 8 ? PARSE_ANY : udp_read(p, direction, l4, length);
	case ICMP_PROTOCOL:
		return l4 + 8 > end || length < 8 ? PARSE_ANY : icmp_read(p, direction, l4);
	default:
		return PARSE_ANY;
	}
}

#if FAMILY == 4
static __always_inline enum parsed parse_fast(ctx_t *ctx, struct packet *p, enum masq_direction direction,
					      __u32 l3_offset)
{
	const void *data = ctx_data(ctx), *end = ctx_data_end(ctx);
	const struct iphdr *ip = data + l3_offset;
	__u32 header, total;

	if ((const void *)(ip + 1) > end)
		return PARSE_ANY;
	p->flow.src.word[0] = direction == MASQ_EGRESS ? ip->saddr : ip->daddr;
	p->flow.dst.word[0] = direction == MASQ_EGRESS ? ip->daddr : ip->saddr;
	p->flow.protocol = ip->protocol;
	header = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < 20 || total < header || !ip->ttl || (ip->frag_off & bpf_htons(0x3fff)))
		return PARSE_ANY;
	p->l3_offset = l3_offset;
	p->l4_offset = l3_offset + header;
	return parse_fast_l4(ctx, p, direction, data + l3_offset + header, end, total - header);
}
#else
static __always_inline enum parsed parse_fast(ctx_t *ctx, struct packet *p, enum masq_direction direction,
					      __u32 l3_offset)
{
	const void *data = ctx_data(ctx), *end = ctx_data_end(ctx);
	const struct ipv6hdr *ip = data + l3_offset;
	enum parsed parsed;

	if ((const void *)(ip + 1) > end)
		return PARSE_ANY;
	__builtin_memcpy(&p->flow.src, direction == MASQ_EGRESS ? &ip->saddr : &ip->daddr, sizeof(addr_t));
	__builtin_memcpy(&p->flow.dst, direction == MASQ_EGRESS ? &ip->daddr : &ip->saddr, sizeof(addr_t));
	p->flow.protocol = ip->nexthdr;
	if (ip->version != 6 || !ip->hop_limit)
		return PARSE_ANY;
	p->l3_offset = l3_offset;
	p->l4_offset = l3_offset + sizeof(*ip);
	parsed = parse_fast_l4(ctx, p, direction, ip + 1, end, bpf_ntohs(ip->payload_len));
	if (parsed == PARSED_ADDRESSES && ip->hop_limit == 255 && ip->nexthdr == ICMP_PROTOCOL &&
	    icmp_is_neighbour_discovery(p->icmp_type))
		p->no_flow = MASQ_REASON_NEIGHBOUR_DISCOVERY;
	return parsed;
}
#endif

/* Expects `p` to be zero. Afterwards the first HEADERS_MAX bytes can be read in place. */
static __always_inline enum parsed packet_parse(ctx_t *ctx, struct packet *p, enum masq_direction direction,
						__u32 l3_offset)
{
	enum parsed parsed;

	if (l3_offset > L3_OFFSET_MAX)
		return PARSED_NO_HEADER;
	parsed = parse_fast(ctx, p, direction, l3_offset);
	if (parsed != PARSE_ANY)
		return parsed;
	ctx_pull(ctx, ctx_length(ctx) < HEADERS_MAX ? ctx_length(ctx) : HEADERS_MAX);
	return parse_any(ctx, p, l3_offset, direction);
}

#endif
