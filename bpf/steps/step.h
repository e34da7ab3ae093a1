/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The result of a step: the reason that ends the packet (enum masq_reason), or one of these. No step returns a verdict:
 * finish() in engine.c derives it from the reason.
 */
#ifndef MASQ_BPF_STEPS_STEP_H
#define MASQ_BPF_STEPS_STEP_H

#include "bpf/abi/reasons.h"

enum step {
	STEP_NEXT = MASQ_REASONS_MAX, /* the next step decides */
	STEP_NEW,                     /* no mapping: the packet may begin a connection */
	STEP_CLONED, /* sent on as a clone, which passes the engine again and is counted then (fragment_queue.h) */
};

#endif
