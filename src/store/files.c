#include "store/files.h"
#include "base/mem.h"
#include "store/call.h"

#include <string.h>

static json_t *root_to_json(const struct store_root *root)
{
	json_t *j = json_object(), *lower = json_array(), *mounts = json_array();

	for (char *const *l = root->lower; l && *l; l++)
		json_array_append_new(lower, json_string(*l));
	for (size_t i = 0; i < root->n_mounts; i++) {
		const struct store_root_mount *m = &root->mounts[i];
		json_array_append_new(mounts,
			json_pack("{s:o, s:o, s:b}", "source", hex_to_json(m->source), "target",
				hex_to_json(m->target), "read_only", m->read_only));
	}
	json_object_set_new(j, "state_dir", hex_to_json(root->state_dir));
	json_object_set_new(j, "lower", lower);
	json_object_set_new(j, "upper", json_string(root->upper));
	json_object_set_new(j, "work", json_string(root->work));
	json_object_set_new(j, "read_only", json_boolean(root->read_only));
	json_object_set_new(j, "mounts", mounts);
	return j;
}

static json_t *request(const char *op, const struct store_root *root, const char *path)
{
	json_t *j = json_object();

	json_object_set_new(j, "op", json_string(op));
	if (path)
		json_object_set_new(j, "path", hex_to_json(path));
	if (root && root->pidfd < 0)
		json_object_set_new(j, "root", root_to_json(root));
	return j;
}

static int run(struct call *c, struct err *e)
{
	int r = call_start(c, e);

	return r < 0 ? r : call_finish(c, e);
}

int store_path_stat(struct store *s, const struct store_root *root, const char *path,
	struct store_path_stat *ret, bool *ret_many, struct err *e)
{
	auto_json *j = request("stat", root, path), *stat = NULL;
	struct call c = { .request = j, .root_fd = -1, .data_fd = -1, .other_fd = root->pidfd };
	int r = run(&c, e);

	(void)s;
	stat = c.stat;
	if (r < 0)
		return r;
	if (!stat)
		return err_set(e, EPROTO, "'redock-store' answered without the file's status");
	*ret = (struct store_path_stat){
		.name = hex_from_json(stat, "name"),
		.link_target = hex_from_json(stat, "link_target"),
		.size = (uint64_t)json_int(stat, "size", 0),
		.mode = (mode_t)json_int(stat, "mode", 0),
		.modified = json_int(stat, "modified", 0),
	};
	if (ret_many)
		*ret_many = json_bool(stat, "many", false);
	return 0;
}

int store_copy_from(struct store *s, const struct store_root *root, const char *path,
	bool follow_link, int fd, const struct store_pause *pause, struct err *e)
{
	auto_json *j = request("copy-from", root, path);
	struct call c = { .request = j,
		.root_fd = -1,
		.data_fd = fd,
		.other_fd = root->pidfd,
		.progress = root->progress,
		.progress_arg = root->progress_arg,
		.read_done = pause ? pause->read_done : NULL,
		.read_done_arg = pause ? pause->arg : NULL };

	(void)s;
	json_object_set_new(j, "follow_link", json_boolean(follow_link));
	return run(&c, e);
}

int store_copy_to(struct store *s, const struct store_root *root, const char *path, bool keep_owner,
	bool no_replace, int fd, struct err *e)
{
	auto_json *j = request("copy-to", root, path);
	struct call c = { .request = j,
		.root_fd = -1,
		.data_fd = fd,
		.other_fd = root->pidfd,
		.progress = root->progress,
		.progress_arg = root->progress_arg };

	(void)s;
	json_object_set_new(j, "keep_owner", json_boolean(keep_owner));
	json_object_set_new(j, "no_replace", json_boolean(no_replace));
	return run(&c, e);
}

int store_export(struct store *s, int upper_fd, const struct digest *manifest, int fd,
	const struct store_pause *pause, struct err *e)
{
	auto_json *j = request("export", NULL, NULL);
	struct call c = { .request = j,
		.root_fd = s->root_fd,
		.data_fd = fd,
		.other_fd = upper_fd,
		.read_done = pause ? pause->read_done : NULL,
		.read_done_arg = pause ? pause->arg : NULL };

	json_object_set_new(j, "parent", json_string(manifest->text));
	return run(&c, e);
}

struct store_files {
	struct call call;
	json_t *request;
};

static int start(json_t *j, int data_fd, int dir_fd, struct store_files **ret, struct err *e)
{
	struct store_files *f = xcalloc(1, sizeof *f);
	int r;

	f->request = j;
	f->call = (struct call){
		.request = j, .root_fd = -1, .data_fd = data_fd, .other_fd = dir_fd
	};
	r = call_start(&f->call, e);
	if (r < 0) {
		json_decref(j);
		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

int store_extract_start(const struct store_extract *x, struct store_files **ret, struct err *e)
{
	json_t *j = request("extract", NULL, NULL);

	if (x->rename)
		json_object_set_new(j, "rename", hex_to_json(x->rename));
	if (x->expect)
		json_object_set_new(j, "expect", hex_to_json(x->expect));
	json_object_set_new(j, "keep_owner", json_boolean(x->keep_owner));
	json_object_set_new(j, "keep_mode", json_boolean(x->keep_mode));
	return start(j, x->fd, x->dir_fd, ret, e);
}

int store_pack_start(int dir_fd, const char *name, const char *as, int fd, struct store_files **ret,
	struct err *e)
{
	json_t *j = request("pack", NULL, name);

	json_object_set_new(j, "as", hex_to_json(as));
	return start(j, fd, dir_fd, ret, e);
}

int store_files_finish(struct store_files *f, struct err *e)
{
	int r = call_finish(&f->call, e);

	json_decref(f->call.stat);
	json_decref(f->request);
	free(f);
	return r;
}
