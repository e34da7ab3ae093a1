/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The search for a free port if the pod's own cannot be preserved. The first port to try follows from the pod's endpoint
 * (port_order.h), or is random. Toward an endpoint that is not busy, some further ports of that order are tried. Then the
 * bitmap of known ports is searched: from the first port on, word by word, and in strides, because taken ports form
 * runs: at first one port of each word, then all. At most SEARCH_TRIES ports are tried: of those that the bitmap does not
 * know there are fewer.
 */
#ifndef MASQ_BPF_NAT_PORT_SEARCH_H
#define MASQ_BPF_NAT_PORT_SEARCH_H

#include "bpf/nat/port_claim.h"
#include "bpf/nat/port_known.h"
#include "bpf/nat/port_order.h"
#include "bpf/packet/loop.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_births);
} births_map SEC(".maps");

#define GUESSES 3 /* before known ports are recorded */
#define SEARCH_TRIES (GUESSES + BUSY_PORTS)
#define WORD_STRIDE 617 /* odd: strides meet each of the 1024 words, and of the 8 words of a class below 1024 */
#define CLASS_PORTS 512

/* The ports of a word that a search may choose. */
static __always_inline __u64 ports_of_word(__u32 space, __u32 word)
{
	KNOWN(word); /* the compiler knows that a port has 16 bits, the verifier does not */
	word %= MASQ_PORTS / 64;
	if (space == PORTS_OF_IDENTIFIERS)
		return ~0ull;
	return space == PORTS_OF_RANGES ? options.chosen_ports[word] : options.usable_ports[word];
}

static __always_inline bool port_is_in_space(__u32 space, __u16 port)
{
	return ports_of_word(space, port / 64) >> (port % 64) & 1;
}

static __always_inline bool port_is_in_range(__u16 port)
{
	return port_is_in_space(PORTS_OF_RANGES, port);
}

/* A mapping may have this port; whether it is chosen or only kept is another question. */
static __always_inline bool port_is_usable(__u16 port)
{
	__u32 word = port / 64;

	KNOWN(word);
	return options.usable_ports[word % (MASQ_PORTS / 64)] >> (port % 64) & 1;
}

static __always_inline __u16 port_at(__u32 position)
{
	for (__u32 i = 0; i < MASQ_RANGES_MAX; i++) {
		__u32 size;

		if (i >= options.range_count)
			return 0;
		size = options.range[i].high - options.range[i].low + 1;
		if (position < size)
			return options.range[i].low + position;
		position -= size;
	}
	return 0;
}

static __always_inline __u32 protocol_class(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return MASQ_CLASS_TCP;
	case IPPROTO_UDP:
		return MASQ_CLASS_UDP;
	case ICMP_PROTOCOL:
		return MASQ_CLASS_ICMP;
	case PROTOCOL_SCTP:
		return MASQ_CLASS_SCTP;
	default:
		return MASQ_CLASS_OTHER;
	}
}

static __always_inline void search_begin(void)
{
	struct port_search *search = port_search_get();

	if (!search)
		return;
	search->tried = search->probed = 0;
	search->limit = FILLING_SEARCH;
}

/* Counts a connection's search: the number of ports that were tried, and the result. */
__noinline int search_count(__u32 slot, __u32 found)
{
	__u32 zero = 0, bucket = 0, attempts;
	struct masq_births *births = bpf_map_lookup_elem(&births_map, &zero);
	struct port_search *search = port_search_get();
	mapping_t *m = slot_at(slot);

	if (!births || !search || !m)
		return 0;
	attempts = search->tried + 1; /* the pod's own too */
	if (m->flow.kind != MASQ_KIND_CONNECTION)
		return 0;
	while (bucket < MASQ_ATTEMPT_BUCKETS - 1 && attempts > 1u << bucket)
		bucket++;
	births->searches[bucket]++;
	births->attempts += attempts;
	if (found)
		births->created[protocol_class(m->flow.protocol)]++;
	return 0;
}

/* Returns the port of a number of the order. Of a class below 1024, it may be one that is not usable. */
__noinline __u32 port_guess(__u32 space, __u32 order)
{
	switch (space) {
	case PORTS_OF_IDENTIFIERS:
		return order / (1u << 16);
	case PORTS_BELOW_512:
		return order / (1u << 23);
	case PORTS_BELOW_1024:
		return CLASS_PORTS + order / (1u << 23);
	default:
		return port_at((__u64)order * options.port_count >> 32);
	}
}

enum search_kind {
	SEARCH_NONE,     /* a search of this tick has found no free port */
	SEARCH_GUESSING, /* no known ports */
	SEARCH_ALL,
};

/* Returns enum search_kind. */
__noinline int port_search_begin(__u32 slot, __u32 space, __u32 assignment)
{
	struct port_search *search = port_search_get();
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known;
	__u32 port, word;

	if (!search || !c || !m)
		return SEARCH_NONE;
	search->order = assignment == ASSIGN_RANDOM ? bpf_get_prandom_u32() : endpoint_order(m);
	search->space = space;
	search->result = CLAIM_TAKEN;
	port = port_guess(space, search->order);
	known = known_ports_of(m, space);
	/* One free port among many: it is where one was released. */
	word = port / 64;
	KNOWN(word);
	if (known && !~known->taken[word % (MASQ_PORTS / 64)])
		port = known->freed;
	search->position = port % 64;
	search->word = port / 64;
	search->half = search->position + (port_space_is_class(space) ? CLASS_PORTS : MASQ_PORTS);
	search->end = search->half + (port_space_is_class(space) ? CLASS_PORTS : MASQ_PORTS);
	search->meets = false;
	if (!known)
		return SEARCH_GUESSING;
	return known->exhausted == c->clock ? SEARCH_NONE : SEARCH_ALL;
}

