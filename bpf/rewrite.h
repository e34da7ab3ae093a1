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

/* The checksum of a sum of 16-bit words (RFC 1071). */
static __always_inline __sum16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* RFC 1624, equation 3. */
static __always_inline __sum16 checksum_replace(__sum16 check, __be32 from, __be32 to)
{
	__u32 sum = (__u16)~check;

	sum += (__u16)~from + (__u16)(~from >> 16);
	sum += (__u16)to + (to >> 16);
	return checksum_fold(sum);
}

#if FAMILY == 4
#define IP_HEADER struct iphdr

static __always_inline long checksum_fix_address(struct __sk_buff *skb, __u32 offset, const addr_t *from,
						 const addr_t *to, __u64 flags)
{
	return bpf_l4_csum_replace(skb, offset, from->word[0], to->word[0], BPF_F_PSEUDO_HDR | sizeof(__be32) | flags);
}

static __always_inline void address_write(struct iphdr *ip, bool source, const addr_t *to)
{
	__be32 *field = source ? &ip->saddr : &ip->daddr;

	ip->check = checksum_replace(ip->check, *field, to->word[0]);
	*field = to->word[0];
}
#else
#define IP_HEADER struct ipv6hdr

static __always_inline long checksum_fix_address(struct __sk_buff *skb, __u32 offset, const addr_t *from,
						 const addr_t *to, __u64 flags)
{
	__s64 difference = bpf_csum_diff((__be32 *)from, sizeof(*from), (__be32 *)to, sizeof(*to), 0);
	long error;

	error = bpf_l4_csum_replace(skb, offset, 0, difference, BPF_F_PSEUDO_HDR | BPF_F_IPV6 | flags);
	if (error) /* a kernel before the flag */
		error = bpf_l4_csum_replace(skb, offset, 0, difference, BPF_F_PSEUDO_HDR | flags);
	return error;
}

static __always_inline void address_write(struct ipv6hdr *ip, bool source, const addr_t *to)
{
	__builtin_memcpy(source ? &ip->saddr : &ip->daddr, to, sizeof(*to));
}
#endif

static __always_inline bool packet_write_address(struct __sk_buff *skb, const struct packet *p,
						 enum masq_direction direction, const addr_t *to)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 l3_offset = p->l3_offset;
	IP_HEADER *ip = data + l3_offset;

	if (l3_offset > L3_OFFSET_MAX || (void *)(ip + 1) > end)
		return false;
	address_write(ip, direction == MASQ_EGRESS, to);
	return true;
}

static __always_inline bool port_write(struct __sk_buff *skb, const struct packet *p, enum masq_direction direction,
				       __be16 port)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 at = port_offset(p->flow.protocol, direction == MASQ_EGRESS), l4_offset = p->l4_offset;
	void *l4;

	if (l4_offset <= L4_OFFSET_MAX) {
		l4 = data + l4_offset;
		if (l4 + 8 <= end) {
			*(__be16 *)(l4 + at) = port;
			return true;
		}
	}
	return !bpf_skb_store_bytes(skb, l4_offset + at, &port, sizeof(port), 0);
}

static __always_inline __s64 checksum_of_address(const addr_t *from, const addr_t *to, __s64 sum)
{
	return bpf_csum_diff((__be32 *)from, sizeof(*from), (__be32 *)to, sizeof(*to), sum);
}

/* The sum of two octets at an even place, for bpf_csum_diff(). */
static __always_inline __s64 checksum_of_change(__be16 from, __be16 to, __s64 sum)
{
	__be32 was = from, is = to;

	return bpf_csum_diff(&was, sizeof(was), &is, sizeof(is), sum);
}

/* No checksum in the packet makes up for what changed, so the one that a device computed beside it has to. */
static __always_inline void checksum_beside_fix(struct __sk_buff *skb, const struct packet *p, const addr_t *to,
						__be16 port)
{
	__s64 sum = FAMILY == 6 ? checksum_of_address(&p->flow.src, to, 0) : 0; /* IPv4's header has a checksum */

	if (port != p->flow.sport)
		sum = checksum_of_change(p->flow.sport, port, sum);
	bpf_csum_update(skb, sum);
}

/* Address alone: all that is to change in a fragment behind the first. */
static __always_inline bool packet_rewrite_address(struct __sk_buff *skb, const struct packet *p,
						   enum masq_direction direction, const addr_t *to)
{
	if (!packet_write_address(skb, p, direction, to))
		return false;
	checksum_beside_fix(skb, p, to, p->flow.sport);
	return true;
}

/*
 * Egress: the source becomes `to` and `port`; ingress: the destination. For ICMP queries the port is the identifier.
 * After an error the packet may be half changed.
 */
static __always_inline bool packet_rewrite(struct __sk_buff *skb, const struct packet *p, enum masq_direction direction,
					   const addr_t *to, __be16 port)
{
	__u8 protocol = p->flow.protocol;
	__u64 flags = protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 checksum = checksum_offset(protocol);

	if (!packet_write_address(skb, p, direction, to))
		return false;
	if (port != p->flow.sport && !port_write(skb, p, direction, port))
		return false;
	if (!checksum || !p->has_checksum) {
		checksum_beside_fix(skb, p, to, port);
		return true;
	}
	checksum += p->l4_offset;
	/* In the packet's own orientation the changed address is flow.src in both directions. */
	if (checksum_covers_addresses(protocol) && checksum_fix_address(skb, checksum, &p->flow.src, to, flags))
		return false;
	if (port == p->flow.sport)
		return true;
	return !bpf_l4_csum_replace(skb, checksum, p->flow.sport, port, sizeof(__be16) | flags);
}

/* The identification of a fragment. */
static __always_inline bool identification_write(struct __sk_buff *skb, const struct packet *p, __be16 id)
{
	if (id == p->id)
		return true;
	if (FAMILY == 4 && bpf_l3_csum_replace(skb, p->l3_offset + 10, p->id, id, sizeof(id)))
		return false;
	return !bpf_skb_store_bytes(skb, p->id_offset, &id, sizeof(id), FAMILY == 4 ? 0 : BPF_F_RECOMPUTE_CSUM);
}

#endif
