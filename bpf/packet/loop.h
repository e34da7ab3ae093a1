/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loops that the verifier walks once. */
#ifndef MASQ_BPF_PACKET_LOOP_H
#define MASQ_BPF_PACKET_LOOP_H

#include "bpf/packet/family.h"

/* A dummy map: bpf_for_each_map_elem over it is a bounded loop for kernels without bpf_loop (before 5.17). */
#define STEPS 65536
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEPS);
	__type(key, __u32);
	__type(value, __u8);
} steps_map SEC(".maps");

#endif
