/* The object file: what the compiler writes and the runtime, or any other loader, reads. All
 * numbers are in the byte order that the object is made for, which is the host's, as in every BPF
 * object. */
#ifndef SKLC_ABI_H
#define SKLC_ABI_H

#include <stddef.h>
#include <stdint.h>

#define ABI_VERSION 4

/* What the runtime also reads: kept state has objects of the versions before. Version 3 has its
 * tables in read-only data, the host's words as they are (see ABI_HOST_WORD) in a section of its
 * own, with the numbers of interfaces, which programs compare (ABI_INTERFACE_3_BYTES), and no checksum
 * (ABI_HEADER_3_BYTES). In version 2 the host's words are read-only data too, declared sockets have
 * no device (ABI_SOCKET_2_BYTES), and the header does not say who made the object
 * (ABI_HEADER_2_BYTES). */
#define ABI_VERSION_OLDEST 2
#define ABI_MACHINE_2      ".rodata.machine"
#define ABI_MACHINE_3      ".data.machine"

#define ABI_PROGRAM_SECTION "sk_lookup" /* the only name that libbpf takes */
#define ABI_PROGRAM_NAME    "sklc"
#define ABI_CALLED_SECTION  ".text" /* its subprograms, if it has any; also libbpf's name */
#define ABI_LICENSE         "Dual BSD/GPL"

/* Maps, as named in `.maps`. */
#define ABI_SOCKETS       "sockets"       /* SOCKMAP: u32 slot -> u64 */
#define ABI_RULE_COUNTERS "rule_counters" /* PERCPU_ARRAY: u32 counter -> u64 */
#define ABI_LABEL_COUNTERS                                                                         \
	"label_counters" /* PERCPU_ARRAY: u32 label * 4 + flow class -> struct abi_label_count */
#define ABI_SPARE_MARKS "spare_marks" /* ARRAY: u32 block -> struct abi_spare_marks */
#define ABI_PREFIXES    "prefixes" /* LPM_TRIE: struct abi_prefix_key -> u32; only with --tables lpm */
/* HASH: u32 number of an interface -> u32 class; only where rules match on interfaces. It is empty in the object, and
 * not frozen: the runtime follows interfaces by writing to it. An interface that it does not have is of the class in
 * .bss. */
#define ABI_INTERFACES     "interfaces"
#define ABI_INTERFACES_MAX 65536 /* interfaces of a host that have a class of their own */
/* ARRAY: u32 number of an interface % ABI_NEAR -> u64 ABI_NEAR_ENTRY of one interface, of whatever class, or 0. The
 * program looks here first, since that takes 1 ns where the map of interfaces takes 25; entries may be missing. */
#define ABI_NEAR_INTERFACES           "near_interfaces"
#define ABI_NEAR                      4096
#define ABI_NEAR_ENTRY(number, class) ((uint64_t)(number) << 32 | (class))

/* Data sections, each a map of one value; they have these names since some loaders know no others.
 * The tables may be absent. Every loader freezes those in read-only data. The words of the host are
 * not frozen, so the runtime can give a label other slots while the program runs: u32
 * slots[labels * 4] (as ABI_HOST_WORD), then, where there is the map of interfaces, the u32 class of
 * all interfaces that it does not have; never empty. All of them are 0 in the object. */
#define ABI_TABLES        ".data"
#define ABI_TABLES_FROZEN ".rodata"
#define ABI_MACHINE       ".bss"

/* Converts the slot word of a label index to what .bss has for it, and back. With 0 in .bss a label
 * has its default slot. */
#define ABI_HOST_WORD(word, index) ((uint32_t)(word) ^ (uint32_t)(index))

#define ABI_SLOT_CAPACITY 65536

/* A flow class is the family and protocol of a packet or a socket. A label has a slot for each; the
 * default slot is 4 * label + flow class. */
#define ABI_FLOW_CLASSES                4
#define ABI_FLOW_CLASS(is_ipv6, is_udp) (2 * ((is_ipv6) ? 1 : 0) + ((is_udp) ? 1 : 0))

/* Classes of interfaces. No match holds for an interface that is not known, as all are until the
 * runtime has said which there are. Class 1 and those that follow are the records of
 * ABI_INTERFACES_SECTION in order: an interface has the class of its exact name, else of the longest
 * wildcard that it matches, which is the last record that matches. All others have the class after
 * the last record. */
#define ABI_CLASS_NOT_KNOWN 0
#define ABI_CLASS_FIRST     1
#define ABI_RECORDS_MAX     65533 /* of ABI_INTERFACES_SECTION: a class has 16 bits */

