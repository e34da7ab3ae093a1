/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors (RFC 5508 4, RFC 4884) are found by the packet that they quote. The quote is translated back, with its
 * checksums, so that the receiver of the error recognizes its packet. An error never creates, ends or refreshes a
 * mapping.
 *
 *     from outside:  quotes a packet as it left the uplink;  its source and the outer destination become the pod's
 *     to outside:    quotes a packet as the pod got it;      its destination and the outer source become external
 */
#ifndef MASQ_BPF_STEPS_ICMP_ERROR_H
#define MASQ_BPF_STEPS_ICMP_ERROR_H

#include "bpf/nat/mapping.h"
#include "bpf/packet/parse.h"
#include "bpf/packet/rewrite.h"

#define ICMP_HEADER 8

static __always_inline enum parsed quote_parse(ctx_t *ctx, const struct packet *p, struct packet *quote,
					       enum masq_direction direction)
{
	__u32 end = p->l4_offset + p->l4_length;

	return parse_any(ctx, quote, p->l4_offset + ICMP_HEADER,
			 end << PARSE_END_SHIFT | PARSE_QUOTED |
				 (direction == MASQ_INGRESS ? MASQ_EGRESS : MASQ_INGRESS));
}

/* A checksum after a change by `sum`. */
static __always_inline __sum16 checksum_after(__sum16 check, __s64 sum)
{
	return checksum_fold((__u16)~check + (__u64)(__u32)sum);
}

/*
 * Fixes the quoted transport checksum, if it is quoted. *sum is the change that the ICMP checksum must compensate for.
 */
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
#if FAMILY == 4 /* The header's checksum compensates for the address. */
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

/* `outer`: the new outer address; NULL: it stays. */
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
	/* All changed bytes and this checksum add up to zero, so a checksum beside the packet stays valid. */
	return ctx_checksum_by_sum(ctx, p->l4_offset + 2, sum);
}

/* An error of a pod, or of this host about a packet to a pod. Returns its reason. */
__noinline int icmp_error_egress(ctx_t *ctx, const struct packet *p)
{
	struct packet quote __attribute__((aligned(8))) = {};
	mapping_t *m = NULL;
	bool from_pod;

	if (!p)
		return MASQ_REASON_MALFORMED;
	from_pod = is_pod(&p->flow.src);
	if (p->fragment == FRAGMENT_WHOLE && quote_parse(ctx, p, &quote, MASQ_EGRESS) == PARSED_FLOW &&
	    (from_pod ? addr_equal(&quote.flow.src, &p->flow.src) : is_source(&quote.flow.src)))
		m = slot_at(find_by_flow(&quote.flow));
	if (!m && !from_pod)
		return MASQ_REASON_UNRELATED;
	if (!m)
		return decide_without_mapping(&p->flow, MASQ_REASON_ICMP_ERROR);
	if (m->reason != MASQ_REASON_TRANSLATED)
		return from_pod ? m->reason : MASQ_REASON_UNRELATED;
	if (m->order)
		return order_reason(m->order);
	if (icmp_is_redirect(p->icmp_type))
		return MASQ_REASON_ICMP_REDIRECT;
	return error_rewrite(ctx, p, &quote, MASQ_EGRESS, from_pod ? &m->external : NULL, &m->external,
			     m->external_port)
		       ? MASQ_REASON_TRANSLATED
		       : MASQ_REASON_REWRITE_FAILED;
}

/* An error from outside. Returns its reason. */
__noinline int icmp_error_ingress(ctx_t *ctx, const struct packet *p)
{
	struct packet quote __attribute__((aligned(8))) = {};
	mapping_t *m;

	if (!p || p->fragment != FRAGMENT_WHOLE || quote_parse(ctx, p, &quote, MASQ_INGRESS) != PARSED_FLOW ||
	    !addr_equal(&quote.flow.src, &p->flow.src))
		return MASQ_REASON_UNRELATED;
	m = reply_find(&quote.flow);
	if (!m)
		return MASQ_REASON_UNRELATED;
	if (mapping_is_quarantined(m))
		return MASQ_REASON_QUARANTINED;
	if (icmp_is_redirect(p->icmp_type))
		return MASQ_REASON_ICMP_REDIRECT;
	return error_rewrite(ctx, p, &quote, MASQ_INGRESS, &m->flow.src, &m->flow.src, m->flow.sport)
		       ? MASQ_REASON_TRANSLATED
		       : MASQ_REASON_REWRITE_FAILED;
}

#endif
