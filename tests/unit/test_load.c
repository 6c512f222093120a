/* Loading is bounded in time: a loading process that the kernel does not let go on is ended. */
#include "runtime/load/load.h"
#include "runtime/object/object.h"
#include "tests/unit/lib/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { OBJECT_BYTES_MAX = 1 << 16 };

/* From here on bpf() waits for an answer that nobody gives. Returns the descriptor that it waits for;
 * -1 if this kernel, or who runs the test, cannot do that. */
static int hang_bpf(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

static size_t read_object(unsigned char *bytes)
{
	int fd = open("tests/e2e/object-version-2/undeclared.o", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, bytes, OBJECT_BYTES_MAX);

	assert_true(size > 0);
	close(fd);
	return (size_t)size;
}

static void a_load_that_does_not_end_is_ended_in_time(void **state)
{
	static unsigned char bytes[OBJECT_BYTES_MAX];
	const struct load_options options = {.seconds = 1};
	const struct shared_maps shared = {-1, -1};
	struct object_image image = {bytes, read_object(bytes), "hangs.o"};
	struct listener listener = listener_new();
	time_t begun = time(NULL);
	struct loaded loaded;
	struct object object;
	struct host host;

	(void)state;
	assert_int_equal(object_read(&listener.report, &image, &object), 0);
	assert_int_equal(host_new(&object, &host), 0);
	if (hang_bpf() < 0)
		skip();
	assert_int_equal(load_object(&object, &host, &shared, &options, &loaded), -ETIMEDOUT);
	assert_non_null(strstr(listener.said, "'hangs.o': loading it takes longer than 1 second, "
					      "and was ended"));
	assert_in_range(time(NULL) - begun, 0, 4);
	assert_int_equal(loaded.program, -1);
	host_free(&host);
	object_free(&object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_load_that_does_not_end_is_ended_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
