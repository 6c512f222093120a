/* Packs and unpacks objects: a head, then a zlib stream. Everything in the head is checked, though
 * only root can write it. */
#include "store.h"

#include "runtime/base/fail.h"
#include "runtime/object/object.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

enum {
	STORE_VERSION = 1,
	ZLIB_RATIO_MAX = 1032, /* zlib compresses at most so much to 1 */
	STORED_MAX = 1 << 30,  /* bytes of an object */
};

#define STORE_MAGIC 0x6f6c6b73 /* "sklo" */

struct head {
	uint32_t magic, version;
	uint64_t object_bytes;
	uint64_t tables_at, tables_bytes; /* where the tables are in the object; 0 bytes: they are
					   * in the stream, or there are none */
	uint64_t stream_bytes;
};

/* Compresses SIZE bytes; with Z_FINISH, to the end of the stream. */
static bool deflate_bytes(z_stream *stream, const void *bytes, size_t size, int flush)
{
	stream->next_in = (Bytef *)(uintptr_t)bytes;
	stream->avail_in = (uInt)size;
	if (!size && flush != Z_FINISH)
		return true;
	return deflate(stream, flush) == (flush == Z_FINISH ? Z_STREAM_END : Z_OK) &&
	       !stream->avail_in;
}

/* Compresses the bytes [FROM, TO) of the object, which are all before its text or all behind its
 * beginning; the text is compressed already. */
static bool deflate_range(const struct object *object, size_t from, size_t to, z_stream *stream)
{
	const char *bytes = object->image->bytes;
	size_t text_end = object->text_at + object->text_size;
	size_t end = from < object->text_at ? object->text_at : text_end;
	bool is_text = from >= object->text_at && from < text_end;

	if (end > to || from >= text_end)
		end = to;
	return deflateParams(stream, is_text ? Z_NO_COMPRESSION : Z_BEST_SPEED,
			     Z_DEFAULT_STRATEGY) == Z_OK &&
	       deflate_bytes(stream, bytes + from, end - from, Z_NO_FLUSH) &&
	       (end == to || deflate_range(object, end, to, stream));
}

/* Compresses the object but for tables that are apart. */
static bool deflate_object(const struct object *object, const struct head *head, z_stream *stream)
{
	return deflate_range(object, 0, (size_t)head->tables_at, stream) &&
	       deflate_range(object, (size_t)(head->tables_at + head->tables_bytes),
			     object->image->size, stream) &&
	       deflate_bytes(stream, NULL, 0, Z_FINISH);
}

/* Copies the one value of a map. -errno without a message. */
static int read_tables(int map, void *tables, size_t size)
{
	struct bpf_map_info info = {0};
	uint32_t info_size = sizeof(info), key = 0;

	if (map < 0)
		return -ENOENT;
	if (bpf_obj_get_info_by_fd(map, &info, &info_size))
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.max_entries != 1 || info.value_size != size)
		return -EINVAL;
	return bpf_map_lookup_elem(map, &key, tables) ? -errno : 0;
}

bool store_has_tables(const struct object *object, int map)
{
	const char *tables = (const char *)object->image->bytes + object->tables_at;
	autofree char *found = NULL;

	if (map < 0 || !object->tables_bytes)
		return false;
	found = malloc(object->tables_bytes);
	return found && read_tables(map, found, object->tables_bytes) == 0 &&
	       memcmp(found, tables, object->tables_bytes) == 0;
}

