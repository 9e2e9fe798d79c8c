#pragma once
/* "user[:group]" of an image or command line, resolved in the container's own /etc/passwd and
 * /etc/group by our own parser: never through the host's name service (R6, T19, T20). */
#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

#define USER_GROUPS_MAX 256
struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX]; /* supplementary, gid included */
	size_t n_groups;
	char home[256]; /* "/" when unknown */
};
/* NULL or "" is root. An all-digits part is a number or an error, never a name. -EINVAL, -ENOENT.
 */
int user_resolve(int rootfd, const char *text, struct user *ret, struct err *e);
/* More supplementary groups, by name or number; those that are there already are not added again.
 */
int user_add_groups(int rootfd, const struct strv *groups, struct user *, struct err *e);
