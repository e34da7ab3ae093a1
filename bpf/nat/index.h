/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two hash indexes of slot numbers: by the pod's tuple, and by the tuple of the replies (docs/decisions/0001).
 *
 * Reading takes no lock. Inserting is optimistic: search the key, then take the bucket's lock and insert if nothing was
 * inserted since. Only the sweep removes, and a program that gives back its own claim.
 */
#ifndef MASQ_BPF_NAT_INDEX_H
#define MASQ_BPF_NAT_INDEX_H

#include "bpf/nat/hash.h"
#include "bpf/nat/slots.h"

/* Mappable, so that a bucket is a cache line: mappable arrays begin on a page. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_bucket);
} forward_map SEC(".maps"), reply_map SEC(".maps");

/* Insertions into a bucket hold the lock of its number modulo LOCKS. */
#define LOCKS 1024
struct lock {
	struct bpf_spin_lock spin;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LOCKS);
	__type(key, __u32);
	__type(value, struct lock);
} locks_map SEC(".maps");

enum table_index {
	BY_FLOW,  /* forward: the tuple as the pod sends it */
	BY_REPLY, /* the tuple as it leaves the uplink: external address and port are the source */
};

#define CELL_SLOT_MASK 0xffffffu

static __always_inline __u32 hash_home(__u32 hash)
{
	return hash & options.forward_mask;
}

static __always_inline __u32 hash_tag(__u32 hash)
{
	return hash & ~CELL_SLOT_MASK;
}

static __always_inline struct masq_bucket *bucket_look_up(enum table_index index, const __u32 *number)
{
	return index == BY_FLOW ? bpf_map_lookup_elem(&forward_map, number) : bpf_map_lookup_elem(&reply_map, number);
}

static __always_inline struct masq_bucket *bucket_at(enum table_index index, __u32 number)
{
	__u32 key = number & options.forward_mask;

	return bucket_look_up(index, &key);
}

static __always_inline bool mapping_has_key(enum table_index index, const mapping_t *m, const tuple_t *t)
{
	if (index == BY_FLOW)
		return tuple_equal(&m->flow, t);
	return addr_equal(&m->flow.dst, &t->dst) && m->flow.dport == t->dport && m->external_port == t->sport &&
	       addr_equal(&m->external, &t->src) && m->flow.protocol == t->protocol && m->flow.kind == t->kind;
}

/* Returns the slot of a cell if its tag matches, else NO_SLOT. */
static __always_inline __u32 cell_candidate(__u32 cell, __u32 tag)
{
	__u32 slot = (cell ^ tag) - 1;

	return slot < CELL_SLOT_MASK ? slot : NO_SLOT;
}

/* Returns the mapping of a tuple among a bucket's cells, or NULL: as index_find(). */
static __always_inline mapping_t *bucket_find(enum table_index index, struct masq_bucket *b, const tuple_t *t,
					      __u32 hash, bool alive, __u32 *number)
{
	__u32 tag = hash_tag(hash);

	for (__u32 i = 0; i < MASQ_CELLS; i++) {
		__u32 slot = cell_candidate(READ_ONCE(b->cell[i]), tag);
		mapping_t *m;

		if (slot == NO_SLOT)
			continue;
		m = slot_at(slot);
		if (m && mapping_has_key(index, m, t) && (!alive || READ_ONCE(m->seen))) {
			*number = slot;
			return m;
		}
	}
	return NULL;
}

/*
 * Off the fast path a bucket is searched by a global function: the verifier checks its cells once, and not for each
 * bucket and caller. Returns the number of the slot, or NO_SLOT.
 */
static __always_inline __u32 bucket_search(enum table_index index, const tuple_t *t, __u32 hash, __u32 hop, bool alive)
{
	struct masq_bucket *b = bucket_at(index, hash_home(hash) + hop);
	__u32 number = NO_SLOT;

	if (t && b)
		bucket_find(index, b, t, hash, alive, &number);
	return number;
}

__noinline __u32 forward_bucket_search(const tuple_t *t, __u32 hash, __u32 hop, __u32 alive)
{
	return bucket_search(BY_FLOW, t, hash, hop, alive);
}

__noinline __u32 reply_bucket_search(const tuple_t *t, __u32 hash, __u32 hop, __u32 alive)
{
	return bucket_search(BY_REPLY, t, hash, hop, alive);
}

/* Returns the number of a tuple's slot in the buckets from the hop `first` on, or NO_SLOT. */
static __always_inline __u32 index_search(enum table_index index, const tuple_t *t, __u32 hash, bool alive, __u32 first)
{
	for (__u32 hop = first; hop < MASQ_HOPS; hop++) {
		__u32 number = index == BY_FLOW ? forward_bucket_search(t, hash, hop, alive)
						: reply_bucket_search(t, hash, hop, alive);
		struct masq_bucket *home;

		if (number != NO_SLOT)
			return number;
		if (hop)
			continue;
		home = bucket_at(index, hash_home(hash));
		if (!home || !READ_ONCE(home->overflow))
			return NO_SLOT;
	}
	return NO_SLOT;
}

/*
 * Returns the mapping of a tuple and the number of its slot, or NULL. With `alive`, a mapping that has ended is
 * skipped; without, its key is still taken.
 */
static __always_inline mapping_t *index_find(enum table_index index, const tuple_t *t, __u32 hash, bool alive,
					     __u32 *number)
{
	struct masq_bucket *home = bucket_at(index, hash_home(hash));
	mapping_t *m;

	if (!home)
		return NULL;
	m = bucket_find(index, home, t, hash, alive, number);
	if (m || !READ_ONCE(home->overflow))
		return m;
	*number = index_search(index, t, hash, alive, 1);
	return *number == NO_SLOT ? NULL : slot_at(*number);
}

