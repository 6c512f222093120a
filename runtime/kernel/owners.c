/* Reads the links in /proc/PID/fd, which say "socket:[INODE]". Leaves out processes that it may not
 * read, and this one, which may have a duplicate of a socket for a moment. Reads nothing in a /proc
 * of another pid namespace, where numbers mean other processes. */
#include "owners.h"

#include "proc.h"

#include "runtime/base/fail.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_inodes(const void *left, const void *right)
{
	const struct owner *a = left, *b = right;

	return (a->inode > b->inode) - (a->inode < b->inode);
}

const struct owner *owners_of(const struct owner *owners, size_t count, uint64_t inode)
{
	const struct owner key = {.inode = inode};

	return count ? bsearch(&key, owners, count, sizeof(key), compare_inodes) : NULL;
}

static void read_command(int process, char command[16])
{
	autoclose int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, command, 15);

	command[size > 0 ? size : 0] = '\0';
	command[strcspn(command, "\n")] = '\0';
}

static void take_link(struct owner *owners, size_t count, int process, int pid, int folder,
		      const char *name)
{
	char link[64] = "";
	ssize_t size = readlinkat(folder, name, link, sizeof(link) - 1);
	struct owner *owner;

	if (size <= 0 || strncmp(link, "socket:[", 8) != 0)
		return;
	owner = (struct owner *)(uintptr_t)owners_of(owners, count, strtoull(link + 8, NULL, 10));
	if (!owner || (owner->pid && owner->pid < pid))
		return;
	owner->pid = pid;
	read_command(process, owner->command);
}

static int look_into(struct owner *owners, size_t count, int proc, const char *pid)
{
	autoclose int process = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int folder = process < 0 ? -1 : openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = folder < 0 ? NULL : fdopendir(folder);
	struct dirent *entry;

	if (!entries) {
		int err = errno == ENOMEM ? -ENOMEM : 0;

		close_fd(&folder);
		return err;
	}
	while ((entry = readdir(entries)))
		if (isdigit((unsigned char)entry->d_name[0]))
			take_link(owners, count, process, atoi(pid), folder, entry->d_name);
	closedir(entries);
	return 0;
}

static int look_through(struct owner *owners, size_t count)
{
	struct dirent *entry;
	int err = 0;
	DIR *proc;

	if (proc_self() != getpid())
		return 0;
	proc = opendir("/proc");
	if (!proc)
		return errno == ENOMEM ? -ENOMEM : 0;
	while (!err && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != getpid())
			err = look_into(owners, count, dirfd(proc), entry->d_name);
	closedir(proc);
	return err;
}

int owners_find(struct report *report, struct owner *owners, size_t count)
{
	int err;

	if (!count)
		return 0;
	qsort(owners, count, sizeof(*owners), compare_inodes);
	err = look_through(owners, count);
	return err ? fail(report, err, "find the processes that have the sockets") : 0;
}
