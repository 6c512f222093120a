/* Reads /proc/self/loginuid, which the kernel has where it is built with CONFIG_AUDIT. */
#include "user.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <fcntl.h>

uint32_t login_user(void)
{
	autoclose int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long user;
	char *end;

	errno = 0;
	user = strtoul(text, &end, 10);
	if (size <= 0 || end == text || errno || user >= UINT32_MAX)
		return getuid();
	return (uint32_t)user;
}
