/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The end of a mapping in the table: by the sweep, or by a new connection that takes its place. */
#ifndef MASQ_BPF_NAT_UNLINK_H
#define MASQ_BPF_NAT_UNLINK_H

#include "bpf/nat/event.h"
#include "bpf/nat/port_known.h"
#include "bpf/nat/quota.h"
#include "bpf/nat/state.h"

/*
 * Removes an ended mapping from the indexes and the accounts. Its slot is free after the grace period. With `port_stays`
 * its port is not free for a search: the caller claims it.
 */
static __always_inline void mapping_unlink(struct masq_control *c, mapping_t *m, __u32 number, bool port_stays)
{
	remove_flow(&m->flow, number);
	if (mapping_has_port(m)) {
		port_leave(number);
		if (!port_stays)
			port_mark_free(number);
		pod_refund(&m->flow.src, m->account, CHARGE_MAPPING);
		__sync_fetch_and_add(&c->used, -1);
		event_ended(m);
	} else if (m->flags & MASQ_CHARGED) {
		pod_refund(&m->external, m->account, CHARGE_MAPPING);
		__sync_fetch_and_add(&c->used, -1);
	} else {
		pod_refund(&m->flow.src, m->account, CHARGE_BYPASS);
		__sync_fetch_and_add(&c->left, -1);
	}
	m->created = c->clock;
	m->slot = MASQ_SLOT_UNLINKED;
}

/* The word of a slot that begins with its phase. */
union phase_word {
	__u32 word;
	struct {
		__u8 slot;
		__u8 rest[3];
	};
};

/* Changes the phase of a slot. Returns false if it is in another one, or changes at the same moment. */
static __always_inline bool slot_phase_change(mapping_t *m, enum masq_slot from, enum masq_slot to)
{
	__u32 *word = (__u32 *)&m->slot;
	union phase_word old = {.word = READ_ONCE(*word)}, new = old;

	new.slot = to;
	return old.slot == from && __sync_val_compare_and_swap(word, old.word, new.word) == old.word;
}

/*
 * Ends an entry for a new one: its slot is in phase BUILDING then, and the indexes still name it. Returns false if a
 * packet has used it since `seen`, or if another program ends it: the sweep passes over a slot in this phase, and only
 * one program brings it there.
 */
__noinline int slot_seize(__u32 number, __u32 seen)
{
	mapping_t *m = slot_at(number);

	if (!m || !seen || !slot_phase_change(m, MASQ_SLOT_LINKED, MASQ_SLOT_BUILDING))
		return false;
	if (__sync_val_compare_and_swap(&m->seen, seen, 0) == seen)
		return true;
	for (int try = 0; try < 4; try++) /* flags and order may change at the same moment */
		if (slot_phase_change(m, MASQ_SLOT_BUILDING, MASQ_SLOT_LINKED))
			break;
	return false;
}

#endif
