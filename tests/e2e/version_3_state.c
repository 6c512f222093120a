/* Makes the state that sklc kept before its version 4, as that sklc made it: pins of a network
 * namespace, of a generation or two, and of the follower. It shares no code with today's runtime,
 * so that changes there do not change what is made here. The objects with the rules and the program
 * of the follower are those of that time (state-version-3/).
 *
 *   version_3_state --folder FOLDER --netns FILE [--cgroup FOLDER --follower OBJECT]
 *                   [--previous OBJECT] --current OBJECT [--trial SECONDS]
 *                   [--socket LABEL:FLOWCLASS:FD]...
 *
 * FOLDER is <bpffs>/sklc. With --trial, the current rules are on trial over the previous ones. */
#include "tests/e2e/lib/version_3.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

struct arguments {
	const char *folder, *netns, *cgroup, *follower, *previous, *current;
	uint32_t trial;
	char *sockets[16];
	size_t socket_count;
};

/* What is pinned for a namespace, and the slots that are given. */
struct namespace
{
	char path[256];
	uint64_t cookie;
	int netns, maps[NAMESPACE_MAPS];
	uint32_t next_slot, next_block;
};

/* Maps of declarations; -1: none. */
struct declared_pair {
	int declared, cgroups;
};

struct generation {
	struct rules rules;
	struct slots slots[LABELS_MAX];
	char path[300];
	uint32_t id;
	int program;
	struct bpf_object *opened;
	struct declared_pair maps;
};

static int check(int result, const char *what)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "version_3_state: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int create(enum bpf_map_type type, const char *name, uint32_t key, uint32_t value,
		  uint32_t entries, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);

	return check(bpf_map_create(type, name, key, value, entries, &options), name);
}

static void pin(const char *folder, const char *name, int fd)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	check(bpf_obj_pin(fd, path), path);
}

static void pin_bytes(const char *folder, const char *name, const void *bytes, size_t size)
{
	int map = create(BPF_MAP_TYPE_ARRAY, name, 4, (uint32_t)size, 1, BPF_F_MMAPABLE);
	const uint32_t zero = 0;

	check(bpf_map_update_elem(map, &zero, bytes, BPF_ANY), name);
	check(bpf_map_freeze(map), name);
	pin(folder, name, map);
}

static uint32_t id_of(int program)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	check(bpf_obj_get_info_by_fd(program, &info, &size), "read a program's number");
	return info.id;
}

/* The namespace */

static void open_namespace(const struct arguments *arguments, struct namespace *namespace)
{
	socklen_t size = sizeof(namespace->cookie);
	int probe;

	namespace->netns = check(open(arguments->netns, O_RDONLY | O_CLOEXEC), arguments->netns);
	check(setns(namespace->netns, CLONE_NEWNET), "enter the network namespace");
	probe = check(socket(AF_INET, SOCK_DGRAM, 0), "make a socket");
	check(getsockopt(probe, SOL_SOCKET, SO_NETNS_COOKIE, &namespace->cookie, &size),
	      "read the namespace's cookie");
	close(probe);
	snprintf(namespace->path, sizeof(namespace->path), "%.200s/%" PRIu64, arguments->folder,
		 namespace->cookie);
	if (mkdir(arguments->folder, S_IRWXU) && errno != EEXIST)
		check(-1, arguments->folder);
	check(mkdir(namespace->path, S_IRWXU), namespace->path);
}

static void pin_namespace(struct namespace *namespace)
{
	const uint32_t version[] = {0x636c6b73, 3};

	pin_bytes(namespace->path, "state", version, sizeof(version));
	namespace->maps[SOCKETS] = create(BPF_MAP_TYPE_SOCKMAP, "sockets", 4, 8,
					  SLOTS + BLOCKS * BLOCK_SLOTS, 0);
	namespace->maps[SPARE_MARKS] = create(BPF_MAP_TYPE_ARRAY, "spare_marks", 4, 16, BLOCKS + 1,
					      0);
	namespace->maps[LABELS] = create(BPF_MAP_TYPE_HASH, "labels", LABEL_BYTES,
					 sizeof(struct slots), 16384, BPF_F_NO_PREALLOC);
	namespace->maps[TIMES] = create(BPF_MAP_TYPE_HASH, "times", 4, sizeof(struct since), 16384,
					BPF_F_NO_PREALLOC);
	pin(namespace->path, "sockets", namespace->maps[SOCKETS]);
	pin(namespace->path, "spare_marks", namespace->maps[SPARE_MARKS]);
	pin(namespace->path, "labels", namespace->maps[LABELS]);
	pin(namespace->path, "times", namespace->maps[TIMES]);
}

