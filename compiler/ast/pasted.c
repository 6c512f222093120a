/* Reports parts of nft's rulesets that do not exist here. */
#include "failure.h"

#include "skl.tab.h"

static const char *const commands_of_nft[] = {"add",   "create", "delete",  "destroy",
					      "flush", "insert", "replace", NULL};
static const char *const parts_of_nft_rules[] = {
	"arp",   "ct",    "dnat", "dup",  "ether",      "fib",     "flags", "flow",
	"fwd",   "limit", "log",  "mark", "masquerade", "notrack", "oif",   "oifname",
	"queue", "quota", "rt",   "snat", "synproxy",   "vlan",    NULL};

bool say_pasted(const struct failure *f)
{
	struct diag *diag = f->p->diag;

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
