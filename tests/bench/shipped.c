/* Loads with libbpf alone, as any loader would. */
#include "shipped.h"

#include "compiler/object/object.h"

#include "bindings.h"
#include "clock.h"

#include "compiler/pipeline.h"
#include "runtime/abi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

bool shipped_load(struct shipped *shipped, const struct object *object)
{
	struct bpf_prog_info info = {0};
	uint32_t info_size = sizeof(info);
	struct bpf_map *sockets;
	double start = clock_ms();

	shipped->object = bpf_object__open_mem(object->bytes, object->size, NULL);
	if (!shipped->object)
		return false;
	sockets = bpf_object__find_map_by_name(shipped->object, ABI_SOCKETS);
	if (!sockets || bpf_map__set_max_entries(sockets, BENCH_LABELS * ABI_FLOW_CLASSES) ||
	    bpf_object__load(shipped->object))
		return false;
	shipped->load_ms = clock_ms() - start;
	shipped->fd = bpf_program__fd(bpf_object__next_program(shipped->object, NULL));
	shipped->sockets = bpf_map__fd(sockets);
	if (bpf_obj_get_info_by_fd(shipped->fd, &info, &info_size))
		return false;
	shipped->verified = info.verified_insns;
	shipped->jited_bytes = info.jited_prog_len;
	return true;
}
