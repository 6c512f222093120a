/* BPF_OBJ_PIN and BPF_OBJ_GET take the folder's descriptor and a name from Linux 6.5 on. Before, a
 * thread that has a working folder of its own enters the folder and uses the name alone. A path through
 * /proc/self/fd would not do: where /proc does not show this process, every pin would seem to be
 * missing. */
#include "pins.h"

#include "runtime/base/fail.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* The kernel's attributes of the two commands. linux/bpf.h has no `path_fd` before Linux 6.5. */
struct pin_attributes {
	__attribute__((aligned(8))) uint64_t path;
	uint32_t fd;
	uint32_t flags;
	int32_t path_fd;
	uint32_t rest; /* must be 0 */
};

enum { FLAG_PATH_FD = 1 << 14 /* BPF_F_PATH_FD */ };

struct pin_call {
	int command; /* BPF_OBJ_PIN or BPF_OBJ_GET */
	int folder;
	const char *name;
	int fd; /* to pin */
	int result;
};

static int call_bpf(const struct pin_call *call, uint32_t flags, int path_fd)
{
	struct pin_attributes attributes = {
		.path = (uintptr_t)call->name,
		.fd = (uint32_t)call->fd,
		.flags = flags,
		.path_fd = path_fd,
	};
	long result = syscall(SYS_bpf, call->command, &attributes, sizeof(attributes));

	return result < 0 ? -errno : (int)result;
}

static void *call_inside(void *argument)
{
	struct pin_call *call = argument;

	if (unshare(CLONE_FS) || fchdir(call->folder))
		call->result = -errno;
	else
		call->result = call_bpf(call, 0, 0);
	return NULL;
}

/* EINVAL is what a kernel before 6.5 says of FLAG_PATH_FD. */
static int call_pin(struct pin_call *call)
{
	pthread_t thread;
	int err;

	call->result = call_bpf(call, FLAG_PATH_FD, call->folder);
	if (call->result != -EINVAL)
		return call->result;
	err = pthread_create(&thread, NULL, call_inside, call);
	if (!err)
		err = pthread_join(thread, NULL);
	return err ? -err : call->result;
}

int pin_put(int folder, const char *name, int fd)
{
	struct pin_call call = {.command = BPF_OBJ_PIN, .folder = folder, .name = name, .fd = fd};

	return call_pin(&call);
}

int pin_get(int folder, const char *name)
{
	struct pin_call call = {.command = BPF_OBJ_GET, .folder = folder, .name = name};

	return call_pin(&call);
}

int pin_remove(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) && errno != ENOENT)
		return -errno;
	return 0;
}

/* Fills a map through mmap: an update by system call would need a second copy in the kernel. */
static int fill_map(int map, const void *bytes, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

	if (memory == MAP_FAILED)
		return -errno;
	memcpy(memory, bytes, size);
	munmap(memory, size);
	return bpf_map_freeze(map) ? -errno : 0;
}

int blob_create(const char *name, const void *bytes, size_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	autoclose int map = -1;
	int err;

	if (size == 0 || size > INT_MAX)
		return -EFBIG;
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), (uint32_t)size, 1,
			     &options);
	if (map < 0)
		return -errno;
	err = fill_map(map, bytes, size);
	return err ? err : take_fd(&map);
}

static int blob_open(int map, struct blob *blob)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	void *memory;

	if (bpf_obj_get_info_by_fd(map, &info, &size))
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.max_entries != 1 ||
	    !(info.map_flags & BPF_F_MMAPABLE))
		return -EINVAL;
	memory = mmap(NULL, info.value_size, PROT_READ, MAP_SHARED, map, 0);
	if (memory == MAP_FAILED)
		return -errno;
	*blob = (struct blob){memory, info.value_size};
	return 0;
}

int blob_get(int folder, const char *name, struct blob *blob)
{
	autoclose int map = pin_get(folder, name);

	*blob = (struct blob){0};
	return map < 0 ? map : blob_open(map, blob);
}

void blob_close(struct blob *blob)
{
	if (blob->bytes)
		munmap((void *)(uintptr_t)blob->bytes, blob->size);
	*blob = (struct blob){0};
}
