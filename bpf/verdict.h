/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the entry programs and the engine. */
#ifndef MASQ_BPF_VERDICT_H
#define MASQ_BPF_VERDICT_H

#define MASQ_VERDICT_HEAD 1000 /* no TC_ACT_*: a datagram's first fragment, ingress_head() goes on */

#endif
