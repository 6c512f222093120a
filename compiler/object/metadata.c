/*
 * Writes the records that the runtime reads, mostly from the policy. Their sections have the type
 * of string tables: libbpf ignores such sections silently, but logs a line for each section of any
 * other type that it does not know ("elf: skipping unrecognized data section"). SHF_ALLOC keeps
 * objcopy and strip from rewriting them.
 */
#include "metadata.h"

#include "compiler/base/arena.h"
#include "compiler/base/escape.h"
#include "compiler/base/lower_bound.h"
#include "compiler/layout/layout.h"
#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"
#include "elf_writer.h"
#include "strings.h"

#include "runtime/abi.h"

#include <elf.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

struct metadata {
	struct arena *arena;
	struct elf_writer *elf;
	const struct policy *policy;
	const struct layout_object *layout;
	struct object_strings strings;
};

/* A source location as the records have it: FILE is an index into ABI_TEXTS_SECTION. */
struct record_location {
	uint32_t file, line, column;
};

static void add_section(struct metadata *m, const char *name, const void *bytes, size_t size)
{
	elf_section(m->elf, name, SHT_STRTAB, SHF_ALLOC, 8, bytes, size);
}

static void *records(struct metadata *m, size_t count, size_t size)
{
	return arena_alloc(m->arena, count, size);
}

static uint32_t text_of(struct metadata *m, struct span span)
{
	return object_strings_add(&m->strings, source_text(m->policy->sources, span),
				  span.end - span.first);
}

static uint32_t file_index(const struct sources *sources, const struct source_file *file)
{
	return (uint32_t)LOWER_BOUND(i, 1, sources->count, sources->files[i]->base > file->base) -
	       1;
}

static struct record_location locate(const struct metadata *m, struct span span)
{
	struct source_location found = source_location(m->policy->sources, span.first);

	if (!found.file)
		return (struct record_location){0};
	return (struct record_location){
		file_index(m->policy->sources, found.file),
		found.line,
		found.column,
	};
}

static uint32_t family_number(enum family family)
{
	return family == FAMILY_IPV6 ? AF_INET6 : AF_INET;
}

static uint32_t protocol_number(enum protocol protocol)
{
	return protocol == PROTOCOL_UDP ? IPPROTO_UDP : IPPROTO_TCP;
}

static void address_bytes(uint8_t bytes[16], enum family family, u128 address)
{
	unsigned i, count = address_bits(family) / 8;

	for (i = count; i-- > 0; address >>= 8)
		bytes[i] = (uint8_t)address;
}

static uint32_t verdict_number(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_DROP:
		return ABI_DROP;
	case VERDICT_REDIRECT:
		return ABI_REDIRECT;
	default:
		return ABI_PASS;
	}
}

_Static_assert(INTERFACES_MAX == ABI_RECORDS_MAX && CLASS_NOT_KNOWN == ABI_CLASS_NOT_KNOWN &&
		       CLASS_FIRST == ABI_CLASS_FIRST,
	       "an object has the compiler's classes");

_Static_assert(PARTS_AUTO == (int)ABI_PARTS_AUTO && PARTS_NEVER == (int)ABI_PARTS_NEVER &&
		       PARTS_ALWAYS == (int)ABI_PARTS_ALWAYS,
	       "the header has the compiler's numbers");

/* Adds what made the object, and the options that make it again. */
static void add_origin(struct metadata *m, struct abi_header *header)
{
	static const char *const table_kinds[] = {
#define TABLE_KIND_WORD(constant, word) [TABLES_##constant] = word,
		TABLE_KINDS(TABLE_KIND_WORD)
#undef TABLE_KIND_WORD
	};
	static const char *const backends[] = {
#define BACKEND_WORD(constant, word) [BACKEND_##constant] = word,
		BACKENDS(BACKEND_WORD)
#undef BACKEND_WORD
	};
	const char *backend = backends[m->layout->backend];

	if (m->layout->backend_version)
		backend = arena_printf(m->arena, "%s %s", backend, m->layout->backend_version);
	header->compiler = object_strings_add_name(&m->strings, ABI_COMPILER);
	header->backend = object_strings_add_name(&m->strings, backend);
	header->tables = object_strings_add_name(&m->strings,
						 table_kinds[m->layout->tables_option]);
	header->instructions_max = (uint32_t)m->layout->instructions_max;
	header->tables_max = m->layout->tables_max;
	header->tables_frozen = m->layout->tables_frozen;
	header->parts = m->layout->parts_option;
}

static struct abi_header *add_header(struct metadata *m)
{
	const struct sources *sources = m->policy->sources;
	struct abi_header *header = records(m, 1, sizeof(*header));
	size_t i;

