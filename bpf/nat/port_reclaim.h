/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports come back before their mapping expires: toward an endpoint without a free port, a new connection takes the port
 * of a conversation that is over (docs/decisions/0017).
 *
 *     TCP: both sides have closed, the last FIN is acknowledged (state.h), and the remote endpoint must accept the new SYN
 *         (tcp_numbers.h); or it was reset
 *     DNS: every question is answered, for a second; the same pod gets such a port at once
 *     others: one datagram of the pod, and perhaps its answer
 *
 * A sample of such ports is kept for each busy endpoint. Of those that fit the new connection, it takes one of its own
 * pod, else of another one: that which was idle longest. The sample shows too which part of the ports is idle.
 */
#ifndef MASQ_BPF_NAT_PORT_RECLAIM_H
#define MASQ_BPF_NAT_PORT_RECLAIM_H

#include "bpf/nat/port_sample.h"
#include "bpf/nat/unlink.h"

#define SCORE_OWN (1u << 29)
#define SCORE_ANSWERED (1u << 30)

/* Returns how well the port of a place of the sample suits the new connection; 0: it does not. */
__noinline __u32 reclaim_score(const struct probed_port *probed, __u32 clock, __u32 own_only)
{
	struct port_search *search = port_search_get();
	__u32 score;
	bool own;

	if (!search || !probed || !probed->port)
		return 0;
	own = probed->owner == search->owner;
	if ((own_only && !own) || !reclaim_fits(search, probed->rank, own, &probed->numbers))
		return 0;
	score = ((clock - probed->seen) & (SCORE_OWN - 1)) | 1;
	if (own)
		score |= SCORE_OWN;
	return probed->rank == RECLAIM_ANSWERED ? score | SCORE_ANSWERED : score;
}

/*
 * Returns the best port of the sample for the new connection, or 0. Two more ports are probed for places that are empty, or
 * four for places of no use.
 */
__noinline __u32 reclaim_pick(__u32 slot, __u32 space, __u32 own_only)
{
	__u32 one = NO_PLACE, other = NO_PLACE, most = 0;
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known = m ? known_ports_of(m, space) : NULL;
	__be16 port = 0;

	if (!c || !known)
		return 0;
	for (__u32 i = 0; i < SAMPLE; i++) {
		__u32 score = reclaim_score(&known->sample[i], c->clock, own_only);

		if (score > most) {
			most = score;
			port = known->sample[i].port;
		}
		if (!known->sample[i].port) {
			other = one;
			one = i;
		}
	}
	if (port && !port_is_in_space(space, bpf_ntohs(port))) { /* the ranges were changed since */
		sample_forget(known, port);
		port = 0;
	}
	if (!port) { /* others' ports fill the sample, which this pod cannot have */
		one = bpf_get_prandom_u32() % SAMPLE;
		other = (one + SAMPLE / 2) % SAMPLE;
		port_probe(slot, space, (one + SAMPLE / 4) % SAMPLE);
		port_probe(slot, space, (other + SAMPLE / 4) % SAMPLE);
	}
	port_probe(slot, space, one);
	port_probe(slot, space, other);
	return bpf_ntohs(port);
}

/* Returns true if the new connection may have the port of a slot's mapping. */
__noinline int reclaim_is_allowed(__u32 slot, __u32 own_only)
{
	struct port_search *search = port_search_get();
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct tcp_numbers old;
	bool own;
	__u8 rank;

	if (!search || !c || !m)
		return false;
	rank = reclaim_rank(m, c->clock);
	old = mapping_numbers(m);
	own = owner_of(slot) == search->owner;
	return rank && (own || !own_only) && reclaim_fits(search, rank, own, &old);
}

/*
 * Ends the mapping that has this port, if it is over and fits the new connection. Returns true if the port is free then,
 * and the slot's external_port; no search finds it until it is claimed.
 */
__noinline int reclaim_seize(__u32 slot, __u32 space, __u32 number, __u32 own_only)
{
	struct port_search *search = port_search_get();
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot), *holder;
	struct known_ports *known = m ? known_ports_of(m, space) : NULL;
	__be16 port = bpf_htons(number);
	__u32 found;

	if (!search || !c || !known || !number)
		return false;
	search->tried++;
	sample_forget(known, port);
	found = holder_of_port(search, m, port);
	holder = slot_at(found);
	m->external_port = port;
	if (!holder) /* it has expired since: the port is free for pods that have less than their share */
		return !own_only;
	if (!reclaim_is_allowed(found, own_only) || !slot_seize(found, READ_ONCE(holder->seen)))
		return false;
	mapping_unlink(c, holder, found, true);
	return true;
}

