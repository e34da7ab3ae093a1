/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fragments that arrived before the first of their datagram: copied, and sent after it (docs/decisions/0004). A copy is
 * kept for at most HELD_TICKS. A sender gets a slot while it has fewer than are free, and than MASQ_HELD_SLOTS_PER_SOURCE.
 * Fragments of a pod count for its account (nat/quota.h), those from outside for their destination.
 *
 * A tc program cannot create a packet, but it can clone one. The first fragment is sent as a clone; then the packet is
 * turned into each queued fragment, and a clone of it is sent. All clones pass the engine again.
 */
#ifndef MASQ_BPF_STEPS_FRAGMENT_QUEUE_H
#define MASQ_BPF_STEPS_FRAGMENT_QUEUE_H

#include "bpf/nat/index.h"
#include "bpf/nat/quota.h"
#include "bpf/packet/counters.h"
#include "bpf/packet/loop.h"

/* Frames of queued fragments, and their index. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MASQ_HELD_SLOTS);
	__type(key, __u32);
	__type(value, held_t);
} held_map SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_held_index);
} held_index_map SEC(".maps");

#define HELD_FREE 0
#define HELD_BUSY 1
#define HELD_CLAIMED 0x80000000u /* with the number of the release that has claimed it */
#define HELD_TICKS 15            /* 2 s */

static __always_inline bool held_is_waiting(__u32 state)
{
	return state > HELD_BUSY && !(state & HELD_CLAIMED);
}

static __always_inline struct masq_held_index *held_index_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&held_index_map, &zero);
}

static __always_inline __u32 held_clock(void)
{
	return bpf_ktime_get_boot_ns() >> MASQ_TICK_SHIFT;
}

/* Frees a slot whose fragment has expired. A fragment from outside is not counted: the original has passed. */
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
	__u32 slots; /* number of slots that this sender may use */
	__u32 now;
	__u32 source;
	__u32 of_source;
	__u32 free;
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
	if (READ_ONCE(slot->state) == HELD_FREE) {
		search->found = i;
		search->free++;
	} else if (slot->source == search->source)
		search->of_source++;
	return 0;
}

/*
 * Takes a slot, in state BUSY. Returns NO_SLOT if there is none for this sender. Half of the slots are for pods only.
 */
