/* A struct engine in memory, for the tests of machine/: it is included by them, not linked. */
#include "base/fs.h"
#include "base/mem.h"
#include "engine/engine.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

struct engine {
	char *path;
	int fd;
	struct {
		char id[8], machine[64], image[64], host[64], address[20];
		int state;
		bool ready;
	} c[8];
	char images[8][64];
	int next_id, ready_result, locks, imports;
	bool boot_missing, sshd_missing, fail_create, fail_start;
	uint64_t changes, changes_since; /* since ever; since a time that was named */
	char said[8192];
	char import_to[256];
	char source[256]; /* of the last bind mount */
};

static struct engine *fake_new(const char *path)
{
	struct engine *en = xcalloc(1, sizeof *en);
	struct err e = { 0 };

	en->path = xstrdup(path);
	en->fd = fs_open_dir_make(AT_FDCWD, path, 0700, &e);
	return en;
}

static void fake_free(struct engine *en)
{
	close(en->fd);
	free(en->path);
	free(en);
}

static void fake_add_image(struct engine *en, const char *name)
{
	for (size_t i = 0; i < 8; i++)
		if (!*en->images[i] || str_eq(en->images[i], name)) {
			snprintf(en->images[i], sizeof en->images[i], "%s", name);
			return;
		}
}

static int fake_index(const struct engine *en, const char *id)
{
	for (int i = 0; i < 8; i++)
		if (*en->c[i].id && (str_eq(en->c[i].id, id) || str_eq(en->c[i].machine, id)))
			return i;
	return -1;
}

void engine_say_to(struct engine *en, int level, const char *format, ...)
{
	va_list ap;
	size_t n = strlen(en->said);

	(void)level;
	va_start(ap, format);
	vsnprintf(en->said + n, sizeof en->said - n, format, ap);
	va_end(ap);
	n = strlen(en->said);
	snprintf(en->said + n, sizeof en->said - n, "\n");
	if (getenv("FAKE_VERBOSE"))
		fprintf(stderr, "# %s", en->said + (n > 100 ? n - 100 : 0));
}

const char *container_state_text(enum container_state s)
{
	return s == CONTAINER_RUNNING ? "running" : "exited";
}

void container_info_release(struct container_info *i)
{
	container_config_release(&i->config);
	for (size_t k = 0; k < i->n_endpoints; k++)
		free(i->endpoints[k].address);
	free(i->endpoints);
	memset(i, 0, sizeof *i);
}

const char *container_info_address(const struct container_info *i)
{
	return i->endpoints[0].address;
}

void container_list_release(struct container_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		container_info_release(&l->v[i]);
	free(l->v);
}

void image_info_release(struct image_info *i)
{
	free(i->reference);
	free(i->id);
}

static void fill(const struct engine *en, int i, struct container_info *ret)
{
	memset(ret, 0, sizeof *ret);
	snprintf(ret->id, sizeof ret->id, "%s", en->c[i].id);
	ret->config.name = xstrdup(en->c[i].id);
	ret->config.machine = xstrdup(en->c[i].machine);
	ret->config.image = xstrdup(en->c[i].image);
	ret->config.hostname = xstrdup(en->c[i].host);
	ret->endpoints = xcalloc(1, sizeof *ret->endpoints);
	ret->n_endpoints = 1;
	ret->endpoints[0].address = xstrdup(en->c[i].address);
	ret->state = en->c[i].state;
	ret->ready = en->c[i].ready;
}

int engine_inspect_machine(
	struct engine *en, const char *machine, struct container_info *ret, struct err *e)
{
	int i = fake_index(en, machine);

	if (i < 0)
		return err_set(e, ENOENT, "none");
	fill(en, i, ret);
	return 0;
}

int engine_list(struct engine *en, bool all, struct container_list *ret, struct err *e)
{
	(void)all, (void)e;
	ret->v = xcalloc(8, sizeof *ret->v);
	ret->n = 0;
	for (int i = 0; i < 8; i++)
		if (*en->c[i].id)
			fill(en, i, &ret->v[ret->n++]);
	return 0;
}

