/* Says why the follower does not put listeners behind their labels as they come. */
#include "problems.h"

#include "runtime/object/object.h"
#include "runtime/sockets/sockets.h"

/* What is wrong; NULL: nothing, or nothing that can be mended. */
static const char *words_of(const struct object *object, enum following following)
{
	if (!object->socket_count)
		return following == FOLLOW_OTHER
			       ? "the follower still puts listeners behind labels by "
				 "declarations that are not in force"
			       : NULL;
	switch (following) {
	case FOLLOWING:
	case FOLLOW_MORE:
		return NULL;
	case FOLLOW_NONE:
		return can_follow() ? "listeners are not followed: there is no follower" : NULL;
	case FOLLOW_BROKEN:
		return "listeners are not followed: pins of the follower are missing";
	case FOLLOW_DETACHED:
		return "listeners are not followed: the follower's program is not attached";
	case FOLLOW_ABSENT:
		return "listeners are not followed: the follower does not know this network "
		       "namespace";
	case FOLLOW_OTHER:
		return "listeners are not followed rightly: the follower has other declarations "
		       "than those in force";
	case FOLLOW_UNSEEN:
		return "it cannot be told whether listeners are followed: this needs the "
		       "capability CAP_SYS_ADMIN";
	default:
		return "it cannot be told whether listeners are followed";
	}
}

int problems_of_following(const struct object *object, enum following following,
			  struct problems *problems)
{
	const char *words = words_of(object, following);
	const char *mend = following == FOLLOW_UNSEEN ? "run `sklc status` as root"
						      : "call `sklc sync`";

	return words ? problem_add(problems, NULL, mend, "%s", words) : 0;
}