/* Whether sockets of a declaration may serve a flow class. */
static bool may_serve(const struct socket_record *socket, unsigned int flow_class)
{
	return socket->protocol == (uint32_t)(flow_class & 1 ? IPPROTO_UDP : IPPROTO_TCP) &&
	       (socket->family != AF_INET || flow_class < 2);
}

/* Gives slots to the labels that have none, and 16 blocks of spare slots to each flow class that a
 * declaration may serve. */
static void give_slots(struct namespace *namespace, struct generation *generation)
{
	const struct rules *rules = &generation->rules;

	for (uint32_t i = 0; i < rules->label_count; i++) {
		struct slots *slots = &generation->slots[i];

		if (bpf_map_lookup_elem(namespace->maps[LABELS], rules->labels[i], slots))
			for (uint32_t j = 0; j < FLOW_CLASSES; j++)
				slots->words[j] = namespace->next_slot++;
		for (uint32_t j = 0; j < rules->socket_count * FLOW_CLASSES; j++) {
			const struct socket_record *socket = &rules->sockets[j / FLOW_CLASSES];
			uint32_t *word = &slots->words[j % FLOW_CLASSES];

			if (socket->label != i || *word >> 16 ||
			    !may_serve(socket, j % FLOW_CLASSES))
				continue;
			*word |= namespace->next_block << 19 | 4u << 16;
			namespace->next_block += 16;
		}
		check(bpf_map_update_elem(namespace->maps[LABELS], rules->labels[i], slots,
					  BPF_ANY),
		      "give slots");
	}
}

/* Declarations */

static void add_declared(int map, struct declared_key key, const struct declared *value)
{
	while (bpf_map_update_elem(map, &key, value, BPF_NOEXIST) && errno == EEXIST)
		key.index++;
}

static void add_declarations(const struct generation *generation, const struct declared_pair *maps)
{
	for (uint32_t i = 0; i < generation->rules.socket_count; i++) {
		struct declared_key key;
		struct declared value;

		declaration_of(&generation->rules, i, generation->slots, maps->cgroups, &key,
			       &value);
		add_declared(maps->declared, key, &value);
	}
}

static struct declared_pair declared_maps(uint32_t sockets, uint32_t with_cgroup)
{
	return (struct declared_pair){
		.declared = create(BPF_MAP_TYPE_HASH, "declared", sizeof(struct declared_key),
				   sizeof(struct declared), sockets, BPF_F_NO_PREALLOC),
		.cgroups = create(BPF_MAP_TYPE_HASH, "cgroups", sizeof(struct cgroup_key), 8,
				  with_cgroup ? with_cgroup * CGROUP_DEPTH_MAX : 1,
				  BPF_F_NO_PREALLOC),
	};
}

/* Generations */

static void load(struct namespace *namespace, struct generation *generation)
{
	const struct rules *rules = &generation->rules;
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "sklc");
	struct bpf_map *words;
	size_t size;
	void *value;

	generation->opened = bpf_object__open_mem(rules->bytes, rules->size, &options);
	check(generation->opened ? 0 : -1, "open the object");
	words = bpf_object__find_map_by_name(generation->opened, ".rodata.machine");
	value = (void *)(uintptr_t)bpf_map__initial_value(words, &size);
	memcpy(value, generation->slots, rules->label_count * sizeof(*generation->slots));
	for (int i = 0; i < 2; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(generation->opened,
								   i ? "spare_marks" : "sockets");

		if (map)
			check(bpf_map__reuse_fd(map, namespace->maps[i ? SPARE_MARKS : SOCKETS]),
			      "share a map");
	}
	check(bpf_object__load(generation->opened), "load the object");
	generation->program = bpf_program__fd(bpf_object__next_program(generation->opened, NULL));
	generation->id = id_of(generation->program);
	snprintf(generation->path, sizeof(generation->path), "%s/g%" PRIu32, namespace->path,
		 generation->id);
	check(mkdir(generation->path, S_IRWXU), generation->path);
}