#define BARREN_TRIES 8 /* failures in a tick: until the next one */

/* Pods that have their share fail often. They are counted apart, so that they do not delay other pods. */
static __always_inline __u32 failures_of(const struct known_ports *known, bool own_only, __u32 clock)
{
	return known->barren[own_only] == clock ? known->failures[own_only] : 0;
}

/*
 * Prepares the search for a port that comes back: what the choice needs to know of the new connection, and the sample.
 * Returns false if attempts of this tick would be in vain.
 */
__noinline int reclaim_begin(ctx_t *ctx, const struct packet *p, __u32 slot, __u32 space, __u32 own_only)
{
	struct port_search *search = port_search_get();
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known;
	__u32 failures;

	if (!search || !c || !m || !p)
		return false;
	search->owner = owner_of(slot);
	search->is_syn = packet_is_pure_syn(p);
	if (search->is_syn)
		search->syn = syn_numbers(ctx, p);
	ports_sample(m, slot, space);
	known = known_ports_of(m, space);
	if (!known)
		return false;
	failures = failures_of(known, own_only, c->clock);
	search->limit = failures ? SHORT_SEARCH : LONG_SEARCH;
	return failures < BARREN_TRIES;
}

/*
 * The search has looked at many ports, and none fits the new connection. Where some of the last probes met a conversation
 * that is over, another port may fit: returns true if the search goes on.
 */
__noinline int search_goes_on(__u32 slot, __u32 space, __u32 own_only)
{
	struct port_search *search = port_search_get();
	__u32 counts;

	if (!search || search->limit >= FILLING_SEARCH)
		return false;
	counts = probes_count(slot, space, search->owner);
	if (!(own_only ? PROBES_OWN_IDLE(counts) : PROBES_IDLE(counts)))
		return false;
	search->limit = FILLING_SEARCH;
	return true;
}

/* No port came back. */
__noinline int reclaim_failed(__u32 slot, __u32 space, __u32 own_only)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known = m ? known_ports_of(m, space) : NULL;

	if (!c || !known)
		return 0;
	known->failures[!!own_only] = failures_of(known, own_only, c->clock) + 1;
	known->barren[!!own_only] = c->clock;
	return 0;
}

/* The next question of the same pod may have this port, as soon as this one is answered. */
__noinline int sample_keep(__u32 slot, __u32 space)
{
	struct port_search *search = port_search_get();
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known = m ? known_ports_of(m, space) : NULL;
	struct probed_port *probed;

	if (!search || !c || !known || !mapping_is_dns(m))
		return 0;
	probed = place_of_sample(known, bpf_ntohs(m->external_port));
	probed->port = m->external_port;
	probed->rank = RECLAIM_ANSWERED_NOW;
	probed->owner = search->owner;
	probed->seen = c->clock;
	return 0;
}

/* Takes a port back and claims it. Returns enum claim_result. */
static __always_inline int reclaim_take(ctx_t *ctx, __u32 slot, __u32 space, __u32 port, bool own_only)
{
	int result;

	if (!reclaim_seize(slot, space, port, own_only))
		return CLAIM_TAKEN;
	result = port_claim(ctx, slot);
	if (result == CLAIMED)
		sample_keep(slot, space);
	else
		port_mark_free(slot);
	return result == CLAIM_HOST_SOCKET ? CLAIM_TAKEN : result;
}

/*
 * Sets a slot's external_port to that of a conversation which is over, and claims it. With `own_only`, only of the same
 * pod. Returns enum claim_result.
 */
static __always_inline int port_reclaim(ctx_t *ctx, __u32 slot, __u32 space, bool own_only)
{
	struct port_search *search = port_search_get();

	for (int i = 0; search && i < RECLAIM_TRIES; i++) {
		__u32 port = reclaim_pick(slot, space, own_only);
		int result;

		if (!port && search_is_long(search) && !search_goes_on(slot, space, own_only))
			break; /* the sample has none, and is not renewed any more */
		result = reclaim_take(ctx, slot, space, port, own_only);
		if (result != CLAIM_TAKEN)
			return result;
	}
	reclaim_failed(slot, space, own_only);
	return CLAIM_TAKEN;
}

#endif
