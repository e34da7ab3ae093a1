/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fragments that came before their datagram's first one: copied, and sent on behind it (docs/decisions/0004). A copy
 * waits for HELD_TICKS at most; a sender has MASQ_HELD_SLOTS_PER_SOURCE of the slots at most.
 *
 * There is no way for a tc program to make a packet, but it can clone one: the head is sent on as a clone, and then
 * made into each of the waiting fragments in turn, of which clones are sent on. They all come by here once more.
 */
#ifndef MASQ_BPF_HELD_H
#define MASQ_BPF_HELD_H

#include "bpf/table.h"

#define HELD_FREE 0
#define HELD_BUSY 1
#define HELD_CLAIMED 0x80000000u /* and the number of the release that has claimed it */
#define HELD_TICKS 15            /* 2 s */

static __always_inline bool held_is_waiting(__u32 state)
{
	return state > HELD_BUSY && !(state & HELD_CLAIMED);
}

static __always_inline struct masq_held_index *held_index_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&N(held_index), &zero);
}

static __always_inline __u32 address_hash(const addr_t *a)
{
	__u64 h = options.hash_seed;

	for (__u32 i = 0; i < ADDR_WORDS; i++)
		h = (h ^ a->word[i]) * 0x9e3779b97f4a7c15ull;
	return h >> 32;
}

static __always_inline __u32 held_clock(void)
{
	return bpf_ktime_get_boot_ns() >> MASQ_TICK_SHIFT;
}

/* Frees a slot whose fragment has waited too long. One from outside is no loss: its original has gone on. */
static __always_inline void held_expire(struct masq_held_index *index, struct masq_held_slot *slot, __u32 now)
{
	__u32 state = READ_ONCE(slot->state);

	if (!held_is_waiting(state) || now - state <= HELD_TICKS)
		return;
	if (__sync_val_compare_and_swap(&slot->state, state, HELD_FREE) != state)
		return;
	__sync_fetch_and_add(&index->waiting, -1);
	if (slot->direction == MASQ_EGRESS)
		count(MASQ_EGRESS, MASQ_REASON_FRAGMENT);
}

struct held_search {
	__u32 slots; /* how many of them this sender may look at */
	__u32 now;
	__u32 source;
	__u32 of_source;
	__u32 found;
};

static long held_search_step(void *map, __u32 *key, __u8 *value, struct held_search *search)
{
	struct masq_held_index *index = held_index_get();
	struct masq_held_slot *slot;
	__u32 i = *key;

	if (!index || i >= MASQ_HELD_SLOTS || i >= search->slots)
		return 1;
	slot = &index->slot[i];
	held_expire(index, slot, search->now);
	if (READ_ONCE(slot->state) == HELD_FREE)
		search->found = i;
	else if (slot->source == search->source)
		search->of_source++;
	return 0;
}

/* A slot of our own, BUSY; NO_SLOT when there is none for this sender. Half of them are for pods alone. */
static __always_inline __u32 held_take(struct masq_held_index *index, __u32 source, bool is_pod, __u32 now)
{
	for (int try = 0; try < 4; try++) {
		struct held_search search = {.slots = is_pod ? MASQ_HELD_SLOTS : MASQ_HELD_SLOTS / 2,
					     .now = now,
					     .source = source,
					     .found = NO_SLOT};

		bpf_for_each_map_elem(&N(steps), held_search_step, &search, 0);
		if (search.found >= MASQ_HELD_SLOTS || search.of_source >= MASQ_HELD_SLOTS_PER_SOURCE)
			return NO_SLOT;
		if (__sync_val_compare_and_swap(&index->slot[search.found].state, HELD_FREE, HELD_BUSY) == HELD_FREE)
			return search.found;
	}
	return NO_SLOT;
}

static long held_sweep_step(void *map, __u32 *key, __u8 *value, __u32 *now)
{
	struct masq_held_index *index = held_index_get();
	__u32 i = *key;

	if (!index || i >= MASQ_HELD_SLOTS)
		return 1;
	held_expire(index, &index->slot[i], *now);
	return 0;
}

/* At each tick of the sweep's. */
static __always_inline void held_sweep(__u32 now)
{
	struct masq_held_index *index = held_index_get();

	if (index && READ_ONCE(index->waiting))
		bpf_for_each_map_elem(&N(steps), held_sweep_step, &now, 0);
}

/* A slot that is ours becomes free. */
static __always_inline void held_give_back(struct masq_held_index *index, struct masq_held_slot *slot)
{
	__u32 state = READ_ONCE(slot->state);

	__sync_fetch_and_add(&index->waiting, -1);
	__sync_val_compare_and_swap(&slot->state, state, HELD_FREE);
}

enum held_result {
	HELD,
	HELD_NO_ROOM,
	HELD_HEAD_IS_THERE, /* meanwhile: nothing is held */
};