int store_pack(const struct object *object, bool tables_apart, void **bytes, size_t *size)
{
	const struct object_image *image = object->image;
	struct head head = {
		.magic = STORE_MAGIC, .version = STORE_VERSION, .object_bytes = image->size};
	z_stream stream = {0};
	unsigned char *packed;
	bool done;

	if (tables_apart) {
		head.tables_at = object->tables_at;
		head.tables_bytes = object->tables_bytes;
	}
	if (image->size > STORED_MAX || deflateInit(&stream, Z_BEST_SPEED) != Z_OK)
		return fail(object->report, image->size > STORED_MAX ? EFBIG : ENOMEM, "keep '%s'",
			    image->name);
	/* zlib adds at most 5 bytes to each block that it cannot make smaller. */
	stream.avail_out = (uInt)(image->size + image->size / 8 + 65536);
	packed = malloc(sizeof(head) + stream.avail_out);
	stream.next_out = packed ? packed + sizeof(head) : NULL;
	done = packed && deflate_object(object, &head, &stream);
	head.stream_bytes = stream.total_out;
	deflateEnd(&stream);
	if (!done) {
		free(packed);
		return fail(object->report, ENOMEM, "keep '%s'", image->name);
	}
	memcpy(packed, &head, sizeof(head));
	*bytes = packed;
	*size = sizeof(head) + (size_t)head.stream_bytes;
	return 0;
}

static bool read_head(const void *bytes, size_t size, struct head *head)
{
	if (size < sizeof(*head))
		return false;
	memcpy(head, bytes, sizeof(*head));
	return head->magic == STORE_MAGIC && head->version == STORE_VERSION &&
	       head->object_bytes <= STORED_MAX && head->tables_at <= head->object_bytes &&
	       head->tables_bytes <= head->object_bytes - head->tables_at &&
	       head->stream_bytes == size - sizeof(*head) &&
	       (head->object_bytes - head->tables_bytes) / ZLIB_RATIO_MAX <= head->stream_bytes;
}

bool store_is_apart(const void *bytes, size_t size)
{
	struct head head;

	return read_head(bytes, size, &head) && head.tables_bytes;
}

/* Reads SIZE bytes of the stream. */
static bool inflate_bytes(z_stream *stream, void *bytes, size_t size)
{
	int status = Z_OK;

	stream->next_out = bytes;
	stream->avail_out = (uInt)size;
	if (size)
		status = inflate(stream, Z_SYNC_FLUSH);
	return (status == Z_OK || status == Z_STREAM_END) && !stream->avail_out;
}

/* Whether the stream ends where it has been read to. */
static bool is_at_end(z_stream *stream)
{
	unsigned char none;

	stream->next_out = &none;
	stream->avail_out = 1;
	return inflate(stream, Z_FINISH) == Z_STREAM_END && stream->avail_out == 1 &&
	       !stream->avail_in;
}

static bool inflate_object(const void *bytes, const struct head *head, unsigned char *object)
{
	z_stream stream = {
		.next_in = (Bytef *)(uintptr_t)bytes + sizeof(*head),
		.avail_in = (uInt)head->stream_bytes,
	};
	size_t behind = (size_t)(head->tables_at + head->tables_bytes);
	bool done;

	if (inflateInit(&stream) != Z_OK)
		return false;
	done = inflate_bytes(&stream, object, (size_t)head->tables_at) &&
	       inflate_bytes(&stream, object + behind, (size_t)head->object_bytes - behind) &&
	       is_at_end(&stream);
	inflateEnd(&stream);
	return done;
}

int store_unpack(struct report *report, const void *bytes, size_t size, int tables,
		 const char *name, void **object, size_t *object_size)
{
	struct head head;
	unsigned char *unpacked;
	int err;

	*object = NULL;
	if (!read_head(bytes, size, &head))
		return refuse(report, EINVAL, "the stored object of %s is damaged", name);
	unpacked = malloc((size_t)head.object_bytes + 1);
	if (!unpacked)
		return fail(report, ENOMEM, "read the object of %s", name);
	err = head.tables_bytes
		      ? read_tables(tables, unpacked + head.tables_at, (size_t)head.tables_bytes)
		      : 0;
	if (err)
		fail(report, err, "read the tables of %s", name);
	else if (!inflate_object(bytes, &head, unpacked))
		err = refuse(report, EINVAL, "the stored object of %s is damaged", name);
	if (err) {
		free(unpacked);
		return err;
	}
	*object = unpacked;
	*object_size = (size_t)head.object_bytes;
	return 0;
}