static __always_inline mapping_t *mapping_find(enum table_index index, const tuple_t *t)
{
	__u32 number;

	return index_find(index, t, tuple_hash(t), true, &number);
}

enum insert_result {
	INSERTED,
	INSERT_EXISTS,  /* by flow: an alive mapping; by reply: the port is taken, also by a mapping that has ended */
	INSERT_CROWDED, /* no cell within MASQ_HOPS buckets */
};

/*
 * The next functions are global: the verifier checks each of them once, and not once for each path to its callers.
 */
#define VACANCY(hop, cell) ((hop) * 16 + (cell))
#define VACANCY_HOP(vacancy) ((vacancy) / 16)
#define VACANCY_CELL(vacancy) ((vacancy) % 16)

static __always_inline int index_vacancy(enum table_index index, __u32 home)
{
	for (__u32 hop = 0; hop < MASQ_HOPS; hop++) {
		struct masq_bucket *b = bucket_at(index, home + hop);

		if (!b)
			return -1;
		for (__u32 i = 0; i < MASQ_CELLS; i++)
			if (!READ_ONCE(b->cell[i]))
				return VACANCY(hop, i);
	}
	return -1;
}

__noinline int vacancy_in_forward(__u32 home)
{
	return index_vacancy(BY_FLOW, home);
}

__noinline int vacancy_in_reply(__u32 home)
{
	return index_vacancy(BY_REPLY, home);
}

/* As mapping_find(), off the fast path. Returns the slot's number, or NO_SLOT. */
__noinline __u32 find_by_flow(const tuple_t *t)
{
	return t ? index_search(BY_FLOW, t, tuple_hash(t), true, 0) : NO_SLOT;
}

__noinline __u32 find_by_reply(const tuple_t *t)
{
	return t ? index_search(BY_REPLY, t, tuple_hash(t), true, 0) : NO_SLOT;
}

/* Inserts a slot's number under a key that no other slot has. */
static __always_inline enum insert_result index_insert(enum table_index index, const tuple_t *t, __u32 slot)
{
	__u32 hash = tuple_hash(t);
	__u32 home_number = hash_home(hash), key = home_number; /* one key for all look-ups saves stack */
	struct masq_bucket *home = bucket_look_up(index, &key), *b;
	struct lock *lock;

	key = home_number % LOCKS;
	lock = bpf_map_lookup_elem(&locks_map, &key);
	if (!home || !lock)
		return INSERT_CROWDED;
	for (int try = 0; try < 8; try++) {
		__u16 inserted = READ_ONCE(home->inserted);
		bool done = false;
		__u32 cell;
		int vacancy;

		/* By flow an alive mapping, by reply one that has ended too. */
		if (index_search(index, t, hash, index == BY_FLOW, 0) != NO_SLOT)
			return INSERT_EXISTS;
		vacancy = index == BY_FLOW ? vacancy_in_forward(home_number) : vacancy_in_reply(home_number);
		if (vacancy < 0)
			return INSERT_CROWDED;
		key = (home_number + VACANCY_HOP((__u32)vacancy)) & options.forward_mask;
		b = bucket_look_up(index, &key);
		cell = VACANCY_CELL((__u32)vacancy);
		KNOWN(cell);
		if (!b || cell >= MASQ_CELLS)
			return INSERT_CROWDED;
		bpf_spin_lock(&lock->spin);
		/* A key of another home bucket has another lock, hence the atomic exchange. */
		if (home->inserted == inserted &&
		    __sync_val_compare_and_swap(&b->cell[cell], 0, hash_tag(hash) | (slot + 1)) == 0) {
			home->inserted++;
			if (VACANCY_HOP((__u32)vacancy))
				home->overflow++;
			done = true;
		}
		bpf_spin_unlock(&lock->spin);
		if (done)
			return INSERTED;
	}
	return INSERT_CROWDED;
}

/* Removes a slot's number from an index, if it is there. */
static __always_inline void index_remove(enum table_index index, const tuple_t *t, __u32 slot)
{
	__u32 hash = tuple_hash(t);
	__u32 lock_number = hash_home(hash) % LOCKS, cell = hash_tag(hash) | (slot + 1);
	struct masq_bucket *home = bucket_at(index, hash_home(hash));
	struct lock *lock = bpf_map_lookup_elem(&locks_map, &lock_number);

	if (!home || !lock)
		return;
	for (__u32 hop = 0; hop < MASQ_HOPS; hop++) {
		struct masq_bucket *b = bucket_at(index, hash_home(hash) + hop);

		if (!b)
			return;
		for (__u32 i = 0; i < MASQ_CELLS; i++) {
			if (READ_ONCE(b->cell[i]) != cell)
				continue;
			bpf_spin_lock(&lock->spin);
			if (hop)
				home->overflow--;
			WRITE_ONCE(b->cell[i], 0);
			bpf_spin_unlock(&lock->spin);
			return;
		}
	}
}

__noinline int insert_flow(const tuple_t *t, __u32 slot)
{
	return t ? index_insert(BY_FLOW, t, slot) : INSERT_CROWDED;
}

__noinline int insert_reply(const tuple_t *t, __u32 slot)
{
	return t ? index_insert(BY_REPLY, t, slot) : INSERT_CROWDED;
}

__noinline int remove_flow(const tuple_t *t, __u32 slot)
{
	if (t)
		index_remove(BY_FLOW, t, slot);
	return 0;
}

__noinline int remove_reply(const tuple_t *t, __u32 slot)
{
	if (t)
		index_remove(BY_REPLY, t, slot);
	return 0;
}

#endif
