#include "version_3.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

enum { NO_STRING = -1 };

static void end(const char *what)
{
	fprintf(stderr, "version_3_state: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void read_file(const char *path, struct rules *rules)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status))
		end(path);
	rules->size = (size_t)status.st_size;
	rules->bytes = malloc(rules->size);
	if (!rules->bytes || read(fd, rules->bytes, rules->size) != (ssize_t)rules->size)
		end(path);
	close(fd);
}

/* The bytes of a section; its size is 0 if there is none. */
static const void *section(Elf *elf, const char *name, size_t *size)
{
	Elf_Scn *at = NULL;
	size_t names;

	*size = 0;
	if (elf_getshdrstrndx(elf, &names))
		end("read the names of sections");
	while ((at = elf_nextscn(elf, at))) {
		GElf_Shdr header;
		const Elf_Data *data = elf_getdata(at, NULL);

		if (!data || !gelf_getshdr(at, &header) ||
		    strcmp(elf_strptr(elf, names, header.sh_name), name) != 0)
			continue;
		*size = data->d_size;
		return data->d_buf;
	}
	return NULL;
}

void rules_read(const char *path, struct rules *rules)
{
	struct {
		uint32_t name, flow_classes;
	} labels[LABELS_MAX];
	uint32_t header[5];
	const void *bytes;
	size_t size;
	Elf *elf;

	read_file(path, rules);
	elf_version(EV_CURRENT);
	elf = elf_memory(rules->bytes, rules->size);
	if (!elf)
		end(path);
	bytes = section(elf, "sklc.header", &size);
	memcpy(header, bytes, size < sizeof(header) ? size : sizeof(header));
	if (size < sizeof(header) || header[1] != 2)
		end("the object is not of version 2");
	rules->label_count = header[2];
	rules->counter_count = header[4];
	bytes = section(elf, "sklc.strings", &size);
	rules->strings = malloc(size + 1);
	memcpy(rules->strings, bytes, size);
	bytes = section(elf, "sklc.labels", &size);
	if (size > sizeof(labels))
		end("there are too many labels");
	if (size)
		memcpy(labels, bytes, size);
	for (uint32_t i = 0; i < rules->label_count; i++)
		snprintf(rules->labels[i], LABEL_BYTES, "%s", rules->strings + labels[i].name);
	bytes = section(elf, "sklc.sockets", &size);
	if (size > sizeof(rules->sockets))
		end("there are too many declarations");
	if (size)
		memcpy(rules->sockets, bytes, size);
	rules->socket_count = (uint32_t)(size / sizeof(*rules->sockets));
	elf_end(elf);
}

uint32_t cgroups_in(const struct rules *rules)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < rules->socket_count; i++)
		count += rules->sockets[i].cgroup != (uint32_t)NO_STRING;
	return count;
}

/* Numbers and enters the folders of a path; returns the number of the last one. */
static uint64_t add_folders(int map, const char *path)
{
	uint64_t number = 0;

	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		size_t length = strcspn(path, "/");
		struct cgroup_key key = {.parent = number};

		number = number ? number : UINT64_C(0xcbf29ce484222325);
		number = (number ^ '/') * UINT64_C(0x100000001b3);
		for (size_t i = 0; i < length; i++)
			number = (number ^ (unsigned char)path[i]) * UINT64_C(0x100000001b3);
		number = number ? number : 1;
		memcpy(key.name, path, length < sizeof(key.name) ? length : sizeof(key.name) - 1);
		if (bpf_map_update_elem(map, &key, &number, BPF_ANY))
			end("enter a cgroup");
		path += length;
	}
	return number;
}

/* Declarations of the packets' own family come before those of IPv6 sockets that take IPv4 too. -1:
 * never serves such packets. */
static int rank_of(const struct socket_record *socket, uint32_t protocol, uint32_t family)
{
	if (socket->protocol != protocol)
		return -1;
	if (socket->any_address || socket->family == family)
		return 0;
	return socket->family == AF_INET6 ? 1 : -1;
}

