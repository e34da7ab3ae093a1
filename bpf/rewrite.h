/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes another address and port into a packet. The IPv4 header is written in place; the transport checksum goes
 * through the helper, which alone knows whether it is whole, partial (an offload finishes it) or carried beside
 * the packet. Either everything is changed, or the caller drops the packet.
 */
#ifndef MASQ_BPF_REWRITE_H
#define MASQ_BPF_REWRITE_H

#include "bpf/packet.h"

#ifndef BPF_F_IPV6
#define BPF_F_IPV6 (1ull << 7) /* Linux 6.16: the IPv6 header has no checksum that makes up for the change */
#endif

/* RFC 1624, equation 3. */
static __always_inline __sum16 checksum_replace(__sum16 check, __be32 from, __be32 to)
{
	__u32 sum = (__u16)~check;

	sum += (__u16)~from + (__u16)(~from >> 16);
	sum += (__u16)to + (to >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline __u32 checksum_offset(const struct packet *p)
{
	switch (p->flow.protocol) {
	case IPPROTO_TCP:
		return p->l4_offset + 16;
	case IPPROTO_UDP:
		return p->l4_offset + 6;
	default:
		return p->l4_offset + 2;
	}
}

#if FAMILY == 4
/* ICMP's checksum does not cover the addresses. */
static __always_inline long checksum_fix_address(struct __sk_buff *skb, const struct packet *p, const addr_t *from,
						 const addr_t *to, __u64 flags)
{
	if (p->flow.protocol == IPPROTO_ICMP)
		return 0;
	return bpf_l4_csum_replace(skb, checksum_offset(p), from->word[0], to->word[0],
				   BPF_F_PSEUDO_HDR | sizeof(__be32) | flags);
}

static __always_inline void address_write(struct iphdr *ip, bool source, const addr_t *to)
{
	__be32 *field = source ? &ip->saddr : &ip->daddr;

	ip->check = checksum_replace(ip->check, *field, to->word[0]);
	*field = to->word[0];
}
#define IP_HEADER struct iphdr
#else
static __always_inline long checksum_fix_address(struct __sk_buff *skb, const struct packet *p, const addr_t *from,
						 const addr_t *to, __u64 flags)
{
	__s64 difference = bpf_csum_diff((__be32 *)from, sizeof(*from), (__be32 *)to, sizeof(*to), 0);
	long error;

	error = bpf_l4_csum_replace(skb, checksum_offset(p), 0, difference, BPF_F_PSEUDO_HDR | BPF_F_IPV6 | flags);
	if (error) /* a kernel before the flag */
		error = bpf_l4_csum_replace(skb, checksum_offset(p), 0, difference, BPF_F_PSEUDO_HDR | flags);
	return error;
}

static __always_inline void address_write(struct ipv6hdr *ip, bool source, const addr_t *to)
{
	__builtin_memcpy(source ? &ip->saddr : &ip->daddr, to, sizeof(*to));
}
#define IP_HEADER struct ipv6hdr
#endif

/*
 * Egress: the source becomes `to` and `port`; ingress: the destination. For ICMP queries the port is the identifier.
 * After an error the packet may be half changed.
 */
static __always_inline bool packet_rewrite(struct __sk_buff *skb, const struct packet *p, enum masq_direction direction,
					   const addr_t *to, __be16 port)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	bool source = direction == MASQ_EGRESS;
	__u64 flags = p->flow.protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	IP_HEADER *ip = data + L3_OFFSET;
	__u32 l4_offset = p->l4_offset;
	void *l4;

	if (l4_offset > L4_OFFSET_MAX)
		return false;
	l4 = data + l4_offset;
	if ((void *)(ip + 1) > end || l4 + 8 > end)
		return false;
	if (port != p->flow.sport)
		*(__be16 *)(p->flow.protocol == ICMP_PROTOCOL ? l4 + 4 : source ? l4 : l4 + 2) = port;
	address_write(ip, source, to);

	if (p->flow.protocol == IPPROTO_UDP && !p->has_udp_checksum)
		return true;
	/* In the packet's own orientation the changed address is flow.src in both directions. */
	if (checksum_fix_address(skb, p, &p->flow.src, to, flags))
		return false;
	if (port == p->flow.sport)
		return true;
	return !bpf_l4_csum_replace(skb, checksum_offset(p), p->flow.sport, port, sizeof(__be16) | flags);
}

#endif
