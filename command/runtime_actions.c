/* The verbs that are a call of the runtime with operands of the command line. */
#include "actions.h"
#include "session.h"
#include "verify.h"

#include "compiler/base/arena.h"
#include "runtime/runtime.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

struct runtime_options runtime_options(struct session *s)
{
	const struct options *options = &s->options;

	return (struct runtime_options){
		.report = &s->report,
		.netns = options->netns,
		.bpffs = options->bpffs,
		.json = option_given(options, OPTION_JSON),
		.quiet = option_given(options, OPTION_QUIET),
		.verbose = option_given(options, OPTION_VERBOSE),
		.require_sockets = option_given(options, OPTION_REQUIRE_SOCKETS),
		.override = option_given(options, OPTION_OVERRIDE),
		.all = option_given(options, OPTION_ALL),
		.confirm_seconds = options->confirm_seconds > 0 ? (uint32_t)options->confirm_seconds
								: 0,
		.has_if_generation = option_given(options, OPTION_IF_GENERATION),
		.if_generation = (uint32_t)options->if_generation,
		.if_hash = options->if_hash,
	};
}

int exit_status(int err)
{
	switch (err) {
	case 0:
		return EXIT_DONE;
	case RUNTIME_EXPECT_FAILED:
	case RUNTIME_SOCKET_MISSING:
	case RUNTIME_DIFFERENT:
		return EXIT_RULES;
	case RUNTIME_NOT_THERE:
		return EXIT_NOT_THERE;
	case RUNTIME_USAGE:
		return EXIT_USAGE;
	default:
		return EXIT_SYSTEM;
	}
}

int register_socket(struct session *s)
{
	const struct runtime_options runtime = runtime_options(s);

	return exit_status(runtime_register(s->operands[0].text, s->options.pid, s->options.fd,
					    &runtime, stdout));
}

/* The protocol that an operand names; 0: it is not given. */
static int protocol_of(const struct operand_value *operand)
{
	static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

	return operand->text ? protocols[operand->number] : 0;
}

int drain(struct session *s)
{
	const struct runtime_options runtime = runtime_options(s);

	return exit_status(runtime_drain(s->operands[0].text, s->operands[1].text,
					 protocol_of(&s->operands[2]), &runtime, stdout));
}

int undrain(struct session *s)
{
	const struct runtime_options runtime = runtime_options(s);

	return exit_status(runtime_undrain(s->operands[0].text, s->operands[1].text,
					   protocol_of(&s->operands[2]), &runtime, stdout));
}

int unregister(struct session *s)
{
	const struct operand_value *family = &s->operands[2];
	const struct runtime_options runtime = runtime_options(s);
	static const int families[] = {AF_INET, AF_INET6};

	return exit_status(runtime_unregister(s->operands[0].text, protocol_of(&s->operands[1]),
					      family->text ? families[family->number] : AF_UNSPEC,
					      &runtime, stdout));
}

/* The options of a verb whose operand is the number of a generation, if it is given. */
static struct runtime_options options_for_generation(struct session *s)
{
	struct runtime_options runtime = runtime_options(s);

	runtime.has_generation = s->operands[0].text != NULL;
	runtime.generation = (uint32_t)s->operands[0].number;
	return runtime;
}

/* Reads the object once, so that what is verified is what was printed. */
int list(struct session *s)
{
	const struct runtime_options runtime = options_for_generation(s);
	struct object_image image = {.name = "applied rules"};
	void *bytes = NULL;
	int status = exit_status(runtime_read_applied(&runtime, &bytes, &image.size));

	image.bytes = bytes;
	if (runtime.has_generation)
		image.name = arena_printf(s->c.arena, "generation %u", runtime.generation);
	if (!status)
		status = exit_status(runtime_list(&image, &runtime, stdout));
	if (!status && option_given(&s->options, OPTION_VERIFY))
		status = verify_object(s, &image);
	free(bytes);
	return status;
}

int rollback(struct session *s)
{
	const struct runtime_options runtime = options_for_generation(s);

	return exit_status(runtime_rollback(&runtime, stdout));
}
