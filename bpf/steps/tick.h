/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The clock: a timer that belongs to a pinned map, so it runs with or without the agent. Each tick sets the clock that
 * packets read, sweeps a part of the table, and frees fragments that have waited too long.
 */
#ifndef MASQ_BPF_STEPS_TICK_H
#define MASQ_BPF_STEPS_TICK_H

#include "bpf/nat/sweep.h"
#include "bpf/steps/fragment_queue.h"

struct sweeper {
	struct bpf_timer timer;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sweeper);
} sweeper_map SEC(".maps");

static __always_inline void tick_run(void)
{
	struct masq_control *c = control_get();

	sweep_run();
	if (c)
		held_sweep(c->clock);
}

static int tick(void *map, __u32 *key, struct sweeper *sweeper)
{
	tick_run();
	bpf_timer_start(&sweeper->timer, SWEEP_PERIOD_NS, 0);
	return 0;
}

/* User space runs it once after each load: from then on the timer uses this object's program. */
HOOK_PROGRAM
int sweep_start(ctx_t *ctx)
{
	__u32 zero = 0;
	struct sweeper *sweeper = bpf_map_lookup_elem(&sweeper_map, &zero);
	long error;

	if (!sweeper)
		return -1;
	error = bpf_timer_init(&sweeper->timer, &sweeper_map, SWEEP_CLOCK);
	if (error && error != -16 /* -EBUSY: the timer runs already */)
		return error;
	error = bpf_timer_set_callback(&sweeper->timer, tick);
	if (error)
		return error;
	tick_run();
	return bpf_timer_start(&sweeper->timer, SWEEP_PERIOD_NS, 0);
}

#endif