/* Returns enum claim_result. */
__noinline int port_search_end(__u32 slot)
{
	struct port_search *search = port_search_get();
	struct masq_control *c = control_get();

	if (!search || !c)
		return CLAIM_TAKEN;
	if (search->result == CLAIM_TAKEN && search->position == search->end)
		known_ports_exhausted(slot, search->space);
	else if (search->result == CLAIM_TAKEN && search->tried >= SEARCH_TRIES)
		WRITE_ONCE(recording, c->clock + SWEEP_TICKS + 1);
	return search->result;
}

/* Tries a port. Returns true if the search is over. */
static __always_inline bool port_try(ctx_t *ctx, struct port_search *search, __u32 slot, __u32 port)
{
	mapping_t *m = slot_at(slot);
	int result;

	if (!m || !port_is_in_space(search->space, port))
		return false;
	m->external_port = bpf_htons(port);
	search->tried++;
	result = port_claim_inline(ctx, slot);
	if (result == CLAIM_TAKEN)
		return false;
	if (result != CLAIMED)
		port_mark_free(slot);
	if (result == CLAIM_HOST_SOCKET)
		return false;
	search->result = result;
	return true;
}

/* Tries the next port of the order. Returns true if the search is over. */
__noinline int port_try_one(ctx_t *ctx, __u32 slot)
{
	struct port_search *search = port_search_get();
	__u32 order;

	if (!search)
		return false;
	order = search->order;
	search->order = order_next(order);
	return port_try(ctx, search, slot, port_guess(search->space, order));
}

/* After the guesses: begins to record known ports. */
__noinline int port_search_all(__u32 slot)
{
	struct port_search *search = port_search_get();

	return search && known_ports_reset(slot, search->space);
}

static __always_inline __u32 port_at_position(const struct port_search *search)
{
	__u32 word = search->word + search->position / 64 * WORD_STRIDE;

	if (search->space == PORTS_BELOW_512)
		word %= CLASS_PORTS / 64;
	else if (search->space == PORTS_BELOW_1024)
		word = CLASS_PORTS / 64 + word % (CLASS_PORTS / 64);
	return word % (MASQ_PORTS / 64) * 64 + search->position % 64;
}

struct port_search_step {
	ctx_t *ctx;
	struct known_ports *known; /* NULL: the map is full */
	__u32 slot;
};

/* The ports of a word that may be free, from `bit` on. */
static __always_inline __u64 candidates(const struct port_search *search, const struct known_ports *known, __u32 port)
{
	__u32 word = port / 64;
	__u64 taken = 0;

	KNOWN(word);
	if (known)
		taken = READ_ONCE(known->taken[word % (MASQ_PORTS / 64)]);
	return (ports_of_word(search->space, word) & ~taken) >> (port % 64);
}

static __always_inline void next_word(struct port_search *search)
{
	__u32 pass = search->position < search->half ? search->half : search->end;

	search->position = (search->position | 63) + 1;
	if (search->position > pass)
		search->position = pass;
	if (search->position == search->half && !search->meets)
		search->position = search->end;
}

#define WORDS_PER_STEP 4

/* Passes words without a port that may be free. */
__noinline int pass_taken_words(const struct known_ports *known)
{
	struct port_search *search = port_search_get();

	if (!search)
		return 0;
	for (int i = 0; i < WORDS_PER_STEP; i++) {
		if (search->position >= search->end || candidates(search, known, port_at_position(search)))
			break;
		next_word(search);
	}
	return 0;
}

static long port_search_step(void *map, __u32 *key, __u8 *value, struct port_search_step *step)
{
	struct port_search *search = port_search_get();
	__u64 rest;
	__u32 port;

	if (!search || search->position >= search->end || search->tried >= SEARCH_TRIES)
		return 1;
	pass_taken_words(step->known);
	port = port_at_position(search);
	rest = candidates(search, step->known, port);
	if (!rest || search->position >= search->end)
		return 0;
	search->meets = true;
	search->position++;
	if (!(rest & 1))
		return 0;
	if (step->known)
		__sync_fetch_and_or(&step->known->taken[port / 64 % (MASQ_PORTS / 64)], 1ull << (port % 64));
	if (port_try(step->ctx, search, step->slot, port))
		return 1;
	if (search->position < search->half) /* the node may have a run of ports, of which no bit remains set */
		next_word(search);
	return 0;
}

static __always_inline void port_search_run(ctx_t *ctx, const mapping_t *m, __u32 slot, __u32 space)
{
	struct port_search_step step = {.ctx = ctx, .known = known_ports_of(m, space), .slot = slot};

	bpf_for_each_map_elem(&steps_map, port_search_step, &step, 0);
}

static __always_inline bool ports_guess(ctx_t *ctx, __u32 slot)
{
	for (int i = 0; i < GUESSES; i++)
		if (port_try_one(ctx, slot))
			return true;
	return false;
}

/* Sets a slot's external_port and claims it. Returns CLAIMED, CLAIM_TAKEN (no port is free) or CLAIM_CROWDED. */
static __always_inline int port_search(ctx_t *ctx, const mapping_t *m, __u32 slot, const struct decision *d)
{
	int kind = port_search_begin(slot, d->ports, d->assignment);

	if (kind == SEARCH_ALL || (kind == SEARCH_GUESSING && !ports_guess(ctx, slot) && port_search_all(slot)))
		port_search_run(ctx, m, slot, d->ports);
	return port_search_end(slot);
}

#endif