int engine_create(struct engine *en, const struct container_config *c, char ret_id[ENGINE_ID_SIZE],
	struct err *e)
{
	if (en->fail_create)
		return err_set(e, ENOSPC, "disk full");
	for (int i = 0; i < 8; i++) {
		if (*en->c[i].id)
			continue;
		snprintf(en->c[i].id, sizeof en->c[i].id, "c%d", ++en->next_id % 1000);
		snprintf(en->c[i].machine, sizeof en->c[i].machine, "%s", c->machine);
		snprintf(en->c[i].image, sizeof en->c[i].image, "%s", c->image);
		snprintf(en->c[i].host, sizeof en->c[i].host, "%s", c->hostname);
		en->c[i].state = CONTAINER_CREATED;
		snprintf(ret_id, ENGINE_ID_SIZE, "%s", en->c[i].id);
		snprintf(en->source, sizeof en->source, "%s", c->mounts[1].source);
		return 0;
	}
	abort();
}

int engine_start(struct engine *en, const char *id, struct session **s, int *status, struct err *e)
{
	int i = fake_index(en, id);

	(void)s, (void)status;
	if (en->fail_start)
		return err_set(e, ENOENT, "no such program");
	en->c[i].state = CONTAINER_RUNNING;
	snprintf(en->c[i].address, sizeof en->c[i].address, "10.9.8.%d", ++en->next_id % 200);
	return 0;
}

int engine_wait(struct engine *en, const char *id, enum wait_for w, int timeout, struct err *e)
{
	int i = fake_index(en, id);

	(void)w, (void)timeout;
	if (en->ready_result < 0)
		return err_set(e, -en->ready_result, "not ready");
	en->c[i].ready = true;
	return 0;
}

int engine_remove(struct engine *en, const char *id, const struct remove_options *o, struct err *e)
{
	(void)o, (void)e;
	memset(&en->c[fake_index(en, id)], 0, sizeof en->c[0]);
	return 0;
}

int engine_logs(struct engine *en, const char *id, const struct log_options *o,
	engine_log_each *each, void *arg, struct err *e)
{
	static const struct log_entry last[] = { { .data = "first\n", .len = 6 },
		{ .data = "last \033[31mwords\n", .len = 16 } };
	int r = 0;

	(void)en, (void)id, (void)e;
	for (size_t i = 0; r == 0 && i < 2 && (int64_t)i < o->tail; i++)
		r = each(arg, &last[i]);
	return r;
}

int engine_count_changes(
	struct engine *en, const char *id, int64_t since, uint64_t *ret, struct err *e)
{
	(void)id, (void)e;
	*ret = since ? en->changes_since : en->changes;
	return 0;
}

int engine_lock(struct engine *en, const char *name, struct err *e)
{
	(void)name, (void)e;
	en->locks++;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int engine_commit(struct engine *en, const char *id, const char *reference,
	const struct commit_options *o, char ret_image_id[72], struct err *e)
{
	(void)id, (void)o, (void)e;
	fake_add_image(en, reference);
	ret_image_id[0] = '\0';
	return 0;
}

int engine_image_inspect(
	struct engine *en, const char *reference, struct image_info *ret, struct err *e)
{
	for (size_t i = 0; i < 8; i++)
		if (*reference && str_eq(en->images[i], reference)) {
			if (ret) {
				memset(ret, 0, sizeof *ret);
				ret->id = xstrdup("sha256:x");
			}
			return 0;
		}
	return err_set(e, ENOENT, "no image named '%s'", reference);
}

int engine_image_has_path(
	struct engine *en, const char *reference, const char *path, bool *ret, struct err *e)
{
	int r = engine_image_inspect(en, reference, NULL, e);

	*ret = str_ends(path, "redock-boot") ? !en->boot_missing : !en->sshd_missing;
	return r;
}

int engine_image_import(struct engine *en, int fd, const char *reference,
	const struct import_options *o, char ret_image_id[72], struct err *e)
{
	char block[65536];
	auto_close int out = open(*en->import_to ? en->import_to : "/dev/null",
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	(void)o, (void)e;
	while ((n = read(fd, block, sizeof block)) > 0)
		fs_write_all(out, block, (size_t)n);
	fake_add_image(en, reference);
	en->imports++;
	ret_image_id[0] = '\0';
	return 0;
}

int engine_image_remove(struct engine *en, const char *reference, bool force, struct err *e)
{
	(void)force, (void)e;
	for (size_t i = 0; i < 8; i++)
		if (str_eq(en->images[i], reference))
			en->images[i][0] = '\0';
	return 0;
}

int engine_state_fd(struct engine *en, struct err *e)
{
	(void)e;
	return en->fd;
}

const char *engine_state_path(struct engine *en)
{
	return en->path;
}
