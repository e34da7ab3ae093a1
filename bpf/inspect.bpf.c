/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads programs and types of maps by their ids. The system calls for that (BPF_PROG_GET_FD_BY_ID,
 * BPF_BTF_GET_FD_BY_ID) need CAP_SYS_ADMIN, which masqd does not keep; an iterator needs CAP_BPF and CAP_PERFMON.
 * User space writes `wanted` and `offset`, reads the iterator to its end, and finds the rest here.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/*
 * The members of the kernel's types that are read. The loader takes their offsets from the BTF of the running kernel.
 */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_prog_aux {
	__u32 id;
	char name[BPF_OBJ_NAME_LEN];
};

struct bpf_prog {
	__u16 blinded : 1;
	__u32 len; /* instructions */
	struct bpf_prog_aux *aux;
	struct bpf_insn insnsi[];
};

struct btf {
	void *data;
	__u32 data_size;
	__u32 id;
};

struct bpf_map {
	struct btf *btf;
};

struct bpf_iter__bpf_prog {
	struct bpf_prog *prog;
};

struct bpf_iter__bpf_map {
	struct bpf_map *map;
};

#pragma clang attribute pop

#define PART 8192

__u32 wanted = 0; /* the id of a program, or of BTF */
__u32 offset = 0; /* in bytes: the part that is read */

__u32 is_found = 0;
__u32 size = 0; /* in bytes, of the whole */
char name[BPF_OBJ_NAME_LEN] = {};
__u8 part[PART] = {};

static __always_inline void part_read(const void *data)
{
	__u32 length;

	is_found = 1;
	if (offset >= size)
		return;
	length = size - offset;
	if (length > PART)
		length = PART;
	bpf_probe_read_kernel(part, length, data + offset);
}

/* The instructions of a program that is hardened against JIT spraying are not its own. */
SEC("iter/bpf_prog")
int inspect_program(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *program = ctx->prog;

	if (!program || program->aux->id != wanted)
		return 0;
	bpf_probe_read_kernel(name, sizeof(name), program->aux->name);
	size = BPF_CORE_READ_BITFIELD_PROBED(program, blinded) ? 0 : program->len * sizeof(struct bpf_insn);
	part_read((void *)program + bpf_core_field_offset(program->insnsi));
	return 0;
}

SEC("iter/bpf_map")
int inspect_btf(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;
	struct btf *types;

	if (!map || is_found)
		return 0;
	types = map->btf;
	if (!types || types->id != wanted)
		return 0;
	size = types->data_size;
	part_read(types->data);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
