/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Internet checksums (RFC 1071, RFC 1624), and how they follow a changed address or port. */
#ifndef MASQ_BPF_PACKET_CHECKSUM_H
#define MASQ_BPF_PACKET_CHECKSUM_H

#include "bpf/packet/packet.h"

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

static __always_inline __s64 checksum_of_address(const addr_t *from, const addr_t *to, __s64 sum)
{
	return bpf_csum_diff((__be32 *)from, sizeof(*from), (__be32 *)to, sizeof(*to), sum);
}

/* The sum of two bytes at an even offset, for bpf_csum_diff(). */
static __always_inline __s64 checksum_of_change(__be16 from, __be16 to, __s64 sum)
{
	__be32 was = from, is = to;

	return bpf_csum_diff(&was, sizeof(was), &is, sizeof(is), sum);
}

#if FAMILY == 4
static __always_inline bool checksum_fix_address(ctx_t *ctx, __u32 offset, const addr_t *from, const addr_t *to,
						 bool is_udp)
{
	return ctx_checksum_address4(ctx, offset, from->word[0], to->word[0], is_udp);
}
#else
static __always_inline bool checksum_fix_address(ctx_t *ctx, __u32 offset, const addr_t *from, const addr_t *to,
						 bool is_udp)
{
	__s64 difference = bpf_csum_diff((__be32 *)from, sizeof(*from), (__be32 *)to, sizeof(*to), 0);

	return ctx_checksum_address6(ctx, offset, difference, is_udp);
}
#endif

/* No checksum in the packet compensates for the change, so the one that a device computed beside the packet must. */
static __always_inline void checksum_beside_fix(ctx_t *ctx, const struct packet *p, const addr_t *to, __be16 port)
{
	__s64 sum = FAMILY == 6 ? checksum_of_address(&p->flow.src, to, 0) : 0; /* IPv4's header has a checksum */

	if (port != p->flow.sport)
		sum = checksum_of_change(p->flow.sport, port, sum);
	ctx_checksum_beside(ctx, sum);
}

#endif
