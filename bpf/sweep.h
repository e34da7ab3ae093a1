/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The sweep: a timer that belongs to a pinned map, so it runs with or without the agent. Each tick it sets the clock
 * that packets read and looks at a part of the slots: an idle mapping ends, leaves the indexes, and a tick or more
 * later its slot is free. Nobody else takes mappings out of the indexes.
 */
#ifndef MASQ_BPF_SWEEP_H
#define MASQ_BPF_SWEEP_H

#include "bpf/held.h"
#include "bpf/mapping.h"

#define SWEEP_PERIOD_NS (1ull << MASQ_TICK_SHIFT)
#define SWEEP_LEAST 1024 /* slots a tick */
#define SWEEP_TICKS 32   /* in which a large table is gone through */
#define GRACE_TICKS 2    /* until no program can look at an unlinked slot any more */
#define SWEEP_CLOCK 7    /* CLOCK_BOOTTIME */

static __always_inline void mapping_unlink(struct masq_control *c, mapping_t *m, __u32 number)
{
	tuple_t key = m->flow;

	N(remove_flow)(&key, number);
	if (mapping_has_port(m)) {
		N(port_release)(number);
		N(pod_refund)(&m->flow.src);
		__sync_fetch_and_add(&c->used, -1);
		N(event_ended)(m);
	} else if (m->flags & MASQ_CHARGED) {
		N(pod_refund)(&m->external);
		__sync_fetch_and_add(&c->used, -1);
	} else {
		__sync_fetch_and_add(&c->left, -1);
	}
	m->created = c->clock;
	m->slot = MASQ_SLOT_UNLINKED;
}

__noinline int N(sweep_slot)(__u32 number)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(number);
	__u32 seen, slot;

	if (!c || !m)
		return 0;
	seen = READ_ONCE(m->seen);
	slot = READ_ONCE(m->slot);
	if (slot == MASQ_SLOT_UNLINKED && c->clock - m->created >= GRACE_TICKS)
		slot_release(c, m, number);
	if (slot != MASQ_SLOT_LINKED)
		return 0;
	/* A packet that comes right now refreshes `seen`: then the exchange fails, and the mapping lives on. */
	if (seen && ((__s32)(c->clock - seen) < (__s32)mapping_timeout(m) ||
		     __sync_val_compare_and_swap(&m->seen, seen, 0) != seen))
		return 0;
	mapping_unlink(c, m, number);
	return 0;
}

struct sweep {
	__u32 first;
	__u32 count;
	__u32 slots;
};

static long sweep_step(void *map, __u32 *key, __u8 *value, struct sweep *sweep)
{
	__u32 number = sweep->first + *key;

	if (*key >= sweep->count)
		return 1;
	N(sweep_slot)(number < sweep->slots ? number : number - sweep->slots);
	return 0;
}

static __always_inline void sweep_run(void)
{
	struct masq_control *c = control_get();
	struct sweep sweep;

	/* The timer's and the one of a program that is just being started may meet. */
	if (!c || __sync_val_compare_and_swap(&c->sweeping, 0, 1) != 0)
		return;
	c->clock = bpf_ktime_get_boot_ns() >> MASQ_TICK_SHIFT;
	sweep.slots = c->unused;
	sweep.count = sweep.slots / SWEEP_TICKS < SWEEP_LEAST ? SWEEP_LEAST : sweep.slots / SWEEP_TICKS;
	if (sweep.count > sweep.slots)
		sweep.count = sweep.slots;
	sweep.first = c->cursor < sweep.slots ? c->cursor : 0;
	c->cursor = sweep.first + sweep.count < sweep.slots ? sweep.first + sweep.count
							    : sweep.first + sweep.count - sweep.slots;
	bpf_for_each_map_elem(&N(steps), sweep_step, &sweep, 0);
	held_sweep(c->clock);
	__sync_fetch_and_add(&c->sweeps, 1);
	__sync_val_compare_and_swap(&c->sweeping, 1, 0);
}

static int sweep_tick(void *map, __u32 *key, struct sweeper *sweeper)
{
	sweep_run();
	bpf_timer_start(&sweeper->timer, SWEEP_PERIOD_NS, 0);
	return 0;
}

/* Run once by user space after each load: from then on the timer uses this object's program. */
HOOK_PROGRAM
int N(sweep_start)(ctx_t *ctx)
{
	__u32 zero = 0;
	struct sweeper *sweeper = bpf_map_lookup_elem(&N(sweeper), &zero);
	long error;

	if (!sweeper)
		return -1;
	error = bpf_timer_init(&sweeper->timer, &N(sweeper), SWEEP_CLOCK);
	if (error && error != -16 /* -EBUSY: it runs already */)
		return error;
	error = bpf_timer_set_callback(&sweeper->timer, sweep_tick);
	if (error)
		return error;
	sweep_run();
	return bpf_timer_start(&sweeper->timer, SWEEP_PERIOD_NS, 0);
}

#endif
