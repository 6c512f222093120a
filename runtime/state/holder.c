/* Reads /proc/locks. A line is "1: FLOCK  ADVISORY  WRITE 1234 00:2a:5678 0 EOF", with the process,
 * then the device (hexadecimal) and the inode of the file. Lines with "->" are processes that wait,
 * and do not match. */
#include "holder.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static bool find_holder(const struct stat *status, long *pid)
{
	unsigned int major_number, minor_number;
	uint64_t inode;
	char line[256];
	bool found = false;
	FILE *locks = fopen("/proc/locks", "re");

	if (!locks)
		return false;
	while (!found && fgets(line, sizeof(line), locks))
		found = sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%" SCNu64, pid, &major_number,
			       &minor_number, &inode) == 4 &&
			inode == status->st_ino && major_number == major(status->st_dev) &&
			minor_number == minor(status->st_dev);
	fclose(locks);
	return found;
}

void lock_holder(int fd, char *text, size_t size)
{
	char path[64], command[64] = "";
	struct stat status;
	long pid = 0;
	FILE *file;

	snprintf(text, size, "another process");
	if (fstat(fd, &status) || !find_holder(&status, &pid))
		return;
	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(command, sizeof(command), file))
		command[strcspn(command, "\n")] = '\0';
	if (file)
		fclose(file);
	snprintf(text, size, *command ? "process %ld (%s)" : "process %ld", pid, command);
}
