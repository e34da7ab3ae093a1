/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract with user space: the queue of fragments. */
#ifndef MASQ_BPF_ABI_FRAGMENT_H
#define MASQ_BPF_ABI_FRAGMENT_H

#include "bpf/abi/mapping.h"

/* Fragments that arrived before the first of their datagram: copies of the frames, and one element as their index. */
#define MASQ_HELD_SLOTS 256
#define MASQ_HELD_SLOTS_PER_SOURCE 64
#define MASQ_HELD_FRAME 9216

struct masq_held_slot {
	/* 0: free; 1: being written; with the top bit: being sent; else the tick of its arrival */
	__u32 state;
	__u32 hash;      /* of the datagram's tuple */
	__u32 source;    /* hash of the sender's address */
	__u32 direction; /* enum masq_direction */
};

struct masq_held_index {
	__u32 waiting;
	struct masq_held_slot slot[MASQ_HELD_SLOTS];
};

#define MASQ_DEFINE_HELD(n)                                                                                            \
	struct masq_held##n {                                                                                          \
		struct masq_tuple##n datagram;                                                                         \
		__u32 length;                                                                                          \
		__u8 frame[MASQ_HELD_FRAME];                                                                           \
	}

MASQ_DEFINE_HELD(4);
MASQ_DEFINE_HELD(6);

#endif
