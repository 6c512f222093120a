/* Names a pin by a path through /proc/self/fd, since BPF_OBJ_PIN takes a folder's descriptor and a
 * name only from Linux 6.5 on. */
#include "pins.h"

#include "runtime/base/fail.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static void pin_path(char *path, size_t size, int folder, const char *name)
{
	snprintf(path, size, "/proc/self/fd/%d/%s", folder, name);
}

int pin_put(int folder, const char *name, int fd)
{
	char path[PATH_MAX];

	pin_path(path, sizeof(path), folder, name);
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

int pin_get(int folder, const char *name)
{
	char path[PATH_MAX];
	int fd;

	pin_path(path, sizeof(path), folder, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
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

int blob_open(int map, struct blob *blob)
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
