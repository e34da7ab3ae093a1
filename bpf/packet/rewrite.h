/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes an address and a port into a packet. Addresses are written in place, checksums through the hook's helpers. If
 * a function returns false, the packet may be half changed and must be dropped.
 */
#ifndef MASQ_BPF_PACKET_REWRITE_H
#define MASQ_BPF_PACKET_REWRITE_H

#include "bpf/packet/checksum.h"

#if FAMILY == 4
#define IP_HEADER struct iphdr

static __always_inline void address_write(struct iphdr *ip, bool source, const addr_t *to)
{
	__be32 *field = source ? &ip->saddr : &ip->daddr;

	ip->check = checksum_replace(ip->check, *field, to->word[0]);
	*field = to->word[0];
}
#else
#define IP_HEADER struct ipv6hdr

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

/* Writes the address only: for a later fragment, and for protocols with a fixed key. */
static __always_inline bool packet_rewrite_address(ctx_t *ctx, const struct packet *p, enum masq_direction direction,
						   const addr_t *to)
{
	if (!packet_write_address(ctx, p, direction, to))
		return false;
	checksum_beside_fix(ctx, p, to, p->flow.sport);
	return true;
}

/*
 * A message of zeros alone (an echo reply with identifier and sequence number 0) has the checksum 0xffff, and is invalid
 * with 0, to which equation 3 of RFC 1624 leads. A message with another sum of 0 is valid with both.
 */
static __always_inline bool checksum_of_zeros(ctx_t *ctx, __u32 offset)
{
	__sum16 check;

	if (!ctx_load(ctx, offset, &check, sizeof(check)))
		return false;
	if (check)
		return true;
	check = 0xffff;
	return ctx_store(ctx, offset, &check, sizeof(check));
}

/*
 * Egress: writes `to` and `port` into the source; ingress: into the destination. For ICMP queries the port is the
 * identifier.
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
	/* The changed address is flow.src in both directions (struct packet). */
	if (checksum_covers_addresses(protocol) && !checksum_fix_address(ctx, checksum, &p->flow.src, to, is_udp))
		return false;
	if (port == p->flow.sport)
		return true;
	if (!ctx_checksum_transport(ctx, checksum, p->flow.sport, port, is_udp))
		return false;
	return FAMILY == 6 || port || protocol != IPPROTO_ICMP ||
	       checksum_of_zeros(ctx, checksum); /* ICMPv6: more to sum */
}

/* Writes the identification of a fragment. */
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