/* The number of an interface that the host does not have. (Before version 4, programs compared the
 * packet's interface with numbers, which were words of .data.machine.) */
#define ABI_INTERFACE_UNKNOWN UINT32_MAX

#define ABI_LABEL_NAME_MAX 63 /* bytes, without the NUL */

struct abi_label_count {
	uint64_t hits;   /* the packet went to a socket of the label */
	uint64_t misses; /* no socket was in the slot, or it could not take the packet */
};

/* Names of pins in the folder that bpffs has for a network namespace, for programs that read or
 * fill the maps. */
#define ABI_PIN_STATE       "state" /* the version of the state */
#define ABI_PIN_LINK        "link"
#define ABI_PIN_SOCKETS     "sockets" /* the socket map */
#define ABI_PIN_SLOTS       "slots"   /* HASH: struct abi_slot_key -> struct abi_label_slots */
#define ABI_PIN_SPARE_MARKS ABI_SPARE_MARKS
/* Names of pins in the folder of a generation. The folder's name is `g` and the generation's
 * number. */
#define ABI_PIN_PROGRAM         "program"
#define ABI_PIN_OBJECT          "object" /* the object, compressed, as one array element */
#define ABI_PIN_KEYS            "keys"   /* struct abi_slot_key of each label; absent: no labels */
#define ABI_PIN_RULE_COUNTERS   ABI_RULE_COUNTERS
#define ABI_PIN_LABEL_COUNTERS  ABI_LABEL_COUNTERS
#define ABI_PIN_MACHINE         "machine" /* the words of the host */
#define ABI_PIN_INTERFACES      ABI_INTERFACES
#define ABI_PIN_NEAR_INTERFACES ABI_NEAR_INTERFACES

#define ABI_LABEL_KEY (ABI_LABEL_NAME_MAX + 1) /* a label's name, padded with zeros */

/* Slots belong to a label and to what it declares. So the sockets of rules that declare a label
 * anew never stand in the slots that the rules before still use. */
struct abi_slot_key {
	char label[ABI_LABEL_KEY];
	/* The first bytes of the SHA-256 of the endpoints that the label declares, with the numbers
	 * that this host has for users. All zero if it declares none: all generations share these
	 * slots. */
	uint8_t declaration[16];
};

struct abi_label_slots {
	uint32_t slots[ABI_FLOW_CLASSES]; /* slot words */
};

/* A slot word names a slot and the spare slots that go with it. Bits 0 to 15 are the slot. Spare
 * slots come in blocks of 15: bits 19 to 31 are the number of the first block, counted from 1, or 0
 * if there is none; bits 16 to 18 are n where the word has 2^n adjacent blocks. Spare slots hold
 * the other members of a SO_REUSEPORT group, and sockets that take over when the one in the slot is
 * gone. In the socket map they come after the slots of all labels. */
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

/* The entry at a word's first block has a byte for each of the word's blocks. 0: no socket was ever
 * put into the block, so the program does not look there. Set before a socket is put into it. */
struct abi_spare_marks {
	uint8_t used[ABI_SPARE_RUN_MAX];
};

/* The index in `used` of the mark of a word's block I. Programs load four marks as one 32-bit
 * number in the host's byte order, and its lowest byte must be the first of the four. */
#define ABI_SPARE_MARK(i) ((i) ^ (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 3 : 0))

/* Data for the runtime, in sections that other loaders ignore. Each is an array of one kind of
 * record. Names and texts are offsets into the strings section, whose last byte is NUL;
 * ABI_NO_STRING is none. */
#define ABI_HEADER_SECTION      "sklc.header" /* one struct abi_header */
#define ABI_STRINGS_SECTION     "sklc.strings"
#define ABI_LABELS_SECTION      "sklc.labels"     /* struct abi_label */
#define ABI_INTERFACES_SECTION  "sklc.interfaces" /* struct abi_interface */
#define ABI_RULES_SECTION       "sklc.rules" /* struct abi_rule: every rule of every chain in order */
#define ABI_SOCKETS_SECTION     "sklc.sockets" /* struct abi_socket */
#define ABI_EXPECTS_SECTION     "sklc.expects" /* struct abi_expect */
#define ABI_DEFINITIONS_SECTION "sklc.defines" /* uint32_t strings: "NAME=VALUE" of each -D */
/* struct abi_prefix: the entries that a loader puts into the map ABI_PREFIXES */
#define ABI_PREFIXES_SECTION "sklc.prefixes"
#define ABI_TEXTS_SECTION    "sklc.texts" /* struct abi_text: the files, in the order of reading */
#define ABI_TEXT_SECTION     "sklc.text"  /* zlib: the bytes of all files, one after the other */

