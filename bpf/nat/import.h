/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Import of mappings from a table of another schema, or from another datapath, with their port, state and age
 * (docs/decisions/0007). An import may be repeated with mappings that have changed since.
 */
#ifndef MASQ_BPF_NAT_IMPORT_H
#define MASQ_BPF_NAT_IMPORT_H

#include "bpf/nat/mapping.h"

/*
 * An import is in progress until this tick (0: none). The other table may have created a mapping for a packet that has
 * none here, so such a packet is dropped, and its sender retransmits it. The tick is a limit, in case that masqd ends
 * before.
 */
__u32 adopting = 0;

static __always_inline bool is_importing(void)
{
	__u32 until = READ_ONCE(adopting);
	struct masq_control *c;

	if (!until)
		return false;
	c = control_get();
	return c && (__s32)(until - c->clock) > 0;
}

/*
 * A packet from outside to a port that may be mapped: the host would reply with a RST or "port unreachable". Packets of
 * the host's own connections pass: their ports may be mapped too, toward other endpoints.
 */
__noinline int is_mapped_port(ctx_t *ctx, const struct packet *p)
{
	return p && is_importing() && transport_of(p->flow.protocol) == TRANSPORT_PORTS && !packet_is_pure_syn(p) &&
	       port_is_usable(bpf_ntohs(p->flow.sport)) && !host_has_connection(ctx, &p->flow);
}

static __always_inline bool may_be_imported(ctx_t *ctx, const struct packet *p)
{
	return READ_ONCE(adopting) && is_mapped_port(ctx, p);
}

/* Merges the states of two copies of a mapping that have both seen packets: the later state counts. */
static __always_inline void mapping_merge(mapping_t *m, const mapping_t *from)
{
	__u32 seen = READ_ONCE(m->seen);

	if (from->state > m->state || (from->flags & ~m->flags)) {
		m->state = from->state;
		m->pod_seq = from->pod_seq;
	}
	m->flags |= from->flags & ~MASQ_RESTING;
	if (from->pod_ack && (!m->pod_ack || (__s32)(from->pod_ack - m->pod_ack) > 0))
		m->pod_ack = from->pod_ack;
	if (seen && (__s32)(from->seen - seen) > 0)
		__sync_val_compare_and_swap(&m->seen, seen, from->seen);
}

static __always_inline bool is_same_mapping(const mapping_t *a, const mapping_t *b)
{
	return tuple_equal(&a->flow, &b->flow) && a->reason == b->reason && a->external_port == b->external_port &&
	       addr_equal(&a->external, &b->external);
}

/*
 * Returns true if `from` is in the table already, or if its flow has a newer mapping. An older mapping is ended, and a
 * mapping precedes a bypass entry.
 */
__noinline int import_existing(const mapping_t *from)
{
	tuple_t key;
	mapping_t *m;
	__u32 slot;

	if (!from)
		return true;
	if (from->flags & MASQ_RESTING)
		mapping_reply_key(from, &key);
	else
		key = from->flow;
	slot = from->flags & MASQ_RESTING ? find_by_reply(&key) : find_by_flow(&key);
	m = slot_at(slot);
	if (!m)
		return false;
	if (is_same_mapping(m, from)) {
		mapping_merge(m, from);
		if (from->flags & ~m->flags & MASQ_RESTING)
			mapping_quarantine(m, slot);
		return true;
	}
	if (mapping_has_port(m) != mapping_has_port(from)) { /* a packet from outside may have made the other one */
		if (mapping_has_port(m))
			return true;
	} else if ((from->flags & MASQ_RESTING) || (__s32)(from->created - m->created) < 0) {
		return true;
	}
	if (mapping_has_port(m))
		mapping_quarantine(m, slot);
	else
		WRITE_ONCE(m->seen, 0);
	return false;
}

/* Counts an imported mapping, as mapping_unlink() uncounts it. Limits apply to new mappings only. */
static __always_inline void import_charge(struct masq_control *c, const mapping_t *from)
{
	bool charged = from->flags & MASQ_CHARGED, bypassed = !mapping_has_port(from) && !charged;

	pod_charge(charged ? &from->external : &from->flow.src, from->account,
		   bypassed ? CHARGE_BYPASS : CHARGE_MAPPING, (__u32)-1);
	__sync_fetch_and_add(bypassed ? &c->left : &c->used, 1);
}

static __always_inline __u32 space_of_mapping(const mapping_t *m)
{
	if (m->flow.kind != MASQ_KIND_CONNECTION || transport_of(m->flow.protocol) == TRANSPORT_QUERY)
		return PORTS_OF_IDENTIFIERS;
	if (transport_of(m->flow.protocol) != TRANSPORT_PORTS)
		return PORTS_FIXED;
	return ports_of_class(bpf_ntohs(m->external_port));
}

/* Claims the port of an imported mapping, as port_claim() does. */
static __always_inline bool import_claim(mapping_t *m, __u32 slot)
{
	tuple_t key;

	m->share = share_of_port(space_of_mapping(m), bpf_ntohs(m->external_port));
	mapping_reply_key(m, &key);
	if (insert_reply(&key, slot) != INSERTED) {
		m->share = MASQ_SHARE_NONE;
		return false;
	}
	port_enter(m, slot);
	return true;
}

/* Returns false if the table is full, or if another connection has the port. */
__noinline int import_one(const mapping_t *from)
{
	struct masq_control *c = control_get();
	mapping_t *m;
	__u32 slot;

	if (!c || !from)
		return false;
	if (import_existing(from))
		return true;
	slot = slot_take();
	m = slot_at(slot);
	if (!m)
		return false;
	import_charge(c, from);
	*m = *from;
	m->share = MASQ_SHARE_NONE;
	if (mapping_has_port(m) && !import_claim(m, slot)) {
		slot_abandon(slot);
		return false;
	}
	if (!(m->flags & MASQ_RESTING)) {
		if (mapping_publish(slot, from->seen))
			return true;
		slot_abandon(slot);
		return false;
	}
	WRITE_ONCE(m->slot, MASQ_SLOT_LINKED);
	WRITE_ONCE(m->seen, from->seen);
	return true;
}

struct adoption {
	ctx_t *ctx;
	__u32 refused;
};

static long import_step(void *map, __u32 *key, __u8 *value, struct adoption *adoption)
{
	__u32 i = *key;
	mapping_t from;

	if (i >= MASQ_ADOPT_MOST || !ctx_load(adoption->ctx, MASQ_ADOPT_HEADER + i * sizeof(from), &from, sizeof(from)))
		return 1;
	from.slot = MASQ_SLOT_BUILDING; /* the copy is being built */
	if (!import_one(&from))
		adoption->refused++;
	return 0;
}

/*
 * User space runs it with a packet of MASQ_ADOPT_HEADER bytes, then mappings. Returns the number that was not
 * imported.
 */
HOOK_PROGRAM
int adopt(ctx_t *ctx)
{
	struct adoption adoption = {.ctx = ctx};

	bpf_for_each_map_elem(&steps_map, import_step, &adoption, 0);
	return adoption.refused;
}

#endif
