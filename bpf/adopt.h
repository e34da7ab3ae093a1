/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mappings that somebody else had until now, a table of another schema or another datapath, become ours just as they
 * were: with their port, their state and their age (docs/decisions/0007). Doing it again with what has changed since is
 * harmless.
 */
#ifndef MASQ_BPF_ADOPT_H
#define MASQ_BPF_ADOPT_H

#include "bpf/mapping.h"

/*
 * Until this tick (0: no) what has no mapping may have got one in the other table since the last look at it, so nothing
 * is decided about it: it is dropped, and its sender tries again. It ends by itself, if masqd does not end it.
 */
__u32 N(adopting) = 0;

static __always_inline bool is_adopting(void)
{
	__u32 until = READ_ONCE(N(adopting));
	struct masq_control *c;

	if (!until)
		return false;
	c = control_get();
	return c && (__s32)(until - c->clock) > 0;
}

/* From outside, with no mapping that we know: the node's stack would answer with a RST or "port unreachable". */
__noinline int N(is_mapped_port)(const struct packet *p)
{
	return p && is_adopting() && transport_of(p->flow.protocol) == TRANSPORT_PORTS && !packet_is_pure_syn(p) &&
	       port_is_in_range(bpf_ntohs(p->flow.sport));
}

static __always_inline bool may_be_adopted(const struct packet *p)
{
	return READ_ONCE(N(adopting)) && N(is_mapped_port)(p);
}

/* Both have gone on since: what has come further counts. */
static __always_inline void mapping_catch_up(mapping_t *m, const mapping_t *from)
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

/* True: `from` is here already, or its flow has a newer mapping. What is older than it makes way. */
__noinline int N(adopt_known)(const mapping_t *from)
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
	slot = from->flags & MASQ_RESTING ? N(find_by_reply)(&key) : N(find_by_flow)(&key);
	m = slot_at(slot);
	if (!m)
		return false;
	if (is_same_mapping(m, from)) {
		mapping_catch_up(m, from);
		if (from->flags & ~m->flags & MASQ_RESTING)
			mapping_rest(m, slot);
		return true;
	}
	if ((from->flags & MASQ_RESTING) || (__s32)(from->created - m->created) < 0)
		return true;
	if (mapping_has_port(m))
		mapping_rest(m, slot);
	else
		WRITE_ONCE(m->seen, 0);
	return false;
}

/* On which account it stands: as mapping_unlink() settles it. The limits are for new mappings. */
static __always_inline void adopt_charge(struct masq_control *c, const mapping_t *from)
{
	bool charged = from->flags & MASQ_CHARGED;

	if (!mapping_has_port(from) && !charged) {
		__sync_fetch_and_add(&c->left, 1);
		return;
	}
	N(pod_charge)(mapping_has_port(from) ? &from->flow.src : &from->external, (__u32)-1);
	__sync_fetch_and_add(&c->used, 1);
}

/* False: there is no room for it, or another connection has its port. */
__noinline int N(adopt_one)(const mapping_t *from)
{
	struct masq_control *c = control_get();
	mapping_t *m;
	tuple_t key;
	__u32 slot;

	if (!c || !from)
		return false;
	if (N(adopt_known)(from))
		return true;
	slot = N(slot_take)();
	m = slot_at(slot);
	if (!m)
		return false;
	adopt_charge(c, from);
	*m = *from;
	if (mapping_has_port(m)) {
		mapping_reply_key(m, &key);
		if (N(insert_reply)(&key, slot) != INSERTED) {
			slot_give_up(slot);
			return false;
		}
	}
	if (!(m->flags & MASQ_RESTING)) {
		if (N(mapping_publish)(slot, from->seen))
			return true;
		slot_give_up(slot);
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

static long adopt_step(void *map, __u32 *key, __u8 *value, struct adoption *adoption)
{
	__u32 i = *key;
	mapping_t from;

	if (i >= MASQ_ADOPT_MOST || !ctx_load(adoption->ctx, MASQ_ADOPT_HEADER + i * sizeof(from), &from, sizeof(from)))
		return 1;
	from.slot = MASQ_SLOT_BUILDING; /* as it will be copied */
	if (!N(adopt_one)(&from))
		adoption->refused++;
	return 0;
}

/* Run by user space. The packet: MASQ_ADOPT_HEADER octets, then mappings. Says how many could not be adopted. */
HOOK_PROGRAM
int N(adopt)(ctx_t *ctx)
{
	struct adoption adoption = {.ctx = ctx};

	bpf_for_each_map_elem(&N(steps), adopt_step, &adoption, 0);
	return adoption.refused;
}

#endif