static __always_inline __u32 held_take(struct masq_held_index *index, __u32 source, bool is_pod, __u32 now)
{
	for (int try = 0; try < 4; try++) {
		struct held_search search = {.slots = is_pod ? MASQ_HELD_SLOTS : MASQ_HELD_SLOTS / 2,
					     .now = now,
					     .source = source,
					     .found = NO_SLOT};

		bpf_for_each_map_elem(&steps_map, held_search_step, &search, 0);
		if (search.found >= MASQ_HELD_SLOTS || search.of_source >= search.free ||
		    search.of_source >= MASQ_HELD_SLOTS_PER_SOURCE)
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

/* Frees expired fragments. */
static __always_inline void held_sweep(__u32 now)
{
	struct masq_held_index *index = held_index_get();

	if (index && READ_ONCE(index->waiting))
		bpf_for_each_map_elem(&steps_map, held_sweep_step, &now, 0);
}

/* Frees a slot that the caller owns. */
static __always_inline void held_free(struct masq_held_index *index, struct masq_held_slot *slot)
{
	__u32 state = READ_ONCE(slot->state);

	__sync_fetch_and_add(&index->waiting, -1);
	__sync_val_compare_and_swap(&slot->state, state, HELD_FREE);
}

enum held_result {
	HELD,
	HELD_NO_ROOM,
	HELD_FIRST_ARRIVED, /* at the same moment: no copy is kept */
};

/* The sender of a fragment as a hash: a pod's account, or the destination of a fragment from outside. */
__noinline __u32 fragment_sender(const ctx_t *ctx, const addr_t *address, __u32 kind)
{
	addr_t key;

	if (!ctx || !address)
		return 0;
	account_key(&key, address, kind == MASQ_KIND_DATAGRAM_OUT ? account_of_packet(ctx) : ACCOUNT_OF_ADDRESS);
	return address_hash(&key);
}

/* Keeps a copy of a fragment of `datagram`; `sender` is a fragment_sender(). */
__noinline int fragment_queue_put(ctx_t *ctx, const tuple_t *datagram, __u32 sender)
{
	struct masq_held_index *index = held_index_get();
	__u32 now = held_clock(), length = ctx_length(ctx), number;
	struct masq_held_slot *slot;
	held_t *held;

	if (!index || !datagram || length < 1 || length > MASQ_HELD_FRAME)
		return HELD_NO_ROOM;
	number = held_take(index, sender, datagram->kind == MASQ_KIND_DATAGRAM_OUT, now);
	held = bpf_map_lookup_elem(&held_map, &number);
	if (!held || number >= MASQ_HELD_SLOTS)
		return HELD_NO_ROOM;
	slot = &index->slot[number];
	__sync_fetch_and_add(&index->waiting, 1);
	if (!ctx_load(ctx, 0, held->frame, BOUNDED(length, MASQ_HELD_FRAME))) {
		held_free(index, slot);
		return HELD_NO_ROOM;
	}
	held->datagram = *datagram;
	held->length = length;
	slot->source = sender;
	slot->direction = datagram->kind == MASQ_KIND_DATAGRAM_IN ? MASQ_INGRESS : MASQ_EGRESS;
	slot->hash = tuple_hash(datagram);
	__sync_val_compare_and_swap(&slot->state, HELD_BUSY, now);
	/*
	 * A first fragment at the same moment has either seen the slot, or has created its entry before this look-up:
	 * both write before they read.
	 */
	if (find_by_flow(datagram) != NO_SLOT && __sync_val_compare_and_swap(&slot->state, now, HELD_BUSY) == now) {
		held_free(index, slot);
		return HELD_FIRST_ARRIVED;
	}
	return HELD;
}

struct queue_release {
	ctx_t *ctx;
	tuple_t datagram;
	__u32 hash;
	__u32 now;
	__u32 claim;
	__u32 claimed;
	__u32 direction;
};

static long held_claim_step(void *map, __u32 *key, __u8 *value, struct queue_release *release)
{
	struct masq_held_index *index = held_index_get();
	struct masq_held_slot *slot;
	__u32 i = *key, state;
	held_t *held;

	held = bpf_map_lookup_elem(&held_map, &i);
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

/* Turns the packet into a queued fragment, and sends a clone of it. */
static __always_inline void held_send(ctx_t *ctx, held_t *held, __u32 direction)
{
	__u32 length = held->length;

	if (length >= 1 && length <= MASQ_HELD_FRAME &&
	    ctx_replace(ctx, length, 0, held->frame, BOUNDED(length, MASQ_HELD_FRAME)))
		ctx_clone(ctx, direction == MASQ_INGRESS);
}

static long held_send_step(void *map, __u32 *key, __u8 *value, struct queue_release *release)
{
	struct masq_held_index *index = held_index_get();
	struct masq_held_slot *slot;
	__u32 i = *key;
	held_t *held;

	held = bpf_map_lookup_elem(&held_map, &i);
	if (!index || !held || i >= MASQ_HELD_SLOTS)
		return 1;
	slot = &index->slot[i];
	if (READ_ONCE(slot->state) != release->claim)
		return 0;
	held_send(release->ctx, held, release->direction);
	held_free(index, slot);
	return 0;
}

/*
 * The first fragment of `datagram` has arrived and its entry exists. If fragments are queued, sends it as a clone and
 * them after it, and returns true: the packet is then to be dropped.
 */
__noinline int fragment_queue_release(ctx_t *ctx, const tuple_t *datagram, __u32 direction)
{
	struct masq_held_index *index = held_index_get();
	struct queue_release release = {.ctx = ctx};

	if (!index || !datagram || !READ_ONCE(index->waiting))
		return false;
	release.datagram = *datagram;
	release.hash = tuple_hash(datagram);
	release.now = held_clock();
	release.claim = HELD_CLAIMED | bpf_get_prandom_u32();
	release.direction = direction;
	/* All are claimed before the first is sent: the clone passes the engine before this function returns. */
	bpf_for_each_map_elem(&steps_map, held_claim_step, &release, 0);
	if (!release.claimed)
		return false;
	ctx_clone(ctx, direction == MASQ_INGRESS);
	bpf_for_each_map_elem(&steps_map, held_send_step, &release, 0);
	return true;
}

#endif
