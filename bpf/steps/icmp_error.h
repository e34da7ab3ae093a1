/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors (RFC 5508 4, RFC 4884) are found by the packet that they quote. The quote is translated back, with its
 * checksums, so that the receiver of the error recognizes its packet. An error never creates, ends or refreshes a
 * mapping.
 *
 *     from outside:  quotes a packet as it left the uplink;  its source and the outer destination become the pod's
 *     to outside:    quotes a packet as the pod got it;      its destination and the outer source become external
 *
 * To outside, every packet that masq has translated on its way to a pod is recognized, so that no error tells the pod's
 * address: also under a key that only the pod's wildcard mapping receives, and fragments behind the first. From outside,
 * an error about a key that no pod has sent is not masq's.
 */
#ifndef MASQ_BPF_STEPS_ICMP_ERROR_H
#define MASQ_BPF_STEPS_ICMP_ERROR_H

#include "bpf/nat/mapping.h"
#include "bpf/packet/parse.h"
#include "bpf/packet/rewrite.h"
#include "bpf/policy/address.h"
#include "bpf/steps/fragment.h"

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

#if FAMILY == 4
#define OPTIONS_MAX 40

/*
 * A node records its address in the options of a packet (record route, timestamp), and an error has the options of its
 * cause: replaces `from` in the options of the header at `offset`. The header's checksum compensates for it.
 */
__noinline int options_replace(ctx_t *ctx, __u32 offset, __u32 end, const addr_t *from, const addr_t *to)
{
	__u8 bytes[OPTIONS_MAX] __attribute__((aligned(4))) = {};
	__u32 first = offset + sizeof(struct iphdr), length = end - first;
	__s64 sum;

	if (!from || !to || end <= first || length > sizeof(bytes))
		return end <= first;
	if (!ctx_load(ctx, first, bytes, BOUNDED(length, OPTIONS_MAX)))
		return false;
	sum = bpf_csum_diff((__be32 *)bytes, sizeof(bytes), NULL, 0, 0);
	/* Unrolled: before Linux 6.3 no loop may begin directly after a call. */
#pragma clang loop unroll(full)
	for (__u32 i = 0; i + sizeof(*from) <= sizeof(bytes); i++)
		if (!__builtin_memcmp(bytes + i, from, sizeof(*from)))
			__builtin_memcpy(bytes + i, to, sizeof(*to));
	sum = bpf_csum_diff(NULL, 0, (__be32 *)bytes, sizeof(bytes), sum);
	return ctx_store(ctx, first, bytes, BOUNDED(length, OPTIONS_MAX)) &&
	       ctx_checksum_header(ctx, offset + __builtin_offsetof(IP_HEADER, check), 0, sum, 0);
}
#endif

/* Removes the pod's address from the options of both headers of an error to outside. */
static __always_inline bool error_hide_pod(ctx_t *ctx, const struct packet *p, const struct packet *quote,
					   const addr_t *external)
{
#if FAMILY == 4
	return options_replace(ctx, quote->l3_offset, quote->l4_offset, &quote->flow.src, external) &&
	       options_replace(ctx, p->l3_offset, p->l4_offset, &quote->flow.src, external);
#else
	return true;
#endif
}

static __always_inline bool datagram_is_of_pod(const tuple_t *key, const addr_t *pod, __u32 *slot)
{
	const mapping_t *m;

	*slot = find_by_flow(key);
	m = slot_at(*slot);
	return m && m->reason == MASQ_REASON_TRANSLATED && addr_equal(&m->external, pod);
}

/*
 * Returns the slot of the datagram of which a quoted packet to a pod is a later fragment, or NO_SLOT. The address that it
 * was sent to is the error's own source, or the external address of the pod.
 */
__noinline __u32 quoted_datagram(ctx_t *ctx, const struct packet *quote, const addr_t *from)
{
	struct decision d = {};
	addr_t external = {};
	tuple_t key;
	__u32 slot;

	if (!quote || !from)
		return NO_SLOT;
	datagram_key(&key, quote, MASQ_KIND_DATAGRAM_IN);
	key.src = *from;
	if (datagram_is_of_pod(&key, &quote->flow.src, &slot))
		return slot;
	decide(&quote->flow, &d);
	if (!external_address(ctx, &d, &quote->flow, &external))
		return NO_SLOT;
	key.src = external;
	return datagram_is_of_pod(&key, &quote->flow.src, &slot) ? slot : NO_SLOT;
}

