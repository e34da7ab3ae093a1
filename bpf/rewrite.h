/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes another address and port into a packet. The IPv4 header is written in place; the transport checksum goes
 * through the helper, which alone knows whether it is whole, partial (an offload finishes it) or carried beside
 * the packet. Either everything is changed, or the caller drops the packet.
 */
#ifndef MASQ_BPF_REWRITE_H
#define MASQ_BPF_REWRITE_H

#include "bpf/packet.h"

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

static __always_inline bool checksum_fix_address(ctx_t *ctx, __u32 offset, const addr_t *from, const addr_t *to,
						 bool is_udp)
{
	return ctx_checksum_address4(ctx, offset, from->word[0], to->word[0], is_udp);
}

static __always_inline void address_write(struct iphdr *ip, bool source, const addr_t *to)
{
	__be32 *field = source ? &ip->saddr : &ip->daddr;

	ip->check = checksum_replace(ip->check, *field, to->word[0]);
	*field = to->word[0];
}
#else
#define IP_HEADER struct ipv6hdr

static __always_inline bool checksum_fix_address(ctx_t *ctx, __u32 offset, const addr_t *from, const addr_t *to,
						 bool is_udp)
{
	__s64 difference = bpf_csum_diff((__be32 *)from, sizeof(*from), (__be32 *)to, sizeof(*to), 0);

	return ctx_checksum_address6(ctx, offset, difference, is_udp);
}

static __always_inline void address_write(struct ipv6hdr *ip, bool source, const addr_t *to)
{
	__builtin_memcpy(source ? &ip->saddr : &ip->daddr, to, sizeof(*to));
}
#endif

static __always_inline bool packet_write_address(ctx_t *ctx, const struct packet *p, enum masq_direction direction,
						 const addr_t *to)
{
	__u32 l3_offset = p->l3_offset;
	IP_HEADER *ip;

	if (l3_offset > L3_OFFSET_MAX)
		return false;
	KNOWN(l3_offset); /* two branches: the verifier finds no bounds in one branch on both conditions */
	ip = ctx_data(ctx) + l3_offset;
	if ((void *)(ip + 1) > ctx_data_end(ctx))
		return false;
	address_write(ip, direction == MASQ_EGRESS, to);
	return true;
}

static __always_inline bool port_write(ctx_t *ctx, const struct packet *p, enum masq_direction direction, __be16 port)
{
	__u32 at = port_offset(p->flow.protocol, direction == MASQ_EGRESS), l4_offset = p->l4_offset;
	void *l4;

	if (l4_offset <= L4_OFFSET_MAX) {
		KNOWN(l4_offset);
		l4 = ctx_data(ctx) + l4_offset;
		if (l4 + 8 <= ctx_data_end(ctx)) {
			*(__be16 *)(l4 + at) = port;
			return true;
		}
	}
	return ctx_store(ctx, l4_offset + at, &port, sizeof(port));
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
static __always_inline void checksum_beside_fix(ctx_t *ctx, const struct packet *p, const addr_t *to, __be16 port)
{
	__s64 sum = FAMILY == 6 ? checksum_of_address(&p->flow.src, to, 0) : 0; /* IPv4's header has a checksum */

	if (port != p->flow.sport)
		sum = checksum_of_change(p->flow.sport, port, sum);
	ctx_checksum_beside(ctx, sum);
}

/* Address alone: all that is to change in a fragment behind the first. */
static __always_inline bool packet_rewrite_address(ctx_t *ctx, const struct packet *p, enum masq_direction direction,
						   const addr_t *to)
{
	if (!packet_write_address(ctx, p, direction, to))
		return false;
	checksum_beside_fix(ctx, p, to, p->flow.sport);
	return true;
}

/*
 * Egress: the source becomes `to` and `port`; ingress: the destination. For ICMP queries the port is the identifier.
 * After an error the packet may be half changed.
 */
static __always_inline bool packet_rewrite(ctx_t *ctx, const struct packet *p, enum masq_direction direction,
					   const addr_t *to, __be16 port)
{
	__u8 protocol = p->flow.protocol;
	bool is_udp = protocol == IPPROTO_UDP;
	__u32 checksum = checksum_offset(protocol);

	if (!packet_write_address(ctx, p, direction, to))
		return false;
	if (port != p->flow.sport && !port_write(ctx, p, direction, port))
		return false;
	if (!checksum || !p->has_checksum) {
		checksum_beside_fix(ctx, p, to, port);
		return true;
	}
	checksum += p->l4_offset;
	/* In the packet's own orientation the changed address is flow.src in both directions. */
	if (checksum_covers_addresses(protocol) && !checksum_fix_address(ctx, checksum, &p->flow.src, to, is_udp))
		return false;
	if (port == p->flow.sport)
		return true;
	return ctx_checksum_transport(ctx, checksum, p->flow.sport, port, is_udp);
}

/* The identification of a fragment. */
static __always_inline bool identification_write(ctx_t *ctx, const struct packet *p, __be16 id)
{
	if (id == p->id)
		return true;
	if (FAMILY == 6)
		return ctx_store_summed(ctx, p->id_offset, &id, sizeof(id));
	return ctx_checksum_header(ctx, p->l3_offset + 10, p->id, id, sizeof(id)) &&
	       ctx_store(ctx, p->id_offset, &id, sizeof(id));
}

#endif
