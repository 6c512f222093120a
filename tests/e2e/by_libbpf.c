/* Loads an object as any program with libbpf may, without sklc: by_libbpf OBJECT NETNS SLOT=FD... puts the sockets of
 * these descriptors into slots, attaches the program, says so, and holds it until its input ends. With MOVE in the
 * environment, the slot of the first label in flow class 0 is that one. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int fail(const char *tried)
{
	perror(tried);
	return 1;
}

static int put(int sockets, const char *words)
{
	unsigned long long socket;
	unsigned int slot;

	if (sscanf(words, "%u=%llu", &slot, &socket) != 2)
		return -1;
	return bpf_map_update_elem(sockets, &slot, &socket, BPF_ANY);
}

int main(int count, char **words)
{
	struct bpf_object *object = count > 2 ? bpf_object__open_file(words[1], NULL) : NULL;
	struct bpf_map *host = object ? bpf_object__find_map_by_name(object, ".bss") : NULL;
	int netns = host ? open(words[2], O_RDONLY | O_CLOEXEC) : -1, i;
	size_t size;
	char none;

	if (netns < 0)
		return fail("open");
	if (getenv("MOVE"))
		*(unsigned int *)bpf_map__initial_value(
			host, &size) = (unsigned int)atoi(getenv("MOVE")) ^ 0;
	if (bpf_object__load(object))
		return fail("load");
	for (i = 3; i < count; i++)
		if (put(bpf_object__find_map_fd_by_name(object, "sockets"), words[i]))
			return fail("put");
	if (!bpf_program__attach_netns(bpf_object__find_program_by_name(object, "sklc"), netns))
		return fail("attach");
	puts("attached");
	fflush(stdout);
	return read(STDIN_FILENO, &none, 1) ? 1 : 0;
}