/* The alternatives of a label share the slots of its word; the first has what does not divide. */
static struct declared_range range_of(const struct rules *rules, uint32_t number, uint32_t family,
				      const struct slots *slots)
{
	const struct socket_record *socket = &rules->sockets[number];
	int own = rank_of(socket, socket->protocol, family);
	uint32_t word, total = 0, before = 0, count, each, left;

	if (own < 0)
		return (struct declared_range){0, 0, 0};
	for (uint32_t i = 0; i < rules->socket_count; i++) {
		int rank = rules->sockets[i].label == socket->label
				   ? rank_of(&rules->sockets[i], socket->protocol, family)
				   : -1;

		total += rank >= 0;
		before += rank >= 0 && (rank < own || (rank == own && i < number));
	}
	word = slots[socket->label]
		       .words[2 * (family == AF_INET6) + (socket->protocol == IPPROTO_UDP)];
	count = word >> 19 ? 1 + (1u << (word >> 16 & 7)) * BLOCK_SLOTS : 1;
	each = total < count ? count / total : 1;
	left = total < count ? count - each * total : 0;
	return (struct declared_range){word, (uint16_t)(before ? left + before * each : 0),
				       (uint16_t)(before ? each : each + left)};
}

void declaration_of(const struct rules *rules, uint32_t number, const struct slots *slots,
		    int cgroups, struct declared_key *key, struct declared *value)
{
	const struct socket_record *socket = &rules->sockets[number];

	*key = (struct declared_key){.port = (uint16_t)socket->port,
				     .protocol = (uint8_t)socket->protocol};
	if (!socket->any_address) {
		key->family = (uint8_t)socket->family;
		memcpy(key->address, socket->address, socket->family == AF_INET ? 4 : 16);
	}
	*value = (struct declared){.number = number,
				   .ipv4 = range_of(rules, number, AF_INET, slots),
				   .ipv6 = range_of(rules, number, AF_INET6, slots)};
	if (socket->uid != (uint32_t)NO_STRING) {
		value->has_uid = 1;
		value->uid = (uint32_t)atoi(rules->strings + socket->uid);
	}
	if (socket->cgroup != (uint32_t)NO_STRING)
		value->cgroup = add_folders(cgroups, rules->strings + socket->cgroup);
}

#define INSN(opcode, dst, src, offset, immediate)                                                  \
	{                                                                                          \
		.code = (opcode), .dst_reg = (dst), .src_reg = (src), .off = (offset),             \
		.imm = (immediate)                                                                 \
	}
#define CALL(helper) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##helper)

static int load_choice(int choices, uint64_t deadline)
{
	const struct bpf_insn program[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_7, 0, 0, (int32_t)(uint32_t)deadline),
		INSN(0, 0, 0, 0, (int32_t)(uint32_t)(deadline >> 32)),
		CALL(ktime_get_boot_ns),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 1),
		INSN(BPF_JMP | BPF_JLT | BPF_X, BPF_REG_0, BPF_REG_7, 1, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_6, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, choices),
		INSN(0, 0, 0, 0, 0),
		CALL(tail_call),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, SK_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_SK_LOOKUP);

	return bpf_prog_load(BPF_PROG_TYPE_SK_LOOKUP, "sklc_trial", "Dual BSD/GPL", program,
			     sizeof(program) / sizeof(program[0]), &options);
}

void version_3_trial(int old, int tried, uint32_t seconds, struct trial *trial)
{
	const uint32_t keys[] = {0, 1};
	struct timespec now;

	trial->choices = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "choices", 4, 4, 2, NULL);
	if (trial->choices < 0 ||
	    (old >= 0 && bpf_map_update_elem(trial->choices, &keys[0], &old, BPF_ANY)) ||
	    bpf_map_update_elem(trial->choices, &keys[1], &tried, BPF_ANY) ||
	    clock_gettime(CLOCK_BOOTTIME, &now))
		end("prepare the trial");
	trial->deadline = ((uint64_t)now.tv_sec + seconds) * 1000000000 + (uint64_t)now.tv_nsec;
	trial->program = load_choice(trial->choices, trial->deadline);
	if (trial->program < 0)
		end("load the program of the trial");
}
