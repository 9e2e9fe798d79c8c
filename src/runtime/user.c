#include "runtime/user.h"
#include "base/fs.h"
#include "base/mem.h"

#include <string.h>

#define FILE_MAX (10u << 20)

/* Splits a passwd(5) or group(5) line in place; returns the number of fields. */
static size_t split(char *line, char **field, size_t max)
{
	size_t n = 0;

	while (n < max && line) {
		field[n++] = line;
		line = strchr(line, ':');
		if (line)
			*line++ = '\0';
	}
	return n;
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* Numbers up to 2^32-2; the last one means "no change" to the kernel. */
static int parse_id(const char *s, unsigned *ret)
{
	uint64_t value;

	if (strlen(s) > 1 && *s == '0')
		return -EINVAL; /* 0000 is a typing error or a trick, not root */
	if (str_to_u64(s, 0, 4294967294u, &value) < 0)
		return -EINVAL;
	*ret = (unsigned)value;
	return 0;
}

/* Reads etc/passwd or etc/group; a missing one is an empty one. */
static int read_table(int rootfd, const char *path, char **ret, struct err *e)
{
	int r = rfd_read_file(rootfd, path, FILE_MAX, ret, NULL, e);

	if (r == -ENOENT || r == -ENOTDIR) {
		*ret = xstrdup("");
		return 0;
	}
	return r;
}

struct lookup {
	const char *user, *group;
	bool user_found, group_found;
	char name[64]; /* of the user, for the members of groups */
};

static void scan_passwd(char *table, struct lookup *l, struct user *u, bool by_number)
{
	char *save = NULL, *field[7];

	for (char *line = strtok_r(table, "\n", &save); line && !l->user_found;
		line = strtok_r(NULL, "\n", &save)) {
		unsigned uid, gid;
		if (split(line, field, 7) < 6 || parse_id(field[2], &uid) < 0 ||
			parse_id(field[3], &gid) < 0)
			continue;
		if (by_number ? uid != u->uid : !str_eq(field[0], l->user))
			continue;
		l->user_found = true;
		u->uid = uid;
		u->gid = gid;
		snprintf(l->name, sizeof l->name, "%s", field[0]);
		if (field[5][0] == '/' && str_is_one_line(field[5]))
			snprintf(u->home, sizeof u->home, "%s", field[5]);
	}
}

static bool is_member(char *members, const char *name)
{
	char *save = NULL;

	for (char *m = strtok_r(members, ",", &save); m; m = strtok_r(NULL, ",", &save))
		if (str_eq(m, name))
			return true;
	return false;
}

static void scan_group(char *table, struct lookup *l, struct user *u, bool by_number)
{
	char *save = NULL, *field[4];

	for (char *line = strtok_r(table, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned gid;
		size_t n = split(line, field, 4);
		if (n < 3 || parse_id(field[2], &gid) < 0)
			continue;
		if (l->group && !by_number && !l->group_found && str_eq(field[0], l->group)) {
			l->group_found = true;
			u->gid = gid;
		}
		/* with a group of their own choosing a user has no others, as in Docker */
		if (!l->group && n == 4 && *l->name && is_member(field[3], l->name) &&
			gid != u->gid && u->n_groups < USER_GROUPS_MAX)
			u->groups[u->n_groups++] = gid;
	}
}

int user_resolve(int rootfd, const char *text, struct user *ret, struct err *e)
{
	auto_free char *copy = xstrdup(text && *text ? text : (text = "0")), *passwd = NULL,
		       *groups = NULL;
	char *colon = strchr(copy, ':');
	struct lookup l = { .user = copy };
	struct user u = { .home = "/", .n_groups = 1 };
	bool user_number, group_number = false;
	int r;

	if (colon) {
		*colon = '\0';
		l.group = colon + 1;
	}
	if (!*copy || (l.group && !*l.group) || !str_is_one_line(text))
		return err_set(e, EINVAL,
			"'%s' is not a user: expected NAME, UID, or either with "
			":GROUP or :GID",
			text);
	user_number = is_number(l.user);
	if (user_number && parse_id(l.user, &u.uid) < 0)
		return err_set(e, EINVAL, "'%s' is not a user id (0 to 4294967294)", l.user);
	if (l.group && (group_number = is_number(l.group)) && parse_id(l.group, &u.gid) < 0)
		return err_set(e, EINVAL, "'%s' is not a group id (0 to 4294967294)", l.group);
	r = read_table(rootfd, "etc/passwd", &passwd, e);
	if (r >= 0)
		r = read_table(rootfd, "etc/group", &groups, e);
	if (r < 0 && user_number && group_number) { /* they may be masked: numbers need no names */
		err_clear(e);
		u.groups[0] = u.gid;
		*ret = u;
		return 0;
	}
	if (r < 0)
		return err_wrap(e, "cannot look up user '%s'", text);
	scan_passwd(passwd, &l, &u, user_number);
	if (!l.user_found && !user_number)
		return err_set(e, ENOENT, "no user '%s' in the image's /etc/passwd", l.user);
	if (group_number)
		parse_id(l.group, &u.gid);
	scan_group(groups, &l, &u, group_number);
	if (l.group && !group_number && !l.group_found)
		return err_set(e, ENOENT, "no group '%s' in the image's /etc/group", l.group);
	u.groups[0] = u.gid;
	*ret = u;
	return 0;
}

static int find_group(int rootfd, const char *name, gid_t *ret, struct err *e)
{
	auto_free char *table = NULL;
	char *save = NULL, *field[4];

	if (read_table(rootfd, "etc/group", &table, e) < 0)
		return err_wrap(e, "cannot look up group '%s'", name);
	for (char *line = strtok_r(table, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned gid;
		if (split(line, field, 4) < 3 || parse_id(field[2], &gid) < 0)
			continue;
		if (str_eq(field[0], name)) {
			*ret = gid;
			return 0;
		}
	}
	return err_set(e, ENOENT, "no group '%s' in the image's /etc/group", name);
}

int user_add_groups(int rootfd, const struct strv *groups, struct user *u, struct err *e)
{
	for (size_t i = 0; i < groups->n; i++) {
		const char *name = groups->v[i];
		bool there = false;
		gid_t gid = 0;
		if (is_number(name) ? parse_id(name, &gid) < 0 : !*name || !str_is_one_line(name))
			return err_set(
				e, EINVAL, "'%s' is not a group: expected NAME or GID", name);
		if (!is_number(name) && find_group(rootfd, name, &gid, e) < 0)
			return -e->code;
		for (size_t k = 0; k < u->n_groups; k++)
			there = there || u->groups[k] == gid;
		if (there)
			continue;
		if (u->n_groups == USER_GROUPS_MAX)
			return err_set(e, E2BIG, "there are more than %d groups", USER_GROUPS_MAX);
		u->groups[u->n_groups++] = gid;
	}
	return 0;
}
