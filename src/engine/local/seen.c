#include "engine/local/seen.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/config_pack.h"

#include <fcntl.h>
#include <string.h>

#define NAME     "seen"
#define MAX_SIZE ((size_t)64 << 20)
#define MAGIC    UINT64_C(0x316e656573647200)

/* A file as it was. All zero: not known. */
struct mark {
	uint64_t inode;
	int64_t changed, size;
};

struct head {
	uint64_t magic, print, sum; /* of the rest of the head, and of all behind it */
	char boot[40];
	struct mark names;
};
/* One container: this, its configuration, the text of the file. */
struct entry {
	char id[ENGINE_ID_SIZE];
	char file[6];  /* "state", "last" or "" */
	uint8_t lacks; /* a bit for each name of `lacking` that its run directory has not */
	struct mark config, run, last; /* `run` is the directory: all in it is replaced by rename */
	uint32_t config_len, text_len;
};

struct seen {
	char *data;           /* what was there */
	const char *at, *end; /* the entries not reached yet */
	struct head head;
	struct mark names; /* as they are now */
	bool same_names;
	int64_t now;
	/* the container at hand */
	struct entry old;   /* as it was remembered; without an id: it was not */
	const char *behind; /* its configuration and text */
	struct entry entry; /* as it will be */
	struct str config, text;
	struct str next; /* all that will be remembered */
	size_t n, fresh; /* containers; files that were read and can be remembered */
};

static struct mark mark_of(int dirfd, const char *path)
{
	struct stat st;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return (struct mark){ 0 };
	return (struct mark){ st.st_ino,
		(int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec, st.st_size };
}

static bool same(const struct mark *a, const struct mark *b)
{
	return a->inode && a->inode == b->inode && a->changed == b->changed && a->size == b->size;
}

static bool is_settled(const struct seen *s, const struct mark *m)
{
	return m->inode && m->changed < s->now - SEEN_AGE;
}

/* FNV-1a by words: against damage, not against anybody. */
static uint64_t sum_of(const char *data, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037), word;

	for (; len >= sizeof word; data += sizeof word, len -= sizeof word) {
		memcpy(&word, data, sizeof word);
		h = (h ^ word) * UINT64_C(1099511628211);
		h ^= h >> 32;
	}
	word = len;
	memcpy(&word, data, len);
	return (h ^ word) * UINT64_C(1099511628211);
}

#define SUMMED offsetof(struct head, boot)

/* Leaves nothing of a file that is not as we would have written it. */
static void read_file(struct seen *s, struct local *l)
{
	struct err ignored;
	size_t len;

	if (fs_read_file(l->run, NAME, MAX_SIZE, &s->data, &len, &ignored) < 0 ||
		len < sizeof s->head)
		return;
	memcpy(&s->head, s->data, sizeof s->head);
	if (s->head.magic != MAGIC || s->head.print != container_config_print() ||
		memcmp(s->head.boot, l->boot, sizeof l->boot) != 0 ||
		s->head.sum != sum_of(s->data + SUMMED, len - SUMMED)) {
		s->head = (struct head){ 0 };
		return;
	}
	s->at = s->data + sizeof s->head;
	s->end = s->data + len;
}

struct seen *seen_begin(struct local *l, size_t n, int64_t now)
{
	struct seen *s;

	if (n < SEEN_MIN)
		return NULL;
	if (!*l->boot)
		proc_boot_id(l->boot);
	s = xcalloc(1, sizeof *s);
	s->now = now;
	s->config.limit = s->text.limit = s->next.limit = MAX_SIZE;
	read_file(s, l);
	s->names = mark_of(l->dirs.names, ".");
	s->same_names = same(&s->names, &s->head.names);
	return s;
}

bool seen_names(const struct seen *s)
{
	return s->same_names;
}

/* The next entry of those that were remembered; false: there is none, or no whole one. */
static bool peek(const struct seen *s, struct entry *ret, size_t *ret_size)
{
	size_t left = (size_t)(s->end - s->at);

	if (left < sizeof *ret)
		return false;
	memcpy(ret, s->at, sizeof *ret);
	*ret_size = sizeof *ret + (size_t)ret->config_len + ret->text_len;
	return *ret_size <= left;
}

/* The container at hand goes to what will be remembered. */
static void put_away(struct seen *s)
{
	if (!*s->entry.id)
		return;
	s->n++;
	if (s->config.len) {
		s->entry.config_len = (uint32_t)s->config.len;
		s->entry.text_len = (uint32_t)s->text.len;
		str_add_data(&s->next, &s->entry, sizeof s->entry);
		str_add_data(&s->next, s->config.data, s->config.len);
		str_add_data(&s->next, str_text(&s->text), s->text.len);
	}
	memset(&s->entry, 0, sizeof s->entry);
	s->config.len = s->text.len = 0;
}

void seen_next(struct seen *s, const char *id)
{
	struct entry e;
	size_t size;

	put_away(s);
	s->old = (struct entry){ 0 };
	snprintf(s->entry.id, sizeof s->entry.id, "%s", id);
	while (peek(s, &e, &size)) {
		int order = memcmp(e.id, s->entry.id, sizeof e.id);
		if (order > 0)
			return;
		s->behind = s->at + sizeof e;
		s->at += size;
		if (order == 0) {
			s->old = e;
			return;
		}
	}
}

