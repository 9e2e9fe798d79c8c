#include "engine/local/size.h"
#include "base/mem.h"
#include "engine/local/local.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 500 /* a descriptor a level */

/* Files with more than one name, by inode: open addressing, 0 is free. */
struct inodes {
	ino_t *v;
	size_t n, size;
};

static bool insert(struct inodes *set, ino_t inode)
{
	size_t at = (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15)) & (set->size - 1);

	while (set->v[at] && set->v[at] != inode)
		at = (at + 1) & (set->size - 1);
	if (set->v[at])
		return false;
	set->v[at] = inode;
	set->n++;
	return true;
}

/* True the first time that it is asked of an inode. */
static bool is_new(struct inodes *set, ino_t inode)
{
	if (set->n * 2 >= set->size) {
		struct inodes larger = { NULL, 0, set->size ? set->size * 2 : 64 };
		larger.v = xcalloc(larger.size, sizeof *larger.v);
		for (size_t i = 0; i < set->size; i++)
			if (set->v[i])
				insert(&larger, set->v[i]);
		free(set->v);
		*set = larger;
	}
	return insert(set, inode);
}

struct count {
	dev_t device;
	bool blocks; /* what is taken on the disk, directories and all; else the files' sizes */
	struct inodes seen;
};

static uint64_t size_of(const struct count *c, const struct stat *st)
{
	return c->blocks ? (uint64_t)st->st_blocks * 512 : (uint64_t)st->st_size;
}

static uint64_t add_up(int fd, unsigned depth, struct count *c)
{
	auto_dir DIR *d = fdopendir(fd);
	struct dirent *ent;
	uint64_t sum = 0;

	while (d && (ent = readdir(d))) {
		struct stat st;
		int below;
		if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, "..") ||
			fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) <
				0 ||
			st.st_dev != c->device)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			if (st.st_nlink == 1 || is_new(&c->seen, st.st_ino))
				sum += size_of(c, &st);
			continue;
		}
		sum += c->blocks ? size_of(c, &st) : 0;
		below = depth == DEPTH_MAX
				? -1
				: openat(dirfd(d), ent->d_name,
					  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (below >= 0)
			sum += add_up(below, depth + 1, c);
	}
	if (!d)
		close(fd);
	return sum;
}

static uint64_t count_tree(int dirfd, const char *name, bool blocks)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct count c = { .blocks = blocks };
	struct stat st;
	uint64_t sum;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return 0;
	}
	c.device = st.st_dev;
	sum = add_up(fd, 0, &c) + (blocks ? size_of(&c, &st) : 0);
	free(c.seen.v);
	return sum;
}

uint64_t tree_size(int dirfd, const char *name)
{
	return count_tree(dirfd, name, false);
}

uint64_t tree_usage(int dirfd, const char *name)
{
	return count_tree(dirfd, name, true);
}

int local_container_size(
	struct engine *en, const char *id, uint64_t *ret_own, uint64_t *ret_all, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_image image = { 0 };
	auto_free char *upper = xasprintf("%s/upper", id);
	struct digest manifest;
	int r = container_load(l, id, &c, e);

	if (r == 0 && digest_parse(c.manifest, &manifest) < 0)
		r = err_set(e, EPROTO, "container '%.12s' has a damaged config.json", id);
	if (r == 0)
		r = store_manifest(l->store, &manifest, &image, e);
	if (r < 0)
		return r;
	*ret_own = tree_size(l->dirs.containers, upper);
	*ret_all = *ret_own + store_image_bytes(l->store, &image);
	return 0;
}
