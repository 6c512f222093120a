/* Runs bpf/namespaces.bpf.c. A network namespace is gone if it is not in the kernel's list: that
 * there is no process and no file of it is no proof, since a socket may keep it. */
#include "transaction.h"

#include "runtime/bpf/maps.h"

#include "namespaces.skel.h"

#include <bpf/bpf.h>
#include <errno.h>

enum { FRAME_BYTES = 64 }; /* of the packet that a test run needs, and nobody reads */

bool namespace_is_gone(uint64_t cookie)
{
	char frame[FRAME_BYTES] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame));
	struct namespaces *programs;
	int err = -EOPNOTSUPP;

	libbpf_set_print(NULL);
	programs = namespaces__open_and_load();
	if (!programs)
		return false;
	if (programs->bss) { /* the variables are mapped */
		programs->bss->wanted = cookie;
		err = bpf_prog_test_run_opts(bpf_program__fd(programs->progs.find_namespace),
					     &options);
	}
	namespaces__destroy(programs);
	return !err && options.retval == NAMESPACE_GONE;
}