bool seen_is_at(const struct seen *s, const char *id)
{
	return s && str_eq(s->entry.id, id);
}

bool seen_container(struct seen *s, struct local *l, struct container *ret)
{
	auto_container c = { 0 };
	struct packed p = { s->behind, s->behind + s->old.config_len };
	char path[ENGINE_ID_SIZE + sizeof "/config.json"];

	snprintf(path, sizeof path, "%s/config.json", s->entry.id);
	s->entry.config = mark_of(l->dirs.containers, path);
	if (!*s->old.id || !same(&s->entry.config, &s->old.config) ||
		!unpack_data(&p, &c.created, sizeof c.created) || !unpack_text(&p, &c.image_id) ||
		!unpack_text(&p, &c.manifest) || !unpack_list(&p, &c.layers) ||
		!container_config_unpack(&p, &c.config))
		return false;
	memcpy(c.id, s->entry.id, sizeof c.id);
	str_add_data(&s->config, s->behind, s->old.config_len);
	*ret = c;
	c = (struct container){ 0 };
	return true;
}

void seen_keep_container(struct seen *s, const struct container *c)
{
	if (!is_settled(s, &s->entry.config))
		return;
	s->config.len = 0;
	str_add_data(&s->config, &c->created, sizeof c->created);
	pack_text(&s->config, c->image_id, strlen(c->image_id));
	pack_text(&s->config, c->manifest, strlen(c->manifest));
	pack_list(&s->config, &c->layers);
	container_config_pack(&c->config, &s->config);
	s->fresh++;
}

static const char *const lacking[] = { "state", "network", "freezing" };

static uint8_t bit_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(lacking); i++)
		if (str_eq(lacking[i], name))
			return (uint8_t)(1u << i);
	return 0;
}

bool seen_lacks(const struct seen *s, const char *name)
{
	return s->entry.lacks & bit_of(name);
}

void seen_keep_lack(struct seen *s, const char *name)
{
	if (is_settled(s, &s->entry.run))
		s->entry.lacks |= bit_of(name);
}

static void keep_text(struct seen *s, const char *name, const char *text, size_t len)
{
	s->text.len = 0;
	str_add_data(&s->text, text, len);
	snprintf(s->entry.file, sizeof s->entry.file, "%s", name);
}

int seen_read(struct seen *s, struct local *l, const char *name, char **ret, struct err *e)
{
	bool is_state = str_eq(name, "state");
	int dirfd = is_state ? l->dirs.run : l->dirs.containers, r;
	struct mark *mark = is_state ? &s->entry.run : &s->entry.last;
	const struct mark *old = is_state ? &s->old.run : &s->old.last;
	char path[ENGINE_ID_SIZE + sizeof s->entry.file + 1];
	size_t len;
	bool known;

	snprintf(path, sizeof path, "%s/%s", s->entry.id, name);
	*mark = mark_of(dirfd, is_state ? s->entry.id : path);
	known = *s->old.id && same(mark, old);
	if (is_state && known)
		s->entry.lacks = s->old.lacks;
	if (!mark->inode || seen_lacks(s, name))
		return err_set(e, ENOENT, "there is no '%s'", name);
	if (known && str_eq(s->old.file, name)) {
		*ret = xstrndup(s->behind + s->old.config_len, s->old.text_len);
		keep_text(s, name, *ret, s->old.text_len);
		return 0;
	}
	r = fs_read_file(dirfd, path, STATE_TEXT_MAX, ret, &len, e);
	if (!is_settled(s, mark) || (r < 0 && r != -ENOENT))
		return r;
	if (r == 0)
		keep_text(s, name, *ret, len);
	else
		seen_keep_lack(s, name);
	s->fresh++;
	return r;
}

static void write_file(struct seen *s, struct local *l)
{
	auto_str all = STR_INIT(MAX_SIZE);
	struct head head = { .magic = MAGIC, .print = container_config_print() };
	struct err ignored;

	memcpy(head.boot, l->boot, sizeof l->boot);
	if (is_settled(s, &s->names))
		head.names = s->names;
	str_add_data(&all, &head, sizeof head);
	str_add_data(&all, str_text(&s->next), s->next.len);
	if (all.overflow || s->next.overflow || s->config.overflow || s->text.overflow)
		return;
	head.sum = sum_of(all.data + SUMMED, all.len - SUMMED);
	memcpy(all.data + offsetof(struct head, sum), &head.sum, sizeof head.sum);
	fs_write_file(l->run, NAME, all.data, all.len, 0600, FS_VOLATILE, &ignored);
}

void seen_end(struct local *l, struct seen *s)
{
	if (!s)
		return;
	put_away(s);
	/* a few that have to be read each time cost less than writing all */
	if (s->fresh * 16 >= s->n || (!s->same_names && is_settled(s, &s->names)))
		write_file(s, l);
	str_release(&s->config);
	str_release(&s->text);
	str_release(&s->next);
	free(s->data);
	free(s);
}
