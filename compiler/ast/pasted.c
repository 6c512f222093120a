/* Reports parts of nft's rulesets that do not exist here. */
#include "failure.h"

#include "skl.tab.h"

#include <string.h>

static const char *const commands_of_nft[] = {"add",   "create", "delete",  "destroy",
					      "flush", "insert", "replace", NULL};
static const char *const parts_of_nft_rules[] = {
	"arp",   "ct",    "dnat", "dup",  "ether",      "fib",     "flags", "flow",
	"fwd",   "limit", "log",  "mark", "masquerade", "notrack", "oif",   "oifname",
	"queue", "quota", "rt",   "snat", "synproxy",   "vlan",    NULL};

static const char *const lines_of_nft_sets[] = {"size",    "timeout", "gc-interval", "policy",
						"comment", "counter", "quota",       "limit",
						"last",    NULL};
static const char *const parts_of_nft_elements[] = {"timeout", "expires", "comment", "counter",
						    NULL};
static const char *const programs[] = {"nft",     "iptables", "ip6tables", "ebtables", "ipset",
				       "ipvsadm", "ufw",      "sudo",      "sklc",     NULL};

/* The type of a set of nft's `typeof ip saddr`, as far as it is one key. */
static const char *type_of_nft(const struct failure *f)
{
	struct span rest = rest_from(f, f->span.end + 1), word = word_at(f, rest.first), next;

	for (next = word_after(f, word); next.first < next.end; next = word_after(f, word))
		word = next;
	switch (skl_keyword(source_text(f->p->sources, word), word.end - word.first)) {
	case TOKEN_SADDR:
	case TOKEN_DADDR:
		return "addr";
	case TOKEN_SPORT:
	case TOKEN_DPORT:
		return "port";
	case TOKEN_IIF:
	case TOKEN_IIFNAME:
		return "ifname";
	default:
		return NULL;
	}
}

/* Lines of sets, and parts of their elements. */
static bool say_pasted_set(const struct failure *f)
{
	struct span rest = rest_from(f, f->span.first);
	const char *type;

	if (!is_expected(f, TOKEN_ELEMENTS) && !(f->p->list_depth && is_expected(f, TOKEN_COMMA) &&
						 found_is_any(f, parts_of_nft_elements)))
		return false;
	if (found_is(f, "typeof")) {
		type = memchr(source_text(f->p->sources, rest), '.', rest.end - rest.first)
			       ? NULL
			       : type_of_nft(f);
		say_mend(f, type ? rest : f->span,
			 type ? arena_printf(f->p->arena, "type %s", type) : "type",
			 "what stands in a set or a map is its 'type' here");
		return true;
	}
	if (!found_is_any(f, f->p->list_depth ? parts_of_nft_elements : lines_of_nft_sets))
		return false;
	diag_error(f->p->diag, f->span,
		   "%s of nft has no meaning here: a set is its elements, and "
		   "nothing is kept with them",
		   found_text(f));
	return true;
}

/* Lines of a shell's script, and what iptables-save writes. */
static bool say_command(const struct failure *f)
{
	const char *text = source_text(f->p->sources, f->span);

	if (!is_expected(f, TOKEN_DEFINE) || takes_any_name(f))
		return false;
	if (found_is_any(f, programs))
		diag_error(f->p->diag, f->span, "%s begins a command, not a rule", found_text(f));
	else if (f->found == TOKEN_DASH && ((text[1] | 0x20) >= 'a' && (text[1] | 0x20) <= 'z') &&
		 is_blank(text[2]))
		diag_error(f->p->diag, f->span, "'-%c' is an option of a command, not a rule",
			   text[1]);
	else
		return false;
	diag_note(f->p->diag, (struct span){0, 0},
		  "a rule is matches and then a verdict, like 'tcp dport 80 redirect to web'");
	return true;
}

bool say_pasted(const struct failure *f)
{
	struct diag *diag = f->p->diag;

	if (say_pasted_set(f) || say_command(f))
		return true;
	if (!is_expected(f, TOKEN_PASS) || !is_expected(f, TOKEN_META) || !found_is_word(f))
		return false;
	if (found_is(f, "table")) {
		diag_error(diag, f->span, "there are no tables here, unlike in nft");
		diag_note(diag, (struct span){0, 0},
			  "write the rules themselves, one a line; 'policy' and 'set' stand beside "
			  "them, and 'chain' only holds rules to jump to");
		return true;
	}
	if (is_hook(f)) {
		diag_error(diag, f->span, "a chain has no type or hook here, unlike in nft");
		diag_note(diag, (struct span){0, 0},
			  "rules for every packet stand at the top level of the file, with "
			  "'policy pass' or 'policy drop' beside them");
		return true;
	}
	if (found_is_any(f, commands_of_nft)) {
		diag_error(diag, f->span, "%s is a command of nft, not a rule", found_text(f));
		diag_note(diag, (struct span){0, 0},
			  "a file holds all the rules, and 'sklc apply' replaces them at once");
		return true;
	}
	if (found_is_any(f, parts_of_nft_rules)) {
		diag_error(diag, f->span, "%s of nft has no meaning here", found_text(f));
		diag_note(diag, (struct span){0, 0},
			  "rules look at the protocol, addresses, ports and interface of a new "
			  "connection or datagram, and choose its socket; nft sees packets before "
			  "them");
		return true;
	}
	return false;
}
