/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Datagrams in fragments (RFC 4787 REQ-14). Only the first fragment has ports, so its decision is stored for the later
 * ones: an entry of the mapping table, by the datagram's identification.
 *
 *     out:  a mapping whose "port" is the identification: the datagrams of two pods never have the same one toward a
 *           destination (RFC 6864 5.3.1). It counts for the pod.
 *     in:   a stored decision: the pod's address, or UNRELATED
 *
 * A fragment that arrives before the first is queued (fragment_queue.h).
 */
#ifndef MASQ_BPF_STEPS_FRAGMENT_H
#define MASQ_BPF_STEPS_FRAGMENT_H

#include "bpf/nat/mapping.h"
#include "bpf/packet/rewrite.h"
#include "bpf/steps/fragment_queue.h"

static __always_inline void datagram_key(tuple_t *t, const struct packet *p, __u32 kind)
{
	*t = p->flow;
	t->kind = kind;
	t->sport = p->id;
	t->dport = p->id_rest;
	if (FAMILY == 6)
		t->protocol = 0; /* RFC 8200 4.5: addresses and identification name a datagram */
}

/* Returns the entry of a datagram and keeps it alive, or NULL before the first fragment. */
static __always_inline mapping_t *datagram_find(const tuple_t *key)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(find_by_flow(key));

	return c && m && mapping_touch(m, c->clock) ? m : NULL;
}

/*
 * Opens the entry of a pod's datagram. Returns its slot, or REFUSED(reason). A pod has one external address, so a
 * repeated first fragment has the same entry; otherwise two datagrams have the same identification.
 */
static __always_inline int datagram_open(ctx_t *ctx, const struct packet *p, const addr_t *external)
{
	const struct decision d = {.ports = PORTS_OF_IDENTIFIERS};
	struct masq_control *c = control_get();
	tuple_t key;
	mapping_t *m;
	__u32 slot;

	if (!c)
		return REFUSED(MASQ_REASON_FRAGMENT);
	datagram_key(&key, p, MASQ_KIND_DATAGRAM_OUT);
	slot = find_by_flow(&key);
	m = slot_at(slot);
	if (!m || !mapping_touch(m, c->clock))
		return mapping_open(ctx, &key, external, &d, p);
	if (m->reason != MASQ_REASON_TRANSLATED || !addr_equal(&m->external, external))
		return REFUSED(MASQ_REASON_FRAGMENT);
	return slot;
}

/* Sends the queued fragments of a datagram. Returns true if its first fragment was sent with them. */
__noinline int fragments_release(ctx_t *ctx, const struct packet *p, __u32 kind)
{
	tuple_t key;

	if (!p)
		return false;
	datagram_key(&key, p, kind);
	return fragment_queue_release(ctx, &key, kind == MASQ_KIND_DATAGRAM_IN ? MASQ_INGRESS : MASQ_EGRESS);
}

/*
 * Stores that a datagram without a mapping goes to the address `to` for `reason`. Returns the reason, which may
 * change.
 */
__noinline int datagram_record(const struct packet *p, const addr_t *to, __u32 reason, __u32 kind)
{
	struct masq_control *c = control_get();
	tuple_t key;
	mapping_t *m;

	if (!c || !p || !to)
		return reason;
	datagram_key(&key, p, kind);
	m = datagram_find(&key);
	if (!m) {
		/* Any host can send these, so they get only a part of the room. */
		if (reason != MASQ_REASON_UNRELATED || READ_ONCE(c->left) < options.max_left / 4)
			decision_store(&key, to, reason, reason == MASQ_REASON_TRANSLATED ? MASQ_CHARGED : 0,
				       ACCOUNT_OF_ADDRESS);
		return reason;
	}
	if (m->reason == reason && addr_equal(&m->external, to))
		return reason;
	/*
	 * Two datagrams for two receivers have one identification: neither receiver may get parts of the other (RFC
	 * 5722).
	 */
	if (m->flow.kind == MASQ_KIND_DATAGRAM_IN)
		m->reason = MASQ_REASON_FRAGMENT;
	return MASQ_REASON_FRAGMENT;
}

/* A later fragment of a pod's datagram. Returns its reason. */
__noinline int fragment_egress(ctx_t *ctx, const struct packet *p)
{
	struct decision d = {};
	mapping_t *m;
	tuple_t key;
	int held;

	if (!p)
		return MASQ_REASON_FRAGMENT;
	datagram_key(&key, p, MASQ_KIND_DATAGRAM_OUT);
	m = datagram_find(&key);
	if (!m) {
		decide(&p->flow, &d);
		if (d.action != ACTION_MASQUERADE)
			return d.reason;
		held = fragment_queue_put(ctx, &key, fragment_sender(ctx, &p->flow.src, MASQ_KIND_DATAGRAM_OUT));
		if (held == HELD)
			return MASQ_REASON_FRAGMENT_HELD;
		m = held == HELD_FIRST_ARRIVED ? datagram_find(&key) : NULL;
		if (!m)
			return MASQ_REASON_FRAGMENT;
	}
	if (m->reason != MASQ_REASON_TRANSLATED)
		return m->reason;
	return packet_rewrite_address(ctx, p, MASQ_EGRESS, &m->external) &&
			       identification_write(ctx, p, m->external_port)
		       ? MASQ_REASON_TRANSLATED
		       : MASQ_REASON_REWRITE_FAILED;
}

/*
 * A later fragment from outside. Returns its reason. If its datagram is unknown it passes, because it may be the
 * host's; a copy is queued, because it may be a pod's.
 */
__noinline int fragment_ingress(ctx_t *ctx, const struct packet *p)
{
	mapping_t *m;
	tuple_t key;

	if (!p || is_pod(&p->flow.src))
		return MASQ_REASON_UNRELATED;
	datagram_key(&key, p, MASQ_KIND_DATAGRAM_IN);
	m = datagram_find(&key);
	if (!m && fragment_queue_put(ctx, &key, fragment_sender(ctx, &p->flow.dst, MASQ_KIND_DATAGRAM_IN)) ==
			  HELD_FIRST_ARRIVED)
		m = datagram_find(&key);
	if (!m)
		return MASQ_REASON_UNRELATED;
	if (m->reason != MASQ_REASON_TRANSLATED)
		return m->reason;
	return packet_rewrite_address(ctx, p, MASQ_INGRESS, &m->external) ? MASQ_REASON_TRANSLATED
									  : MASQ_REASON_REWRITE_FAILED;
}

#endif
