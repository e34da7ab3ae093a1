/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IP headers with options, extension headers or fragments: of a packet, or of the packet that an ICMP error quotes. Off
 * the fast path, so they are read by the helper, which also reads what is not in the linear part of the packet.
 */
#ifndef MASQ_BPF_PACKET_HEADERS_H
#define MASQ_BPF_PACKET_HEADERS_H

#include "bpf/packet/packet.h"

struct headers {
	addr_t src;
	addr_t dst;
	__u32 l4_offset;
	__u32 end; /* offset of the packet's end according to its header */
	__u32 id_offset;
	__u16 fragment_offset; /* bytes */
	__be16 id;
	__be16 id_rest;
	__u8 protocol;
	__u8 hops; /* TTL, or hop limit */
	bool more_fragments;
};

enum walked {
	WALKED,
	WALKED_MALFORMED, /* addresses are parsed */
	WALKED_NO_HEADER,
};

#if FAMILY == 4
/* Reads the IP headers at `offset`. Returns enum walked. */
__noinline int headers_walk(ctx_t *ctx, __u32 offset, struct headers *h)
{
	struct iphdr ip = {};
	__u32 total;

	if (!h || !ctx_load(ctx, offset, &ip, sizeof(ip)))
		return WALKED_NO_HEADER;
	h->src.word[0] = ip.saddr;
	h->dst.word[0] = ip.daddr;
	h->protocol = ip.protocol;
	h->hops = ip.ttl;
	h->l4_offset = offset + ip.ihl * 4;
	h->id_offset = offset + 4;
	h->id = ip.id;
	h->id_rest = 0;
	h->fragment_offset = (bpf_ntohs(ip.frag_off) & 0x1fff) * 8;
	h->more_fragments = ip.frag_off & bpf_htons(0x2000);
	total = bpf_ntohs(ip.tot_len);
	h->end = total || !ctx_is_segmented_later(ctx) ? offset + total
						       : ctx_length(ctx); /* 0: too long for the field (BIG TCP) */
	if (ip.version != 4 || ip.ihl < 5 || h->end < h->l4_offset)
		return WALKED_MALFORMED;
	if (h->fragment_offset && h->fragment_offset + (h->end - h->l4_offset) > 65535)
		return WALKED_MALFORMED;
	return WALKED;
}
#else
#define EXTENSIONS_MAX 8

/* The first four bytes are common to these extension headers (RFC 8200 4.3-4.6). */
struct extension {
	__u8 next;
	__u8 length; /* in units of 8 bytes, without the first; of a fragment header: reserved */
	__be16 fragment_offset_and_more;
	__be16 id_rest;
	__be16 id;
};

static __always_inline bool is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_FRAGMENT;
}

__noinline int headers_walk(ctx_t *ctx, __u32 offset, struct headers *h)
{
	struct ipv6hdr ip = {};
	__u32 at = offset + sizeof(ip);
	__u8 protocol;

	if (!h || !ctx_load(ctx, offset, &ip, sizeof(ip)))
		return WALKED_NO_HEADER;
	__builtin_memcpy(&h->src, &ip.saddr, sizeof(addr_t));
	__builtin_memcpy(&h->dst, &ip.daddr, sizeof(addr_t));
	h->protocol = protocol = ip.nexthdr;
	h->hops = ip.hop_limit;
	h->fragment_offset = 0;
	h->more_fragments = false;
	h->end = ip.payload_len || !ctx_is_segmented_later(ctx) ? at + bpf_ntohs(ip.payload_len)
								: ctx_length(ctx); /* 0: BIG TCP */
	if (ip.version != 6)
		return WALKED_MALFORMED;
	/* Unrolled: before Linux 6.3 no loop may begin directly after a call. */
#pragma clang loop unroll(full)
	for (int i = 0; i <= EXTENSIONS_MAX; i++) {
		struct extension x = {};

		if (!is_extension(protocol))
			break;
		if (i == EXTENSIONS_MAX || !ctx_load(ctx, at, &x, sizeof(x)))
			return WALKED_MALFORMED;
		if (protocol == IPPROTO_FRAGMENT) {
			h->id_offset = at + __builtin_offsetof(struct extension, id);
			h->id = x.id;
			h->id_rest = x.id_rest;
			h->fragment_offset = bpf_ntohs(x.fragment_offset_and_more) & 0xfff8;
			h->more_fragments = x.fragment_offset_and_more & bpf_htons(1);
			at += sizeof(x);
			if (h->fragment_offset)
				break; /* a later fragment: no header follows */
		} else {
			at += (x.length + 1) * 8;
		}
		h->protocol = protocol = x.next;
	}
	h->l4_offset = at;
	if (h->fragment_offset && h->fragment_offset + (h->end - at) > 65535)
		return WALKED_MALFORMED;
	return h->end < at ? WALKED_MALFORMED : WALKED;
}
#endif

#endif