static void pin_counters(const struct generation *generation)
{
	const struct bpf_map *rules = bpf_object__find_map_by_name(generation->opened,
								   "rule_counters");
	const struct bpf_map *labels = bpf_object__find_map_by_name(generation->opened,
								    "label_counters");

	if (rules)
		pin(generation->path, "rule_counters", bpf_map__fd(rules));
	if (labels)
		pin(generation->path, "label_counters", bpf_map__fd(labels));
}

static void pin_base(const struct generation *generation)
{
	const struct rules *rules = &generation->rules;
	uint32_t labels = rules->label_count * FLOW_CLASSES;
	size_t size = 16 + rules->counter_count * 8 + labels * 16;
	uint32_t *bytes = calloc(1, size);

	check(bytes ? 0 : -1, "make the counters' base");
	bytes[1] = rules->counter_count;
	bytes[2] = labels;
	pin_bytes(generation->path, "base", bytes, size);
	free(bytes);
}

/* Pins what a generation in force has; with FULL false, what a replaced one has. */
static void pin_generation(struct generation *generation, uint32_t previous, bool full,
			   const struct trial *trial)
{
	const struct rules *rules = &generation->rules;
	struct about about = {.generation = generation->id,
			      .previous = previous,
			      .applied = (uint64_t)time(NULL)};

	pin_bytes(generation->path, "object", rules->bytes, rules->size);
	if (rules->label_count)
		pin_bytes(generation->path, "names", rules->labels,
			  rules->label_count * LABEL_BYTES);
	if (full) {
		pin(generation->path, "program", generation->program);
		pin_counters(generation);
	}
	if (trial) {
		pin(generation->path, "choices", trial->choices);
		pin(generation->path, "trial", trial->program);
		about.trial_program = id_of(trial->program);
		about.trial_deadline = trial->deadline;
	}
	pin_bytes(generation->path, "about", &about, sizeof(about));
	if (!full || !rules->socket_count)
		return;
	generation->maps = declared_maps(rules->socket_count, cgroups_in(rules));
	add_declarations(generation, &generation->maps);
	pin(generation->path, "cgroups", generation->maps.cgroups);
	pin(generation->path, "declared", generation->maps.declared);
}

/* The follower */

static const char *const kinds[] = {"sockets", "times", "spare_marks", "cgroups", "declared"};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static void make_follower(const char *folder, const struct arguments *arguments, int maps[KINDS])
{
	struct bpf_object *opened = bpf_object__open_file(arguments->follower, NULL);
	int cgroup = check(open(arguments->cgroup, O_RDONLY | O_DIRECTORY), arguments->cgroup);
	const struct bpf_program *program;

	check(opened ? 0 : -1, arguments->follower);
	check(bpf_object__load(opened), "load the follower");
	check(mkdir(folder, S_IRWXU), folder);
	for (int i = 0; i < KINDS; i++) {
		maps[i] = bpf_map__fd(bpf_object__find_map_by_name(opened, kinds[i]));
		pin(folder, kinds[i], maps[i]);
	}
	program = bpf_object__next_program(opened, NULL);
	pin(folder, "link",
	    check(bpf_link_create(bpf_program__fd(program), cgroup, BPF_CGROUP_SOCK_OPS, NULL),
		  "attach the follower"));
}

static void follow(const struct arguments *arguments, const struct namespace *namespace,
		   const struct declared_pair *pair)
{
	const int values[KINDS] = {namespace->maps[SOCKETS], namespace->maps[TIMES],
				   namespace->maps[SPARE_MARKS], pair->cgroups, pair->declared};
	char folder[300], path[400];
	int maps[KINDS];

	snprintf(folder, sizeof(folder), "%.200s/follower2", arguments->folder);
	if (access(folder, F_OK))
		make_follower(folder, arguments, maps);
	else
		for (int i = 0; i < KINDS; i++) {
			snprintf(path, sizeof(path), "%s/%s", folder, kinds[i]);
			maps[i] = check(bpf_obj_get(path), path);
		}
	for (int i = 0; i < KINDS; i++)
		check(bpf_map_update_elem(maps[i], &namespace->cookie, &values[i], BPF_ANY),
		      "follow the namespace");
}