/* Keeps a copy of a fragment of `datagram`, which `sender` sent. */
__noinline int N(held_put)(ctx_t *ctx, const tuple_t *datagram, const addr_t *sender)
{
	struct masq_held_index *index = held_index_get();
	__u32 now = held_clock(), length = ctx_length(ctx), number;
	struct masq_held_slot *slot;
	held_t *held;

	if (!index || !datagram || !sender || length < 1 || length > MASQ_HELD_FRAME)
		return HELD_NO_ROOM;
	number = held_take(index, address_hash(sender), datagram->kind == MASQ_KIND_DATAGRAM_OUT, now);
	held = bpf_map_lookup_elem(&N(held), &number);
	if (!held || number >= MASQ_HELD_SLOTS)
		return HELD_NO_ROOM;
	slot = &index->slot[number];
	__sync_fetch_and_add(&index->waiting, 1);
	if (!ctx_load(ctx, 0, held->frame, BOUNDED(length, MASQ_HELD_FRAME))) {
		held_give_back(index, slot);
		return HELD_NO_ROOM;
	}
	held->datagram = *datagram;
	held->length = length;
	slot->source = address_hash(sender);
	slot->direction = datagram->kind == MASQ_KIND_DATAGRAM_IN ? MASQ_INGRESS : MASQ_EGRESS;
	slot->hash = (__u32)tuple_hash(datagram);
	__sync_val_compare_and_swap(&slot->state, HELD_BUSY, now);
	/*
	 * A head that came meanwhile has either seen the slot, or made its entry before we look for it here: both of us
	 * write before we read.
	 */
	if (N(find_by_flow)(datagram) != NO_SLOT && __sync_val_compare_and_swap(&slot->state, now, HELD_BUSY) == now) {
		held_give_back(index, slot);
		return HELD_HEAD_IS_THERE;
	}
	return HELD;
}

struct held_release {
	ctx_t *ctx;
	tuple_t datagram;
	__u32 hash;
	__u32 now;
	__u32 claim;
	__u32 claimed;
	__u32 direction;
};

static long held_claim_step(void *map, __u32 *key, __u8 *value, struct held_release *release)
{
	struct masq_held_index *index = held_index_get();
	struct masq_held_slot *slot;
	__u32 i = *key, state;
	held_t *held;

	held = bpf_map_lookup_elem(&N(held), &i);
	if (!index || !held || i >= MASQ_HELD_SLOTS)
		return 1;
	slot = &index->slot[i];
	held_expire(index, slot, release->now);
	state = READ_ONCE(slot->state);
	if (!held_is_waiting(state) || slot->hash != release->hash ||
	    __sync_val_compare_and_swap(&slot->state, state, release->claim) != state)
		return 0;
	if (tuple_equal(&held->datagram, &release->datagram))
		release->claimed++;
	else
		__sync_val_compare_and_swap(&slot->state, release->claim, state);
	return 0;
}

/* Sends on the fragment in the shape of a packet that nobody needs any more. */
static __always_inline void held_send(ctx_t *ctx, held_t *held, __u32 direction)
{
	__u32 length = held->length;

	if (length >= 1 && length <= MASQ_HELD_FRAME &&
	    ctx_replace(ctx, length, 0, held->frame, BOUNDED(length, MASQ_HELD_FRAME)))
		ctx_clone(ctx, direction == MASQ_INGRESS);
}

static long held_send_step(void *map, __u32 *key, __u8 *value, struct held_release *release)
{
	struct masq_held_index *index = held_index_get();
	struct masq_held_slot *slot;
	__u32 i = *key;
	held_t *held;

	held = bpf_map_lookup_elem(&N(held), &i);
	if (!index || !held || i >= MASQ_HELD_SLOTS)
		return 1;
	slot = &index->slot[i];
	if (READ_ONCE(slot->state) != release->claim)
		return 0;
	held_send(release->ctx, held, release->direction);
	held_give_back(index, slot);
	return 0;
}

/*
 * The head of `datagram` is here, and its entry made. When fragments wait for it, it is sent on with them behind it:
 * true, and the packet at hand is to be dropped.
 */
__noinline int N(held_release)(ctx_t *ctx, const tuple_t *datagram, __u32 direction)
{
	struct masq_held_index *index = held_index_get();
	struct held_release release = {.ctx = ctx};

	if (!index || !datagram || !READ_ONCE(index->waiting))
		return false;
	release.datagram = *datagram;
	release.hash = (__u32)tuple_hash(datagram);
	release.now = held_clock();
	release.claim = HELD_CLAIMED | bpf_get_prandom_u32();
	release.direction = direction;
	/* All are claimed before the first is sent: a clone on its way out comes by here before we go on. */
	bpf_for_each_map_elem(&N(steps), held_claim_step, &release, 0);
	if (!release.claimed)
		return false;
	ctx_clone(ctx, direction == MASQ_INGRESS);
	bpf_for_each_map_elem(&N(steps), held_send_step, &release, 0);
	return true;
}

#endif
