/* Writes the program of a trial, instruction by instruction: a tail call into one of the two
 * programs in a map. The kernel empties a map of programs when only programs refer to it, so the
 * map is pinned too. */
#include "trial.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"
#include "runtime/state/state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

enum { CHOICE_OLD, CHOICE_TRIED, CHOICES };

static int create_choices(int old, int tried)
{
	autoclose int map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "choices", sizeof(uint32_t),
					   sizeof(uint32_t), CHOICES, NULL);
	const uint32_t old_key = CHOICE_OLD, tried_key = CHOICE_TRIED;

	if (map < 0)
		return -errno;
	if (old >= 0 && bpf_map_update_elem(map, &old_key, &old, BPF_ANY))
		return -errno;
	if (bpf_map_update_elem(map, &tried_key, &tried, BPF_ANY))
		return -errno;
	return take_fd(&map);
}

#define INSN(opcode, dst, src, offset, immediate)                                                  \
	{                                                                                          \
		.code = (opcode), .dst_reg = (dst), .src_reg = (src), .off = (offset),             \
		.imm = (immediate)                                                                 \
	}
#define CALL(helper) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##helper)

static int load_choice(int choices, uint64_t deadline)
{
	const struct bpf_insn program[] = {
		/* r6 = context; r7 = deadline */
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_7, 0, 0, (int32_t)(uint32_t)deadline),
		INSN(0, 0, 0, 0, (int32_t)(uint32_t)(deadline >> 32)),
		CALL(ktime_get_boot_ns),
		/* r3 = now < deadline ? CHOICE_TRIED : CHOICE_OLD */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, CHOICE_TRIED),
		INSN(BPF_JMP | BPF_JLT | BPF_X, BPF_REG_0, BPF_REG_7, 1, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, CHOICE_OLD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_6, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, choices),
		INSN(0, 0, 0, 0, 0),
		CALL(tail_call),
		/* The tail call failed: there is no program, since nothing was applied before. */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, SK_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_SK_LOOKUP);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SK_LOOKUP, "sklc_trial", ABI_LICENSE, program,
			       sizeof(program) / sizeof(program[0]), &options);

	return fd < 0 ? -errno : fd;
}

int trial_create(struct report *report, int old, int tried, uint64_t deadline, struct trial *trial)
{
	*trial = (struct trial){-1, -1};
	trial->choices = create_choices(old, tried);
	if (trial->choices < 0)
		return caps_fail(report, trial->choices, caps_for_load, "prepare the trial");
	trial->program = load_choice(trial->choices, deadline);
	if (trial->program >= 0)
		return 0;
	close(trial->choices);
	trial->choices = -1;
	return caps_fail(report, trial->program, caps_for_load, "load the program of the trial");
}

void trial_close(struct trial *trial)
{
	close_fd(&trial->program);
	close_fd(&trial->choices);
	*trial = (struct trial){-1, -1};
}
