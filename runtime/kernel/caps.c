/* Asks the kernel for this thread's capabilities, by capget and capset, without libcap. */
#include "caps.h"

#include "runtime/base/fail.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

const int caps_for_programs[] = {CAP_BPF, -1};
const int caps_for_load[] = {CAP_BPF, CAP_NET_ADMIN, -1};
const int caps_for_hook[] = {CAP_NET_ADMIN, -1};
const int caps_for_namespace[] = {CAP_SYS_ADMIN, -1};
const int caps_for_process[] = {CAP_SYS_PTRACE, -1};

static const char *capability_name(int capability)
{
	switch (capability) {
	case CAP_BPF:
		return "CAP_BPF";
	case CAP_NET_ADMIN:
		return "CAP_NET_ADMIN";
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

bool caps_have(int capability)
{
	struct __user_cap_data_struct data[2] = {0};
	uint32_t bit = UINT32_C(1) << (capability % 32);

	if (get_caps(data))
		return false;
	if (data[capability / 32].effective & bit)
		return true;
	/* The kernel accepts CAP_SYS_ADMIN, which is older and covers more, for CAP_BPF. */
	return capability == CAP_BPF && (data[0].effective & (UINT32_C(1) << CAP_SYS_ADMIN));
}

static const char *missing_capability(int error, const int *needed)
{
	if (abs(error) != EPERM && abs(error) != EACCES)
		return NULL;
	for (; *needed >= 0; needed++)
		if (!caps_have(*needed))
			return capability_name(*needed);
	return NULL;
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

static int keep_capabilities(struct report *report, uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	int err = get_caps(data);

	if (err)
		return fail(report, err, "read the capabilities of this process");
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(kept >> 32 * i);
		data[i].effective &= (uint32_t)(kept >> 32 * i);
		data[i].inheritable &= (uint32_t)(kept >> 32 * i);
	}
	if (syscall(SYS_capset, &header, data))
		return fail(report, errno, "give up capabilities that are not needed");
	return 0;
}

#define BIT(capability) (UINT64_C(1) << (capability))

/* Without CAP_PERFMON the verifier forbids pointer leaks and guards against speculative execution,
 * and so refuses more programs. */
#define LOADING_CAPABILITIES (BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) | BIT(CAP_PERFMON))

/* Keeps CAP_SYS_ADMIN if the process has no CAP_BPF: the kernel accepts it instead. */
int caps_limit_to_loading(struct report *report)
{
	struct __user_cap_data_struct data[2] = {0};
	uint64_t kept = LOADING_CAPABILITIES;

	if (get_caps(data) == 0 && !(data[CAP_BPF / 32].effective & BIT(CAP_BPF % 32)))
		kept |= BIT(CAP_SYS_ADMIN);
	return keep_capabilities(report, kept);
}

/* The capabilities that each use of the command keeps. The two CAP_DAC_ allow it to read and write
 * files as root may. */
static uint64_t kept_capabilities(enum runtime_use use)
{
	const uint64_t files = BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH);

	if (use == RUNTIME_USE_COMPILE)
		return files;
	return files | LOADING_CAPABILITIES | BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE);
}

int runtime_limit_privileges(struct report *report, enum runtime_use use)
{
	uid_t real, effective, saved;
	gid_t real_group, effective_group, saved_group;

	if (getresuid(&real, &effective, &saved) ||
	    getresgid(&real_group, &effective_group, &saved_group))
		return fail(report, errno, "ask who runs this");
	if (real != effective || real != saved || real_group != effective_group ||
	    real_group != saved_group)
		return refuse(report, EPERM,
			      "sklc does not run with the set-user-id or set-group-id bit: "
			      "remove it with chmod ug-s, and use sudo");
	return keep_capabilities(report, kept_capabilities(use));
}