	*header = (struct abi_header){
		.magic = ABI_MAGIC,
		.version = ABI_VERSION,
		.label_count = (uint32_t)m->policy->label_count,
		.interface_count = (uint32_t)m->policy->interface_count,
		.counter_count = (uint32_t)m->policy->counter_count,
		.policy = verdict_number(m->policy->end),
		.override_others = m->policy->override_others,
		.tries_spares = m->policy->label_count > 0,
		.asks_interface = m->layout->asks_interface,
	};
	for (i = 0; i < sources->count; i++)
		header->text_bytes += sources->files[i]->length;
	add_origin(m, header);
	add_section(m, ABI_HEADER_SECTION, header, sizeof(*header));
	return header;
}

static void add_prefixes(struct metadata *m)
{
	add_section(m, ABI_PREFIXES_SECTION, m->layout->prefixes,
		    m->layout->prefix_count * sizeof(*m->layout->prefixes));
}

static void add_labels(struct metadata *m)
{
	size_t i, count = m->policy->label_count;
	struct abi_label *labels = records(m, count, sizeof(*labels));

	for (i = 0; i < count; i++)
		labels[i] = (struct abi_label){
			.name = object_strings_add_name(&m->strings, m->policy->labels[i].name),
			.flow_classes = m->layout->label_flow_classes
						? m->layout->label_flow_classes[i]
						: 0,
		};
	add_section(m, ABI_LABELS_SECTION, labels, count * sizeof(*labels));
}

static void add_interfaces(struct metadata *m)
{
	size_t i, count = m->policy->interface_count;
	struct abi_interface *interfaces = records(m, count, sizeof(*interfaces));

	for (i = 0; i < count; i++)
		interfaces[i] = (struct abi_interface){
			.name = object_strings_add_name(&m->strings, m->policy->interfaces[i].name),
			.required = m->policy->interfaces[i].required,
			.is_wildcard = m->policy->interfaces[i].is_wildcard,
		};
	add_section(m, ABI_INTERFACES_SECTION, interfaces, count * sizeof(*interfaces));
}

/* SCRATCH is for the rule's text, of which the strings keep a copy. */
static struct abi_rule rule_record(struct metadata *m, struct arena *scratch,
				   const struct chain *chain, const struct rule *rule)
{
	struct record_location location = locate(m, rule->span);

	return (struct abi_rule){
		.text = text_of(m, rule->span),
		.chain = object_strings_add_name(&m->strings, chain->name),
		.file = location.file,
		.line = location.line,
		.column = location.column,
		.counter = rule->counter,
		.expanded = object_strings_add_name(&m->strings,
						    policy_rule_text(scratch, m->policy, rule)),
	};
}

static void add_rules(struct metadata *m)
{
	struct arena *scratch = arena_new();
	struct abi_rule *rules, *next;
	size_t i, j, count = 0;

	for (i = 0; i < m->policy->chain_count; i++)
		count += m->policy->chains[i].count;
	next = rules = records(m, count, sizeof(*rules));
	for (i = 0; i < m->policy->chain_count; i++)
		for (j = 0; j < m->policy->chains[i].count; j++)
			*next++ = rule_record(m, scratch, &m->policy->chains[i],
					      &m->policy->chains[i].rules[j]);
	arena_free(scratch);
	add_section(m, ABI_RULES_SECTION, rules, count * sizeof(*rules));
}

static struct abi_socket socket_record(struct metadata *m,
				       const struct socket_declaration *declaration,
				       const struct declared_endpoint *endpoint)
{
	struct record_location location = locate(m, endpoint->span);
	struct abi_socket record = {
		.label = declaration->label,
		.protocol = protocol_number(endpoint->protocol),
		.family = endpoint->any_family ? AF_UNSPEC : family_number(endpoint->family),
		.port = endpoint->port,
		.uid = object_strings_add_name(&m->strings, declaration->uid),
		.cgroup = object_strings_add_name(&m->strings, declaration->cgroup),
		.file = location.file,
		.line = location.line,
		.any_address = endpoint->any_address,
		.device = object_strings_add_name(&m->strings, endpoint->device),
	};

	if (!endpoint->any_address)
		address_bytes(record.address, endpoint->family, endpoint->address);
	return record;
}

static void add_sockets(struct metadata *m)
{
	const struct policy *policy = m->policy;
	struct abi_socket *sockets, *next;
	size_t i, j, count = 0;

	for (i = 0; i < policy->socket_count; i++)
		count += policy->sockets[i].endpoint_count;
	next = sockets = records(m, count, sizeof(*sockets));
	for (i = 0; i < policy->socket_count; i++)
		for (j = 0; j < policy->sockets[i].endpoint_count; j++)
			*next++ = socket_record(m, &policy->sockets[i],
						&policy->sockets[i].endpoints[j]);
	add_section(m, ABI_SOCKETS_SECTION, sockets, count * sizeof(*sockets));
}

