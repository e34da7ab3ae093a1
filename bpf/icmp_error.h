/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors (RFC 5508 4, RFC 4884): found by the packet that they quote. What is written in the quote makes the
 * quoted checksums right again, so that whoever gets the error sees the packet that it sent. An error never makes,
 * ends or refreshes a mapping.
 *
 *     from outside:  quotes a packet as it left the uplink;  its source and the outer destination become the pod's
 *     to outside:    quotes a packet as the pod got it;      its destination and the outer source become ours
 */
#ifndef MASQ_BPF_ICMP_ERROR_H
#define MASQ_BPF_ICMP_ERROR_H

#include "bpf/mapping.h"
#include "bpf/parse.h"
#include "bpf/policy/decide.h"
#include "bpf/rewrite.h"

#define ICMP_HEADER 8

static __always_inline enum parsed quote_parse(ctx_t *ctx, const struct packet *p, struct packet *quote,
					       enum masq_direction direction)
{
	__u32 end = p->l4_offset + p->l4_length;

	return N(parse_any)(ctx, quote, p->l4_offset + ICMP_HEADER,
			    end << PARSE_END_SHIFT | PARSE_QUOTED |
				    (direction == MASQ_INGRESS ? MASQ_EGRESS : MASQ_INGRESS));
}

/* A checksum that covered what changed by `sum`. */
static __always_inline __sum16 checksum_after(__sum16 check, __s64 sum)
{
	return checksum_fold((__u16)~check + (__u64)(__u32)sum);
}

/* The quoted transport header's checksum, when it is there; *sum is what the ICMP checksum has to make up for. */
static __always_inline bool quote_fix_checksum(ctx_t *ctx, const struct packet *quote, __s64 covered, __s64 *sum)
{
	__u8 protocol = quote->flow.protocol;
	__u32 offset = checksum_offset(protocol);
	__sum16 was, is;

	if (!offset || !quote->has_checksum)
		return true;
	offset += quote->l4_offset;
	if (offset + sizeof(was) > quote->l4_offset + quote->l4_length)
		return true; /* cut off */
	if (!ctx_load(ctx, offset, &was, sizeof(was)))
		return false;
	is = checksum_after(was, covered);
	if (!is && protocol == IPPROTO_UDP)
		is = 0xffff;
	*sum = checksum_of_change(was, is, *sum);
	return ctx_store(ctx, offset, &is, sizeof(is));
}

/* Writes `to` and `port` into the quote, in the place of flow.src and flow.sport. */
static __always_inline bool quote_rewrite(ctx_t *ctx, const struct packet *quote, enum masq_direction direction,
					  const addr_t *to, __be16 port, __s64 *sum)
{
	bool source = direction == MASQ_INGRESS;
	__u32 at = quote->l3_offset +
		   (source ? __builtin_offsetof(IP_HEADER, saddr) : __builtin_offsetof(IP_HEADER, daddr));
	__s64 addresses = checksum_of_address(&quote->flow.src, to, 0), covered = 0;

	if (!ctx_store(ctx, at, to, sizeof(*to)))
		return false;
#if FAMILY == 4 /* The header's checksum makes up for the address. */
	if (!ctx_checksum_header(ctx, quote->l3_offset + __builtin_offsetof(IP_HEADER, check), 0, addresses, 0))
		return false;
#else
	*sum = checksum_of_address(&quote->flow.src, to, *sum);
#endif
	if (checksum_covers_addresses(quote->flow.protocol))
		covered = addresses;
	if (port != quote->flow.sport) {
		at = quote->l4_offset + port_offset(quote->flow.protocol, source);
		if (!ctx_store(ctx, at, &port, sizeof(port)))
			return false;
		covered = checksum_of_change(quote->flow.sport, port, covered);
		*sum = checksum_of_change(quote->flow.sport, port, *sum);
	}
	return quote_fix_checksum(ctx, quote, covered, sum);
}

/* `outer`: what the outer address becomes, or NULL when it stays. */
static __always_inline bool error_rewrite(ctx_t *ctx, const struct packet *p, const struct packet *quote,
					  enum masq_direction direction, const addr_t *outer, const addr_t *to,
					  __be16 port)
{
	__s64 sum = 0;

	if (!quote_rewrite(ctx, quote, direction, to, port, &sum))
		return false;
	if (outer) {
		if (!packet_write_address(ctx, p, direction, outer))
			return false;
		if (FAMILY == 6)
			sum = checksum_of_address(&p->flow.src, outer, sum);
	}
	/* All octets that changed and this checksum sum up to zero, so a sum beside the packet stays right. */
	return ctx_checksum_by_sum(ctx, p->l4_offset + 2, sum);
}

/* From a pod, or from this node about a packet toward a pod: its reason. */
__noinline int N(error_egress)(ctx_t *ctx, const struct packet *p)
{
	struct packet quote __attribute__((aligned(8))) = {};
	mapping_t *m = NULL;
	bool from_pod;

	if (!p)
		return MASQ_REASON_MALFORMED;
	from_pod = is_source(&p->flow.src);
	if (p->fragment == FRAGMENT_WHOLE && quote_parse(ctx, p, &quote, MASQ_EGRESS) == PARSED_FLOW &&
	    (from_pod ? addr_equal(&quote.flow.src, &p->flow.src) : is_source(&quote.flow.src)))
		m = slot_at(N(find_by_flow)(&quote.flow));
	if (!m && !from_pod)
		return MASQ_REASON_NOT_OURS;
	if (!m)
		return decide_without_mapping(&p->flow, MASQ_REASON_ICMP_ERROR);
	if (m->reason != MASQ_REASON_TRANSLATED)
		return from_pod ? m->reason : MASQ_REASON_NOT_OURS;
	if (m->order)
		return m->order == MASQ_ORDER_WAIT ? MASQ_REASON_ADDRESS_AWAY : MASQ_REASON_RESTING;
	if (icmp_is_redirect(p->icmp_type))
		return MASQ_REASON_ICMP_REDIRECT;
	return error_rewrite(ctx, p, &quote, MASQ_EGRESS, from_pod ? &m->external : NULL, &m->external,
			     m->external_port)
		       ? MASQ_REASON_TRANSLATED
		       : MASQ_REASON_REWRITE_FAILED;
}

/* From outside: its reason. */
__noinline int N(error_ingress)(ctx_t *ctx, const struct packet *p)
{
	struct packet quote __attribute__((aligned(8))) = {};
	mapping_t *m;

	if (!p || p->fragment != FRAGMENT_WHOLE || quote_parse(ctx, p, &quote, MASQ_INGRESS) != PARSED_FLOW ||
	    !addr_equal(&quote.flow.src, &p->flow.src))
		return MASQ_REASON_NOT_OURS;
	m = reply_find(&quote.flow);
	if (!m)
		return MASQ_REASON_NOT_OURS;
	if (mapping_rests(m))
		return MASQ_REASON_RESTING;
	if (icmp_is_redirect(p->icmp_type))
		return MASQ_REASON_ICMP_REDIRECT;
	return error_rewrite(ctx, p, &quote, MASQ_INGRESS, &m->flow.src, &m->flow.src, m->flow.sport)
		       ? MASQ_REASON_TRANSLATED
		       : MASQ_REASON_REWRITE_FAILED;
}

#endif
