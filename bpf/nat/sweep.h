/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The sweep. Each tick it inspects a part of the slots: an idle mapping ends and is removed from the indexes, and after
 * its grace period the slot is free. If a search has asked for it, the sweep also records the ports toward busy endpoints.
 */
#ifndef MASQ_BPF_NAT_SWEEP_H
#define MASQ_BPF_NAT_SWEEP_H

#include "bpf/nat/mapping.h"

#define SWEEP_PERIOD_NS (1ull << MASQ_TICK_SHIFT)
#define SWEEP_MINIMUM 1024 /* slots a tick */
#define GRACE_TICKS 2      /* until no program can read an unlinked slot any more */
#define SWEEP_CLOCK 7      /* CLOCK_BOOTTIME */

__noinline int sweep_slot(__u32 number)
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
	/* A packet at the same moment refreshes `seen`: then the exchange fails, and the mapping stays. */
	if (seen && ((__s32)(c->clock - seen) < (__s32)mapping_timeout(m) ||
		     __sync_val_compare_and_swap(&m->seen, seen, 0) != seen)) {
		if (sweep_is_recording(c) && share_in_use(number) >= BUSY_PORTS)
			port_mark_taken(number);
		return 0;
	}
	mapping_unlink(c, m, number, false);
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
	sweep_slot(number < sweep->slots ? number : number - sweep->slots);
	return 0;
}

static __always_inline void sweep_run(void)
{
	struct masq_control *c = control_get();
	struct sweep sweep;

	/* The timer and the start of a program may run it at the same time. */
	if (!c || __sync_val_compare_and_swap(&c->sweeping, 0, 1) != 0)
		return;
	c->clock = bpf_ktime_get_boot_ns() >> MASQ_TICK_SHIFT;
	sweep.slots = c->unused;
	sweep.count = sweep.slots / SWEEP_TICKS < SWEEP_MINIMUM ? SWEEP_MINIMUM : sweep.slots / SWEEP_TICKS;
	if (sweep.count > sweep.slots)
		sweep.count = sweep.slots;
	sweep.first = c->cursor < sweep.slots ? c->cursor : 0;
	c->cursor = sweep.first + sweep.count < sweep.slots ? sweep.first + sweep.count
							    : sweep.first + sweep.count - sweep.slots;
	bpf_for_each_map_elem(&steps_map, sweep_step, &sweep, 0);
	__sync_fetch_and_add(&c->sweeps, 1);
	__sync_val_compare_and_swap(&c->sweeping, 1, 0);
}

#endif
