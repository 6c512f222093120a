/* Prints all that the state of a network namespace holds: each folder and pin, and what is in the pinned maps. Two
 * outputs are equal if nothing has changed between them.
 *
 *   kept_state FOLDER COOKIE [FOLLOWER]...
 *
 * FOLDER is <bpffs>/sklc, COOKIE the namespace's, FOLLOWER the name of a follower's folder. All namespaces share it,
 * and only what this one has there is printed. */
#include "runtime/abi.h"

#include <err.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define SLOTS_MAX 8192

static uint64_t cookie;
static int cpus;

static void print_bytes(const unsigned char *bytes, size_t size)
{
	while (size && !bytes[size - 1])
		size--;
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
}

static size_t value_bytes(const struct bpf_map_info *info)
{
	bool is_percpu = info->type == BPF_MAP_TYPE_PERCPU_ARRAY;

	return is_percpu ? (info->value_size + 7U) / 8 * 8 * (size_t)cpus : info->value_size;
}

static bool has_number_keys(const struct bpf_map_info *info)
{
	return info->type == BPF_MAP_TYPE_ARRAY || info->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       info->type == BPF_MAP_TYPE_SOCKMAP || info->type == BPF_MAP_TYPE_PROG_ARRAY;
}

/* Prints the value of a key, if there is one. */
static void print_entry(int map, const struct bpf_map_info *info, const void *key,
			unsigned char *value)
{
	size_t size = value_bytes(info);

	if (bpf_map_lookup_elem(map, key, value) < 0) {
		if (errno != ENOENT)
			err(1, "cannot look up a value in the map '%s'", info->name);
		return;
	}
	if (has_number_keys(info) && value[0] == 0 && memcmp(value, value + 1, size - 1) == 0)
		return;
	printf("  ");
	print_bytes(key, info->key_size);
	printf(" = ");
	print_bytes(value, size);
	putchar('\n');
}

/* Of the slots for sockets, the first ones of labels and the first spares: the tests' labels have no others. */
static bool is_looked_at(const struct bpf_map_info *info, uint32_t slot)
{
	return info->type != BPF_MAP_TYPE_SOCKMAP || slot % ABI_SLOT_CAPACITY < SLOTS_MAX;
}

static void print_array(int map, const struct bpf_map_info *info, unsigned char *value)
{
	for (uint32_t i = 0; i < info->max_entries; i++)
		if (is_looked_at(info, i))
			print_entry(map, info, &i, value);
}

static void print_hash(int map, const struct bpf_map_info *info, unsigned char *value)
{
	unsigned char key[512], *before = NULL;

	if (info->key_size > sizeof(key))
		errx(1, "the map '%s' has keys of %u bytes", info->name, info->key_size);
	for (uint32_t i = 0; i < info->max_entries; i++) {
		if (bpf_map_get_next_key(map, before, key) < 0) {
			if (errno != ENOENT)
				err(1, "cannot walk the map '%s'", info->name);
			return;
		}
		print_entry(map, info, key, value);
		before = key;
	}
}

static void print_map(int map, const struct bpf_map_info *info)
{
	unsigned char *value = malloc(value_bytes(info) + 1);

	if (!value)
		err(1, "no memory");
	if (info->type == BPF_MAP_TYPE_HASH_OF_MAPS)
		print_entry(map, info, &cookie, value);
	else if (has_number_keys(info))
		print_array(map, info, value);
	else if (info->type == BPF_MAP_TYPE_HASH)
		print_hash(map, info, value);
	else
		errx(1, "the map '%s' is of a type that this does not know", info->name);
	free(value);
}

static void print_pin(const char *path)
{
	union {
		struct bpf_map_info map;
		struct bpf_prog_info program;
		struct bpf_link_info link;
	} info = {0};
	char kind[64] = "", target[64];
	uint32_t size = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0 || snprintf(target, sizeof(target), "/proc/self/fd/%d", fd) < 0 ||
	    readlink(target, kind, sizeof(kind) - 1) < 0)
		err(1, "%s", path);
	if (strcmp(kind, "anon_inode:bpf-prog") == 0)
		size = sizeof(info.program);
	if (strcmp(kind, "anon_inode:bpf-map") == 0)
		size = sizeof(info.map);
	if (strcmp(kind, "anon_inode:bpf_link") == 0)
		size = sizeof(info.link);
	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		err(1, "%s", path);
	if (strcmp(kind, "anon_inode:bpf-prog") == 0) {
		printf("%s: program %u\n", path, info.program.id);
	} else if (strcmp(kind, "anon_inode:bpf-map") == 0) {
		printf("%s: map %u\n", path, info.map.id);
		print_map(fd, &info.map);
	} else {
		printf("%s: link ", path);
		print_bytes((const unsigned char *)&info.link, size);
		putchar('\n');
	}
	close(fd);
}

static int print_path(const char *path, const struct stat *about, int kind, struct FTW *place)
{
	(void)place;
	printf("%s %o\n", path, about->st_mode);
	if (kind == FTW_F)
		print_pin(path);
	else if (kind != FTW_D)
		errx(1, "%s is neither a folder nor a pin", path);
	return 0;
}

static void print_folder(const char *parent, const char *name)
{
	char path[4096];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", parent, name) >= sizeof(path))
		errx(1, "the path is too long");
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return;
	if (nftw(path, print_path, 16, FTW_PHYS) != 0)
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: kept_state FOLDER COOKIE [FOLLOWER]...");
	cookie = strtoull(argv[2], NULL, 10);
	cpus = libbpf_num_possible_cpus();
	if (cpus < 0)
		errx(1, "cannot tell how many processors there are");
	for (int i = 2; i < argc; i++)
		print_folder(argv[1], argv[i]);
	return 0;
}