/* Follows what the rules in force declare, during a trial also what the rules before declare. */
static void follow_standing(const struct arguments *arguments, const struct namespace *namespace,
			    const struct generation *current, const struct generation *previous)
{
	bool both = arguments->trial && previous->rules.socket_count;
	struct declared_pair joined = current->maps;

	if (!arguments->follower || (!current->rules.socket_count && !both))
		return;
	if (both) {
		joined = declared_maps(current->rules.socket_count + previous->rules.socket_count,
				       cgroups_in(&current->rules) + cgroups_in(&previous->rules));
		add_declarations(current, &joined);
		add_declarations(previous, &joined);
	}
	follow(arguments, namespace, &joined);
}

/* Sockets that were registered by hand: LABEL:FLOWCLASS:FD. */
static void put_socket(const struct namespace *namespace, char *words)
{
	const char *label = strtok(words, ":"), *flow_class = strtok(NULL, ":");
	const char *number = strtok(NULL, ":");
	int fd = number ? atoi(number) : -1;
	uint64_t value = (uint64_t)fd;
	struct since since = {0};
	socklen_t size = sizeof(since.cookie);
	char key[LABEL_BYTES] = "";
	struct timespec now;
	struct slots slots;
	uint32_t slot;

	check(fd, "read --socket");
	snprintf(key, sizeof(key), "%s", label);
	check(bpf_map_lookup_elem(namespace->maps[LABELS], key, &slots), label);
	slot = slots.words[atoi(flow_class) % FLOW_CLASSES] & 0xffff;
	check(bpf_map_update_elem(namespace->maps[SOCKETS], &slot, &value, BPF_ANY),
	      "put a socket behind its label");
	check(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &since.cookie, &size), "read a cookie");
	check(clock_gettime(CLOCK_BOOTTIME, &now), "read the clock");
	since.boot_time = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	check(bpf_map_update_elem(namespace->maps[TIMES], &slot, &since, BPF_ANY),
	      "write since when");
}

static void make_state(const struct arguments *arguments)
{
	static struct generation previous, current;
	struct namespace namespace = {.next_block = 1};
	struct trial trial;
	bool is_trial = arguments->trial > 0;

	rules_read(arguments->current, &current.rules);
	open_namespace(arguments, &namespace);
	pin_namespace(&namespace);
	if (arguments->previous) {
		rules_read(arguments->previous, &previous.rules);
		give_slots(&namespace, &previous);
		load(&namespace, &previous);
		pin_generation(&previous, 0, is_trial, NULL);
	}
	give_slots(&namespace, &current);
	load(&namespace, &current);
	if (is_trial)
		version_3_trial(arguments->previous ? previous.program : -1, current.program,
				arguments->trial, &trial);
	pin_generation(&current, previous.id, true, is_trial ? &trial : NULL);
	if (previous.id && !is_trial)
		pin_base(&current);
	for (size_t i = 0; i < arguments->socket_count; i++)
		put_socket(&namespace, arguments->sockets[i]);
	follow_standing(arguments, &namespace, &current, &previous);
	pin(namespace.path, "link",
	    check(bpf_link_create(is_trial ? trial.program : current.program, namespace.netns,
				  BPF_SK_LOOKUP, NULL),
		  "attach the rules"));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"folder", required_argument, NULL, 'd'},
		{"netns", required_argument, NULL, 'n'},
		{"cgroup", required_argument, NULL, 'g'},
		{"follower", required_argument, NULL, 'f'},
		{"previous", required_argument, NULL, 'p'},
		{"current", required_argument, NULL, 'c'},
		{"trial", required_argument, NULL, 't'},
		{"socket", required_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	struct arguments arguments = {0};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			arguments.folder = optarg;
			break;
		case 'n':
			arguments.netns = optarg;
			break;
		case 'g':
			arguments.cgroup = optarg;
			break;
		case 'f':
			arguments.follower = optarg;
			break;
		case 'p':
			arguments.previous = optarg;
			break;
		case 'c':
			arguments.current = optarg;
			break;
		case 't':
			arguments.trial = (uint32_t)atoi(optarg);
			break;
		case 's':
			if (arguments.socket_count < 16)
				arguments.sockets[arguments.socket_count++] = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!arguments.folder || !arguments.netns || !arguments.current ||
	    (arguments.follower && !arguments.cgroup))
		return 2;
	make_state(&arguments);
	return 0;
}
