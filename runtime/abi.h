/* The object file as both sides know it: what the compiler writes and the runtime, or anyone's
 * loader, reads. All numbers are little endian as on the machine; the object is made for its own
 * byte order, as every BPF object is. */
#ifndef SKLC_ABI_H
#define SKLC_ABI_H

#include <stdint.h>

#define ABI_VERSION 2

#define ABI_PROGRAM_SECTION "sk_lookup" /* exactly: libbpf takes no other */
#define ABI_PROGRAM_NAME    "sklc"
#define ABI_CALLED_SECTION  ".text" /* of functions that it calls, if any: libbpf's word too */
#define ABI_LICENSE         "Dual BSD/GPL"

/* Maps, as named in `.maps`. */
#define ABI_SOCKETS       "sockets"       /* SOCKMAP: u32 slot -> u64 */
#define ABI_RULE_COUNTERS "rule_counters" /* PERCPU_ARRAY: u32 counter -> u64 */
#define ABI_LABEL_COUNTERS                                                                         \
	"label_counters" /* PERCPU_ARRAY: u32 label * 4 + place -> struct abi_label_count */
#define ABI_SPARE_MARKS "spare_marks" /* ARRAY: u32 block -> struct abi_spare_marks */
#define ABI_PREFIXES                                                                               \
	"prefixes" /* LPM_TRIE: struct abi_prefix_key -> u32; with --tables lpm alone */

/* Read-only data sections, each a map of one value. */
#define ABI_TABLES ".rodata" /* the decision's tables; may be absent */
#define ABI_MACHINE                                                                                \
	".rodata.machine" /* u32 slots[labels * 4] (slot words), then u32 interfaces[interfaces]; never empty */

#define ABI_SLOT_CAPACITY 65536

/* The four places of a label. Its slot for a place, by default, is 4 * label + place. */
#define ABI_FLOW_CLASSES                4
#define ABI_FLOW_CLASS(is_ipv6, is_udp) (2 * ((is_ipv6) ? 1 : 0) + ((is_udp) ? 1 : 0))

/* The number of an interface that the machine does not have: no match on it holds. */
#define ABI_INTERFACE_UNKNOWN UINT32_MAX

#define ABI_LABEL_NAME_MAX 63 /* bytes, without the NUL */

struct abi_label_count {
	uint64_t hits;   /* a socket took the packet */
	uint64_t misses; /* no socket stood there, or it could not take it */
};

/* Names in the state's folder of a network namespace, for those who want to read or fill the maps. */
#define ABI_PIN_STATE       "state" /* the version of all this */
#define ABI_PIN_LINK        "link"
#define ABI_PIN_SOCKETS     "sockets" /* the socket map */
#define ABI_PIN_LABELS      "labels"  /* HASH: char[ABI_LABEL_KEY] -> struct abi_label_slots */
#define ABI_PIN_SPARE_MARKS ABI_SPARE_MARKS
/* and in the folder of a generation, `g` and its number, which is its program's: */
#define ABI_PIN_PROGRAM        "program"
#define ABI_PIN_OBJECT         "object" /* the object's bytes, as one array element */
#define ABI_PIN_RULE_COUNTERS  ABI_RULE_COUNTERS
#define ABI_PIN_LABEL_COUNTERS ABI_LABEL_COUNTERS

#define ABI_LABEL_KEY (ABI_LABEL_NAME_MAX + 1) /* a label's name, filled up with zeros */

struct abi_label_slots {
	uint32_t slots[ABI_FLOW_CLASSES]; /* slot words */
};

/* A slot word: the slot in the lower half; 3 bits, how often 2 is in the number of its blocks of spare slots; and 13
 * bits, the first of these blocks, which stand in a row and count from 1; 0: none. They hold the other members
 * of a SO_REUSEPORT group, and other sockets to go on with when the one in the slot is gone; they follow the slots
 * of all labels in the socket map. */
#define ABI_SLOT(word)        ((word)&UINT32_C(0xffff))
#define ABI_SPARE_RUN(word)   (UINT32_C(1) << ((word) >> 16 & 7)) /* blocks */
#define ABI_SPARE_BLOCK_SHIFT 19
#define ABI_SPARE_BLOCK(word) ((word) >> ABI_SPARE_BLOCK_SHIFT)
#define ABI_SPARE_WORD(block, doublings)                                                           \
	((uint32_t)(block) << ABI_SPARE_BLOCK_SHIFT | (uint32_t)(doublings) << 16)
#define ABI_SPARE_RUN_MAX        16
#define ABI_SPARES               15 /* in a block */
#define ABI_SPARE_BLOCKS         4096
#define ABI_SPARE_SLOT(block, i) (ABI_SLOT_CAPACITY + ((block)-1) * ABI_SPARES + (i))
#define ABI_SOCKETS_MAX          (ABI_SLOT_CAPACITY + ABI_SPARE_BLOCKS * ABI_SPARES)

