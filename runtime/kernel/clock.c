/* Reads the clocks. The kernel's own clock since boot is read by a BPF program: clock_gettime gives
 * a process the time of its time namespace (time_namespaces(7)), which may be shifted, while the
 * kernel gives BPF programs the time of the host. The shift is in /proc/PID/timens_offsets, which
 * not every /proc shows. */
#include "clock.h"

#include "caps.h"

#include "runtime/abi.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <time.h>
#include <unistd.h>

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* A program of the type for test runs alone (Linux 5.14), whose context is memory of the caller's
 * that it may write: it writes the time there. */
static int load_clock(void)
{
	const struct bpf_insn program[] = {
		/* r6 = context */
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_boot_ns},
		{.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_SLEEPABLE);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "sklc_clock", ABI_LICENSE, program,
			       sizeof(program) / sizeof(program[0]), &options);

	return fd < 0 ? -errno : fd;
}

int boot_time(struct report *report, uint64_t *now)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = now, .ctx_size_in = sizeof(*now));
	int program = load_clock(), err = program;

	*now = 0;
	if (program >= 0) {
		err = bpf_prog_test_run_opts(program, &options) ? -errno : 0;
		close(program);
	}
	return err ? caps_fail(report, err, caps_for_programs, "ask the kernel for its clock") : 0;
}

uint64_t real_time(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t waiting_ms(void)
{
	return (int64_t)(read_clock(CLOCK_MONOTONIC) / 1000000);
}
