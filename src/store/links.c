#include "base/mem.h"
#include "store/write.h"

#include <string.h>

/* A hash table with open addressing; at most half full. */
struct link_seen {
	dev_t dev;
	ino_t ino;
	char *path; /* NULL: free */
};

static struct link_seen *slot(struct link_seen *v, size_t size, dev_t dev, ino_t ino)
{
	uint64_t h = ((uint64_t)ino ^ (uint64_t)dev << 40) * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(h >> 32) & (size - 1);

	while (v[i].path && (v[i].ino != ino || v[i].dev != dev))
		i = (i + 1) & (size - 1);
	return &v[i];
}

const char *links_meet(struct links *l, dev_t dev, ino_t ino, const char *path)
{
	struct link_seen *at;

	if (2 * (l->n + 1) > l->size) {
		size_t size = l->size ? 2 * l->size : 64;
		struct link_seen *v = xcalloc(size, sizeof *v);
		for (size_t i = 0; i < l->size; i++)
			if (l->v[i].path)
				*slot(v, size, l->v[i].dev, l->v[i].ino) = l->v[i];
		free(l->v);
		l->v = v;
		l->size = size;
	}
	at = slot(l->v, l->size, dev, ino);
	if (at->path)
		return at->path;
	*at = (struct link_seen){ dev, ino, xstrdup(path) };
	l->n++;
	return NULL;
}

void links_release(struct links *l)
{
	for (size_t i = 0; i < l->size; i++)
		free(l->v[i].path);
	free(l->v);
	memset(l, 0, sizeof *l);
}
