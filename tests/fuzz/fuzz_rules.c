/* Compiles any bytes from text to object, which must not crash. The bytes are read from a file in memory, as a rules
 * file is. */
#include "compiler/base/diag.h"
#include "compiler/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TABLE_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

/* Makes a file in memory that holds the bytes, and its name; ends the process if it cannot. */
static int file_of(const unsigned char *bytes, size_t size, char name[32])
{
	int fd = memfd_create("rules", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	snprintf(name, 32, "/proc/self/fd/%d", fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	char name[32];
	const char *const files[] = {name};
	const struct compile_options options = {
		.files = files, .file_count = 1, .table_bytes_max = TABLE_BYTES};
	struct compilation c;
	FILE *nowhere = fopen("/dev/null", "w");
	int fd = file_of(bytes, size, name);

	if (!nowhere)
		abort();
	compilation_start(&c);
	if (compile(&c, &options, STAGE_OBJECT))
		policy_dump(c.policy, nowhere);
	diag_print(c.diag, nowhere, DIAG_COLOR_ALWAYS);
	diag_print_json(c.diag, nowhere);
	compilation_free(&c);
	fclose(nowhere);
	close(fd);
	return 0;
}