static struct abi_expect expect_record(struct metadata *m, const struct expect *expect)
{
	const struct packet *packet = &expect->packet;
	struct record_location location = locate(m, expect->span);
	struct abi_expect record = {
		.text = text_of(m, expect->span),
		.file = location.file,
		.line = location.line,
		.family = family_number(packet->family),
		.protocol = protocol_number(packet->protocol),
		.remote_port = (uint32_t)packet->values[FIELD_SPORT],
		.local_port = (uint32_t)packet->values[FIELD_DPORT],
		.interface = (uint32_t)packet->values[FIELD_IIFNAME],
		.verdict = verdict_number(expect->verdict.kind),
		.label = expect->verdict.target,
		.has_source = expect->has_source,
	};

	address_bytes(record.remote_address, packet->family, packet->values[FIELD_SADDR]);
	address_bytes(record.local_address, packet->family, packet->values[FIELD_DADDR]);
	return record;
}

static void add_expects(struct metadata *m)
{
	size_t i, count = m->policy->expect_count;
	struct abi_expect *expects = records(m, count, sizeof(*expects));

	for (i = 0; i < count; i++)
		expects[i] = expect_record(m, &m->policy->expects[i]);
	add_section(m, ABI_EXPECTS_SECTION, expects, count * sizeof(*expects));
}

static void add_definitions(struct metadata *m)
{
	size_t i, count = m->policy->definition_count;
	uint32_t *definitions = records(m, count, sizeof(*definitions));

	for (i = 0; i < count; i++)
		definitions[i] = object_strings_add_name(&m->strings, m->policy->definitions[i]);
	add_section(m, ABI_DEFINITIONS_SECTION, definitions, count * sizeof(*definitions));
}

static void add_text_names(struct metadata *m)
{
	const struct sources *sources = m->policy->sources;
	struct abi_text *texts = records(m, sources->count, sizeof(*texts));
	size_t i;

	for (i = 0; i < sources->count; i++)
		texts[i] = (struct abi_text){
			.name = object_strings_add_name(
				&m->strings,
				escape_non_utf8(m->arena, sources->files[i]->stored_name)),
			.bytes = sources->files[i]->length,
		};
	add_section(m, ABI_TEXTS_SECTION, texts, sources->count * sizeof(*texts));
}

/* Compresses the text of all files as one stream. Positions in the rules' text have 32 bits, so
 * each length fits into zlib's uInt. */
static int deflate_files(z_stream *stream, const struct sources *sources)
{
	int status = Z_OK;
	size_t i;

	for (i = 0; i < sources->count && status == Z_OK; i++) {
		if (!sources->files[i]->length)
			continue;
		stream->next_in = (Bytef *)(uintptr_t)sources->files[i]->text;
		stream->avail_in = (uInt)sources->files[i]->length;
		status = deflate(stream, Z_NO_FLUSH);
	}
	return status == Z_OK ? deflate(stream, Z_FINISH) : status;
}

static const char *add_texts(struct metadata *m)
{
	const struct sources *sources = m->policy->sources;
	z_stream stream = {0};
	size_t i, total = 0, bound;
	unsigned char *bytes;
	int status;

	for (i = 0; i < sources->count; i++)
		total += sources->files[i]->length;
	if (deflateInit(&stream, Z_BEST_SPEED) != Z_OK)
		arena_out_of_memory();
	bound = deflateBound(&stream, total);
	if (bound > UINT32_MAX) {
		deflateEnd(&stream);
		return "compress the rules' text: it is larger than 4 GiB";
	}
	stream.next_out = bytes = arena_alloc(m->arena, bound, 1);
	stream.avail_out = (uInt)bound;
	status = deflate_files(&stream, sources);
	add_section(m, ABI_TEXT_SECTION, bytes, stream.total_out);
	deflateEnd(&stream);
	return status == Z_STREAM_END ? NULL : "compress the rules' text";
}

const char *object_metadata_add(struct arena *arena, struct elf_writer *elf,
				const struct policy *policy, const struct layout_object *layout)
{
	struct metadata m = {arena, elf, policy, layout, {.arena = arena}};
	struct abi_header *header;
	const char *error;

	object_strings_add_name(&m.strings, "");
	add_labels(&m);
	add_interfaces(&m);
	add_rules(&m);
	add_sockets(&m);
	add_expects(&m);
	add_definitions(&m);
	add_prefixes(&m);
	add_text_names(&m);
	error = add_texts(&m);
	/* Its strings name the back end. As the last ones they move no others. */
	header = add_header(&m);
	add_section(&m, ABI_STRINGS_SECTION, m.strings.bytes, m.strings.count);
	header->checksum = elf_checksum(elf, ABI_TEXT_SECTION);
	return m.strings.full ? "the rules' strings are larger than 4 GiB" : error;
}
