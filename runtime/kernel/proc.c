/* Reads the link /proc/self, which is there, whatever the mount's options hide, in a /proc of this
 * process's pid namespace or of one above it. */
#include "proc.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int proc_self(void)
{
	char text[16] = "";

	return readlink("/proc/self", text, sizeof(text) - 1) > 0 ? atoi(text) : 0;
}

int proc_require(struct report *report, const char *what)
{
	if (proc_self() > 0)
		return 0;
	return refuse(report, ENOENT,
		      "cannot %s: /proc does not show this process: mount it with `mount -t proc "
		      "proc /proc`, or run sklc outside of the container",
		      what);
}