/* At the first block of a word, for each of its blocks: 0 where nobody was ever put into it, and nobody needs to
 * look. Whoever puts a socket there says so first. */
struct abi_spare_marks {
	uint8_t used[ABI_SPARE_RUN_MAX];
};

/* Which of these is the mark of a block: programs read four as one number, the first as its lowest byte. */
#define ABI_SPARE_MARK(i) ((i) ^ (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 3 : 0))

/* Data for the runtime, in sections that loaders pass over. Each is an array of its record; names and
 * texts are offsets into the strings section, whose last byte is NUL; ABI_NO_STRING is none. */
#define ABI_HEADER_SECTION      "sklc.header" /* one struct abi_header */
#define ABI_STRINGS_SECTION     "sklc.strings"
#define ABI_LABELS_SECTION      "sklc.labels"     /* struct abi_label */
#define ABI_INTERFACES_SECTION  "sklc.interfaces" /* struct abi_interface */
#define ABI_RULES_SECTION       "sklc.rules" /* struct abi_rule: every rule of every chain in order */
#define ABI_SOCKETS_SECTION     "sklc.sockets" /* struct abi_socket */
#define ABI_EXPECTS_SECTION     "sklc.expects" /* struct abi_expect */
#define ABI_DEFINITIONS_SECTION "sklc.defines" /* uint32_t strings: "NAME=VALUE" of each -D */
/* struct abi_prefix: what a loader puts into the map of prefixes */
#define ABI_PREFIXES_SECTION "sklc.prefixes"
#define ABI_TEXTS_SECTION    "sklc.texts" /* struct abi_text: the files, in order of reading */
#define ABI_TEXT_SECTION     "sklc.text"  /* zlib: the bytes of all files, one after the other */

#define ABI_MAGIC      0x636c6b73 /* "sklc" */
#define ABI_NO_STRING  UINT32_MAX
#define ABI_NO_COUNTER UINT32_MAX

struct abi_header {
	uint32_t magic;
	uint32_t version; /* ABI_VERSION */
	uint32_t label_count;
	uint32_t interface_count;
	uint32_t counter_count;   /* rules with `counter` */
	uint32_t policy;          /* an enum abi_verdict: pass or drop */
	uint64_t text_bytes;      /* length of all texts, uncompressed */
	uint32_t override_others; /* redirects replace what earlier programs on the hook chose */
	uint32_t tries_spares;    /* on a miss; otherwise its slot words must name no block */
};

enum abi_verdict { ABI_PASS, ABI_DROP, ABI_REDIRECT };

struct abi_label {
	uint32_t name;
	uint32_t flow_classes; /* bits 1 << flow class: those that rules redirect */
};

struct abi_interface {
	uint32_t name;
	uint32_t required; /* must exist at apply */
};

struct abi_rule {
	uint32_t text;    /* the rule as written */
	uint32_t chain;   /* its chain's name; ABI_NO_STRING: the top level */
	uint32_t file;    /* index into the texts */
	uint32_t line;    /* from 1 */
	uint32_t column;  /* from 1 */
	uint32_t counter; /* index, or ABI_NO_COUNTER */
	uint32_t
		expanded; /* the rule as the policy dump writes it: its identity; or ABI_NO_STRING */
};

struct abi_socket {
	uint32_t label;    /* index */
	uint32_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	uint32_t family;   /* AF_INET, AF_INET6; AF_UNSPEC: either, for `*` */
	uint32_t port;
	uint8_t address[16]; /* network order, in the first 4 bytes for IPv4; zero: any */
	uint32_t uid;        /* a user's name or number, or ABI_NO_STRING */
	uint32_t cgroup;     /* a path, or ABI_NO_STRING */
	uint32_t file, line;
	uint32_t any_address; /* `*`: whatever address it is bound to */
};

struct abi_expect {
	uint32_t text; /* as written */
	uint32_t file, line;
	uint32_t family;                               /* AF_INET, AF_INET6 */
	uint32_t protocol;                             /* IPPROTO_TCP, IPPROTO_UDP */
	uint8_t remote_address[16], local_address[16]; /* network order */
	uint32_t remote_port, local_port;              /* host order */
	uint32_t interface; /* index it came in by; UINT32_MAX: one that no rule names */
	uint32_t verdict;   /* enum abi_verdict */
	uint32_t label;     /* of a redirect */
	uint32_t has_source;
};

/* A word of a packet below a node of the decision; both in network order. */
struct abi_prefix_key {
	uint32_t bits; /* 32, all of the node's, and those of the word's prefix */
	uint32_t node;
	uint64_t word; /* one of fewer bits stands in the upper ones */
};

enum { ABI_PREFIX_BITS = 32 + 64 }; /* of one word of one node */

struct abi_prefix {
	struct abi_prefix_key key;
	uint32_t value;
	uint32_t reserved;
};

#define ABI_COMMAND_LINE "<command line>" /* the name of the text of a -D */

struct abi_text {
	uint32_t name;
	uint32_t reserved;
	uint64_t bytes;
};

#endif