#define ABI_MAGIC      0x636c6b73           /* "sklc" */
#define ABI_COMPILER   "sklc " SKLC_VERSION /* in the header: what made the object */
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
	uint32_t tries_spares; /* 1: the program looks into spare slots, as all do that have labels;
				   * 0: it has no code for them (before version 3, where rules
				   * declare no sockets), and its slot words must name no block */
	/* What makes the same object again from the texts and definitions in it. */
	uint32_t compiler;         /* name and version: "sklc 0.1.0" */
	uint32_t backend;          /* who wrote the program: "direct", "llvm 14.0.6" */
	uint32_t tables;           /* the word of --tables */
	uint32_t instructions_max; /* --instructions-max; 0: the default */
	uint64_t tables_max;       /* --tables-max, in bytes; 0: the default */
	uint32_t tables_frozen;    /* 1: the tables, if any, are in ABI_TABLES_FROZEN */
	/* Of the contents of the object, wherever in the file they are, as compiler/base/checksum.h
	 * says. In the header itself, this is then 0; of the compressed text zlib has one. */
	uint32_t checksum;
	uint32_t asks_interface; /* 1: the program looks interfaces up in the map of them */
	uint32_t parts;          /* --parts, an enum abi_parts */
};

enum abi_parts { ABI_PARTS_AUTO, ABI_PARTS_NEVER, ABI_PARTS_ALWAYS, ABI_PARTS_COUNT };

/* The headers of versions 2 and 3. */
enum {
	ABI_HEADER_2_BYTES = offsetof(struct abi_header, compiler),
	ABI_HEADER_3_BYTES = offsetof(struct abi_header, tables_frozen),
};

enum abi_verdict { ABI_PASS, ABI_DROP, ABI_REDIRECT };

struct abi_label {
	uint32_t name;
	uint32_t flow_classes; /* bits 1 << flow class: those that rules redirect to it */
};

struct abi_interface {
	uint32_t name;     /* of a wildcard, what the names begin with */
	uint32_t required; /* 1: apply fails if the host does not have it */
	uint32_t is_wildcard;
};

/* The record before version 4, and the class in an expect's packet was the index of one. */
enum { ABI_INTERFACE_3_BYTES = offsetof(struct abi_interface, is_wildcard) };

struct abi_rule {
	uint32_t text;     /* the rule as written */
	uint32_t chain;    /* its chain's name; ABI_NO_STRING: the top level */
	uint32_t file;     /* index into the texts */
	uint32_t line;     /* from 1 */
	uint32_t column;   /* from 1 */
	uint32_t counter;  /* index, or ABI_NO_COUNTER */
	uint32_t expanded; /* as the policy dump writes it: the rule's identity; or ABI_NO_STRING */
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
	uint32_t any_address; /* 1 for `*`: the socket may be bound to any address */
	uint32_t device;      /* an interface's name; ABI_NO_STRING: any, or none */
};

/* The record of version 2. */
enum { ABI_SOCKET_2_BYTES = offsetof(struct abi_socket, device) };

struct abi_expect {
	uint32_t text; /* as written */
	uint32_t file, line;
	uint32_t family;                               /* AF_INET, AF_INET6 */
	uint32_t protocol;                             /* IPPROTO_TCP, IPPROTO_UDP */
	uint8_t remote_address[16], local_address[16]; /* network order */
	uint32_t remote_port, local_port;              /* host order */
	uint32_t interface; /* its class; before version 4 an index, or UINT32_MAX: of no record */
	uint32_t verdict;   /* enum abi_verdict */
	uint32_t label;     /* of a redirect */
	uint32_t has_source;
};

/* A decision node and a word of the packet, which is compared at that node; both in network
 * order. */
struct abi_prefix_key {
	uint32_t bits; /* length of the prefix: 32 for the node, and the word's own */
	uint32_t node;
	uint64_t word; /* a shorter word is in the upper bits */
};

enum { ABI_PREFIX_BITS = 32 + 64 }; /* all bits of a node and a word */

struct abi_prefix {
	struct abi_prefix_key key;
	uint32_t value;
	uint32_t reserved;
};

#define ABI_COMMAND_LINE "<command line>" /* the name of the text that a -D option gives */

struct abi_text {
	uint32_t name;
	uint32_t reserved;
	uint64_t bytes;
};

#endif
