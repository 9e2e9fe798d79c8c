/*
 * The layer applier against whatever bytes come: nothing outside the tree changes, memory and time
 * are bounded, and the sanitizers are content.
 * With libFuzzer (meson -Dfuzz=true, clang) a fuzzer; with REPLAY a program that runs each file of
 * the directories it is given once.
 */
#define REPLAY_NEEDS_ROOT "layers can only be unpacked by root"
#include "replay.h"
#include "store/write.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A directory in memory: "canary", which must stay as it is, and "tree". */
static int make_work(char path[32])
{
	struct err e = { 0 };
	int work;

	memcpy(path, "/dev/shm/fz_layer-XXXXXX", 25);
	MUST(mkdtemp(path));
	work = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(work >= 0);
	MUST(fs_write_file(work, "canary", "x", 1, 0600, FS_VOLATILE, &e) == 0);
	return work;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_nlink == b->st_nlink && a->st_size == b->st_size &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void apply(int work, const uint8_t *data, size_t size)
{
	auto_close int archive = memfd_create("archive", MFD_CLOEXEC);
	auto_close int tree = -1;
	auto_blob blob = BLOB_INIT, again = BLOB_INIT;
	struct layer_apply o = { .archive_fd = archive, .scratch_fd = work, .blob = &blob };
	struct err e = { 0 };
	struct digest d;
	uint64_t entries;
	int r;

	MUST(archive >= 0 && fs_write_all(archive, data, size) == 0);
	MUST(lseek(archive, 0, SEEK_SET) == 0);
	tree = fs_open_dir_make(work, "tree", 0755, &e);
	MUST(tree >= 0);
	o.tree_fd = tree;
	o.max_bytes = 1 << 24;
	MUST(blob_create(-1, NULL, &blob, &e) == 0 && blob_create(-1, NULL, &again, &e) == 0);
	r = layer_apply(&o, &entries, &e);
	MUST(r == 0 || (r == -e.code && *e.text && str_is_one_line(e.text)));
	/* what has been unpacked can be packed again */
	if (r == 0)
		MUST(layer_diff(&tree, 1, &again, &entries, &e) == 0 &&
			blob_finish(&again, &d, &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stat before, after;
	struct err e = { 0 };
	char path[32];
	auto_close int work = make_work(path);

	MUST(fstatat(work, "canary", &before, AT_SYMLINK_NOFOLLOW) == 0);
	apply(work, data, size);
	MUST(fstatat(work, "canary", &after, AT_SYMLINK_NOFOLLOW) == 0 && same(&before, &after));
	MUST(fs_remove_tree(AT_FDCWD, path, &e) == 0);
	return 0;
}
