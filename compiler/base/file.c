/* Writes and reads whole files. A file is written under another name and renamed when all of it is on the disk,
 * so that a full disk or a kill leaves the old one as it was. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const unsigned char *bytes, size_t size)
{
	ssize_t written;

	while (size) {
		written = write(fd, bytes, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		bytes += written;
		size -= (size_t)written;
	}
	return 0;
}

static mode_t current_umask(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return mask;
}

/* Writes all bytes to the temporary file and waits until they are on the disk. */
static int write_beside(int fd, const void *bytes, size_t size)
{
	int err = write_all(fd, bytes, size) || fchmod(fd, 0666 & ~current_umask()) || fsync(fd);

	return close(fd) || err ? -1 : 0;
}

static int replace_file(const char *path, const void *bytes, size_t size)
{
	char *beside;
	int fd, saved;

	if (asprintf(&beside, "%s.XXXXXX", path) < 0)
		return -1;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd >= 0 && (write_beside(fd, bytes, size) || rename(beside, path))) {
		saved = errno;
		unlink(beside);
		errno = saved;
		fd = -1;
	}
	free(beside);
	return fd < 0 ? -1 : 0;
}

static int write_device(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -1;
	err = write_all(fd, bytes, size);
	return close(fd) || err ? -1 : 0;
}

int file_write(const char *path, const void *bytes, size_t size)
{
	struct stat st;

	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
		return write_all(STDOUT_FILENO, bytes, size);
	if (!lstat(path, &st) && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (!lstat(path, &st) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return write_device(path, bytes, size);
	return replace_file(path, bytes, size);
}

unsigned char *file_read(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char *bytes = NULL;
	struct stat st;
	ssize_t got = 0;

	*size = 0;
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st))
		bytes = malloc((size_t)st.st_size + 1);
	while (bytes && *size < (size_t)st.st_size &&
	       (got = read(fd, bytes + *size, (size_t)st.st_size - *size)) > 0)
		*size += (size_t)got;
	close(fd);
	if (got >= 0)
		return bytes;
	free(bytes);
	return NULL;
}