/* Returns the slot of what a quoted packet to a pod was translated by, or NO_SLOT. */
static __always_inline __u32 quoted_translation(ctx_t *ctx, const struct packet *p, const struct packet *quote,
						enum parsed parsed)
{
	tuple_t any;
	__u32 slot;

	if (parsed == PARSED_FRAGMENT)
		return quoted_datagram(ctx, quote, &p->flow.src);
	if (parsed != PARSED_FLOW)
		return NO_SLOT;
	slot = find_by_flow(&quote->flow);
	if (slot != NO_SLOT || !flow_has_key(&quote->flow))
		return slot;
	wildcard_tuple(&any, &quote->flow);
	return find_by_flow(&any);
}

/* A quote that is too short, or that has no ports: the packet may have been translated. */
static __always_inline bool quote_is_incomplete(const struct packet *quote, enum parsed parsed)
{
	return parsed == PARSED_FRAGMENT || (parsed == PARSED_ADDRESSES && quote->no_flow == MASQ_REASON_MALFORMED);
}

/* An error to outside about a packet that no mapping has translated, as far as is known. Returns its reason. */
static __always_inline __u32 error_without_mapping(const struct packet *p, const struct packet *quote,
						   enum parsed parsed, bool from_pod)
{
	if (from_pod)
		return decide_without_mapping(&p->flow, MASQ_REASON_ICMP_ERROR);
	if (!is_pod(&quote->flow.src) || !quote_is_incomplete(quote, parsed) ||
	    decide_without_mapping(&quote->flow, MASQ_REASON_ICMP_ERROR) != MASQ_REASON_ICMP_ERROR)
		return MASQ_REASON_UNRELATED;
	return MASQ_REASON_ICMP_ERROR;
}

static __always_inline __u32 error_translate(ctx_t *ctx, const struct packet *p, const struct packet *quote,
					     const mapping_t *m, bool from_pod)
{
	const addr_t *external = m->flow.kind == MASQ_KIND_DATAGRAM_IN ? &m->flow.src : &m->external;
	/* A wildcard mapping and a datagram change no port. */
	__be16 port = m->flow.sport == quote->flow.sport ? m->external_port : quote->flow.sport;

	return error_rewrite(ctx, p, quote, MASQ_EGRESS, from_pod ? external : NULL, external, port) &&
			       error_hide_pod(ctx, p, quote, external)
		       ? MASQ_REASON_TRANSLATED
		       : MASQ_REASON_REWRITE_FAILED;
}

/* An error of a pod, or of this host about a packet to a pod. Returns its reason. */
__noinline int icmp_error_egress(ctx_t *ctx, const struct packet *p)
{
	struct packet quote __attribute__((aligned(8))) = {};
	enum parsed parsed = PARSED_NO_HEADER;
	mapping_t *m = NULL;
	bool from_pod;

	if (!p)
		return MASQ_REASON_MALFORMED;
	from_pod = is_pod(&p->flow.src);
	if (p->fragment == FRAGMENT_WHOLE || !from_pod)
		parsed = quote_parse(ctx, p, &quote, MASQ_EGRESS);
	if (from_pod ? addr_equal(&quote.flow.src, &p->flow.src) : is_source(&quote.flow.src))
		m = slot_at(quoted_translation(ctx, p, &quote, parsed));
	if (!m)
		return error_without_mapping(p, &quote, parsed, from_pod);
	if (m->reason != MASQ_REASON_TRANSLATED)
		return from_pod ? m->reason : MASQ_REASON_UNRELATED;
	if (m->order)
		return order_reason(m->order);
	if (icmp_is_redirect(p->icmp_type))
		return MASQ_REASON_ICMP_REDIRECT;
	return error_translate(ctx, p, &quote, m, from_pod);
}

/* An error from outside. Returns its reason. */
__noinline int icmp_error_ingress(ctx_t *ctx, const struct packet *p)
{
	struct packet quote __attribute__((aligned(8))) = {};
	mapping_t *m;

	if (!p || p->fragment != FRAGMENT_WHOLE || quote_parse(ctx, p, &quote, MASQ_INGRESS) != PARSED_FLOW ||
	    !addr_equal(&quote.flow.src, &p->flow.src))
		return MASQ_REASON_UNRELATED;
	m = slot_at(find_by_reply(&quote.flow));
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
