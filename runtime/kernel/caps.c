/* Asks the kernel for this thread's capabilities, by capget and capset, without libcap. */
#include "caps.h"

#include "runtime/base/fail.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BIT(capability) RUNTIME_CAPABILITY(capability)

/* What the kernel asks for where a map is made or a program is loaded. It takes CAP_SYS_ADMIN, which
 * is older and covers more, for any of them. */
#define BPF_CAPABILITIES (BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) | BIT(CAP_PERFMON))

const int caps_for_programs[] = {CAP_BPF, -1};
const int caps_for_load[] = {CAP_BPF, CAP_NET_ADMIN, -1};
const int caps_for_tracing[] = {CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, -1};
const int caps_for_hook[] = {CAP_NET_ADMIN, -1};
const int caps_for_namespace[] = {CAP_SYS_ADMIN, -1};
const int caps_for_process[] = {CAP_SYS_PTRACE, -1};
static const int caps_for_folders[] = {CAP_DAC_READ_SEARCH, -1};

static const char *capability_name(int capability)
{
	switch (capability) {
	case CAP_BPF:
		return "CAP_BPF";
	case CAP_DAC_READ_SEARCH:
		return "CAP_DAC_READ_SEARCH";
	case CAP_NET_ADMIN:
		return "CAP_NET_ADMIN";
	case CAP_PERFMON:
		return "CAP_PERFMON";
	case CAP_SYS_ADMIN:
		return "CAP_SYS_ADMIN";
	case CAP_SYS_PTRACE:
		return "CAP_SYS_PTRACE";
	default:
		return "a capability";
	}
}

/* Capabilities 0 to 31 and 32 to 63, as version 3 of the system call gives them. */
static int get_caps(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capget, &header, data) ? -errno : 0;
}

static bool is_effective(const struct __user_cap_data_struct data[2], int capability)
{
	return data[capability / 32].effective >> (capability % 32) & 1;
}

bool caps_have(int capability)
{
	struct __user_cap_data_struct data[2] = {0};

	if (get_caps(data))
		return false;
	return is_effective(data, capability) ||
	       (BIT(capability) & BPF_CAPABILITIES && is_effective(data, CAP_SYS_ADMIN));
}

/* Whether PATH cannot be followed further than to something in /proc. glibc's realpath tells where it
 * stopped; other libraries leave the text empty. */
static bool stops_in_proc(const char *path)
{
	char stop[PATH_MAX] = "";
	struct statfs filesystem;
	char *slash;

	if (realpath(path, stop) || errno != EACCES)
		return false;
	slash = strrchr(stop, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return statfs(stop, &filesystem) == 0 && filesystem.f_type == PROC_SUPER_MAGIC;
}

const int *caps_for_path(const char *path)
{
	return stops_in_proc(path) ? caps_for_process : caps_for_folders;
}

/* The end of the list if none is missing. */
static const int *first_missing(const int *needed)
{
	while (*needed >= 0 && caps_have(*needed))
		needed++;
	return needed;
}

bool caps_have_all(const int *needed)
{
	return *first_missing(needed) < 0;
}

static const char *missing_capability(int error, const int *needed)
{
	const int *missing = first_missing(needed);

	if ((abs(error) != EPERM && abs(error) != EACCES) || *missing < 0)
		return NULL;
	return capability_name(*missing);
}

int caps_fail(struct report *report, int error, const int *needed, const char *format, ...)
{
	const char *missing = missing_capability(error, needed);
	char what[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (!missing)
		return fail(report, error, "%s", what);
	return refuse(report, error, "cannot %s: this needs the capability %s; run as root", what,
		      missing);
}

/* Whether the process lacks one of the kept capabilities that the kernel also grants to CAP_SYS_ADMIN. */
static bool needs_stand_in(const struct __user_cap_data_struct data[2], uint64_t kept)
{
	for (int i = 0; i < 64; i++)
		if (kept & BPF_CAPABILITIES & BIT(i) && !is_effective(data, i))
			return true;
	return false;
}

static int keep_capabilities(struct report *report, uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	int err = get_caps(data);

	if (err)
		return fail(report, err, "read the capabilities of this process");
	if (needs_stand_in(data, kept))
		kept |= BIT(CAP_SYS_ADMIN);
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(kept >> 32 * i);
		data[i].effective &= (uint32_t)(kept >> 32 * i);
		data[i].inheritable &= (uint32_t)(kept >> 32 * i);
	}
	if (syscall(SYS_capset, &header, data))
		return fail(report, errno, "give up capabilities that are not needed");
	return 0;
}

/* Without CAP_PERFMON the verifier forbids pointer leaks and guards against speculative execution,
 * and so refuses more programs. */
int caps_limit_to_loading(struct report *report)
{
	return keep_capabilities(report, BPF_CAPABILITIES);
}

/* The kernel takes CAP_SYS_ADMIN for CAP_PERFMON, so it is given up too, unless CAP_BPF is missing. */
int caps_lay_down_tracing(struct report *report)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	int err = get_caps(data);

	if (err)
		return fail(report, err, "read the capabilities of this process");
	data[CAP_PERFMON / 32].effective &= ~(UINT32_C(1) << CAP_PERFMON % 32);
	if (is_effective(data, CAP_BPF))
		data[0].effective &= ~(UINT32_C(1) << CAP_SYS_ADMIN);
	return syscall(SYS_capset, &header, data) ? fail(report, errno, "lay down CAP_PERFMON") : 0;
}

int caps_take_up_tracing(struct report *report)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	int err = get_caps(data);

	if (err)
		return fail(report, err, "read the capabilities of this process");
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted;
	return syscall(SYS_capset, &header, data) ? fail(report, errno, "take up CAP_PERFMON") : 0;
}

/* What opening the namespace and the bpffs needs besides. A name in /run/netns may be a symbolic link,
 * so like a path it may lead through a folder of another user. That it may also lead through
 * /proc/PID is why every verb that opens one of the two keeps CAP_SYS_PTRACE. */
static uint64_t capabilities_for_paths(const struct runtime_options *options)
{
	const uint64_t folders = BIT(CAP_DAC_READ_SEARCH);

	return (options->netns ? folders | BIT(CAP_SYS_ADMIN) : 0) | (options->bpffs ? folders : 0);
}

int runtime_limit_privileges(const struct runtime_options *options, uint64_t kept)
{
	if (getauxval(AT_SECURE))
		return refuse(options->report, EPERM,
			      "sklc does not run with more rights than its caller has: remove its "
			      "set-user-id or set-group-id bit with `chmod ug-s`, its file "
			      "capabilities with `setcap -r`, and use sudo");
	/* What is pinned is for this user alone, and for this user wholly. */
	if (kept & BIT(CAP_BPF))
		umask(S_IRWXG | S_IRWXO);
	return keep_capabilities(options->report, kept | capabilities_for_paths(options));
}
