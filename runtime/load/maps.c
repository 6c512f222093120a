/* Makes the maps that all programs of a network namespace share. */
#include "load.h"

#include <bpf/bpf.h>
#include <errno.h>

int sockets_create(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_SOCKMAP, ABI_SOCKETS, sizeof(uint32_t),
				sizeof(uint64_t), ABI_SOCKETS_MAX, NULL);

	return fd < 0 ? -errno : fd;
}

int spare_marks_create(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, ABI_SPARE_MARKS, sizeof(uint32_t),
				sizeof(struct abi_spare_marks), ABI_SPARE_BLOCKS + 1, NULL);

	return fd < 0 ? -errno : fd;
}
