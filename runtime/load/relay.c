/* A packet of the channel is a head, then each string whose bit is set in the head, with its
 * NUL. */
#include "relay.h"

#include <string.h>
#include <sys/socket.h>

enum {
	RELAY_MAGIC = 0x79616c72, /* "rlay" */
	TEXT_MAX = 4096,
	DETAILS_MAX = 1 << 16,
};

enum { STRING_TEXT, STRING_NAME, STRING_DETAILS, STRING_FILE, STRING_LINE, STRING_COUNT };

struct head {
	uint32_t magic;
	uint32_t severity;
	uint32_t strings; /* bits 1 << STRING_... */
	uint32_t line;
	uint64_t first, end;
};

struct packet {
	struct head head;
	char strings[RELAY_PACKET_MAX - sizeof(struct head)];
};

static size_t add_string(struct packet *packet, size_t size, unsigned int number, const char *text,
			 size_t limit)
{
	size_t length = text ? strnlen(text, limit) : 0;

	if (!text)
		return size;
	packet->head.strings |= 1u << number;
	memcpy(packet->strings + size, text, length);
	packet->strings[size + length] = '\0';
	return size + length + 1;
}

static bool send_message(struct report *report, const struct message *message)
{
	const struct relay *relay = (const struct relay *)report;
	const struct excerpt *excerpt = message->excerpt;
	struct packet packet = {.head = {.magic = RELAY_MAGIC, .severity = message->severity}};
	size_t size = add_string(&packet, 0, STRING_TEXT, message->text, TEXT_MAX);

	size = add_string(&packet, size, STRING_NAME, message->name, TEXT_MAX);
	size = add_string(&packet, size, STRING_DETAILS, message->details, DETAILS_MAX);
	if (excerpt) {
		packet.head.line = excerpt->line;
		packet.head.first = excerpt->first;
		packet.head.end = excerpt->end;
		size = add_string(&packet, size, STRING_FILE, excerpt->file, TEXT_MAX);
		size = add_string(&packet, size, STRING_LINE, excerpt->text, TEXT_MAX);
	}
	send(relay->channel, &packet, sizeof(packet.head) + size, MSG_NOSIGNAL);
	return message->severity == SEVERITY_ERROR;
}

struct relay relay_to(int channel)
{
	return (struct relay){{send_message}, channel};
}

/* Finds the strings; false if one has no NUL within the packet, or the text is missing. */
static bool find_strings(const struct head *head, const char *at, const char *end,
			 const char *strings[STRING_COUNT])
{
	for (unsigned int i = 0; i < STRING_COUNT; i++) {
		const char *nul = memchr(at, '\0', (size_t)(end - at));

		strings[i] = NULL;
		if (!(head->strings & 1u << i))
			continue;
		if (!nul)
			return false;
		strings[i] = at;
		at = nul + 1;
	}
	return strings[STRING_TEXT];
}

bool relay_take(const void *packet, size_t size, struct report *report)
{
	const char *strings[STRING_COUNT];
	struct message message = {0};
	struct excerpt excerpt = {0};
	struct head head;

	if (size < sizeof(head))
		return false;
	memcpy(&head, packet, sizeof(head));
	if (head.magic != RELAY_MAGIC || head.severity > SEVERITY_ERROR ||
	    !find_strings(&head, (const char *)packet + sizeof(head), (const char *)packet + size,
			  strings))
		return false;
	message.severity = (enum severity)head.severity;
	message.text = strings[STRING_TEXT];
	message.name = strings[STRING_NAME];
	message.details = strings[STRING_DETAILS];
	excerpt.file = strings[STRING_FILE];
	excerpt.line = head.line;
	excerpt.text = strings[STRING_LINE];
	if (excerpt.file && excerpt.text && head.first <= head.end &&
	    head.end <= strlen(excerpt.text)) {
		excerpt.first = head.first;
		excerpt.end = head.end;
		message.excerpt = &excerpt;
	}
	report->take(report, &message);
	return true;
}
