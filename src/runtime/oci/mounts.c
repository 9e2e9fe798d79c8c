#include "runtime/oci/mounts.h"
#include "base/mem.h"
#include "base/str.h"

#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

/* What an option does. Those of the super block (sync, lazytime, ...) go to the file system with
 * its own options: fsconfig(2) takes them as flags. */
enum effect {
	NOTHING, /* a default, or what the kernel no longer has */
	SET,
	CLEAR,
	READ_ONLY,
	READ_WRITE,
	SET_ALL, /* recursively: mount_setattr(2) */
	CLEAR_ALL,
	PROPAGATE,
	BIND,
	BIND_ALL,
	COPY_UP,
	MAP_ALL,
	SUPER, /* given on as it is */
};
struct option {
	const char *name;
	enum effect effect;
	uint64_t value;
};
static const struct option known[] = {
	{ "async", NOTHING, 0 },
	{ "atime", CLEAR, MOUNT_ATTR_NOATIME },
	{ "bind", BIND, 0 },
	{ "defaults", NOTHING, 0 },
	{ "dev", CLEAR, MOUNT_ATTR_NODEV },
	{ "diratime", CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "dirsync", SUPER, 0 },
	{ "exec", CLEAR, MOUNT_ATTR_NOEXEC },
	{ "idmap", NOTHING, 0 }, /* the maps say it */
	{ "iversion", SUPER, 0 },
	{ "lazytime", SUPER, 0 },
	{ "loud", NOTHING, 0 },
	{ "mand", SUPER, 0 },
	{ "noatime", SET, MOUNT_ATTR_NOATIME },
	{ "nodev", SET, MOUNT_ATTR_NODEV },
	{ "nodiratime", SET, MOUNT_ATTR_NODIRATIME },
	{ "noexec", SET, MOUNT_ATTR_NOEXEC },
	{ "noiversion", NOTHING, 0 },
	{ "nolazytime", NOTHING, 0 },
	{ "nomand", NOTHING, 0 },
	{ "norelatime", NOTHING, 0 },
	{ "nostrictatime", NOTHING, 0 },
	{ "nosuid", SET, MOUNT_ATTR_NOSUID },
	{ "nosymfollow", SET, MOUNT_ATTR_NOSYMFOLLOW },
	{ "private", PROPAGATE, MS_PRIVATE },
	{ "ratime", CLEAR_ALL, MOUNT_ATTR_NOATIME },
	{ "rbind", BIND_ALL, 0 },
	{ "rdev", CLEAR_ALL, MOUNT_ATTR_NODEV },
	{ "rdiratime", CLEAR_ALL, MOUNT_ATTR_NODIRATIME },
	{ "relatime", NOTHING, 0 },
	{ "rexec", CLEAR_ALL, MOUNT_ATTR_NOEXEC },
	{ "ridmap", MAP_ALL, 0 },
	{ "rnoatime", SET_ALL, MOUNT_ATTR_NOATIME },
	{ "rnodev", SET_ALL, MOUNT_ATTR_NODEV },
	{ "rnodiratime", SET_ALL, MOUNT_ATTR_NODIRATIME },
	{ "rnoexec", SET_ALL, MOUNT_ATTR_NOEXEC },
	{ "rnorelatime", CLEAR_ALL, MOUNT_ATTR_RELATIME },
	{ "rnostrictatime", CLEAR_ALL, MOUNT_ATTR_STRICTATIME },
	{ "rnosuid", SET_ALL, MOUNT_ATTR_NOSUID },
	{ "rnosymfollow", SET_ALL, MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro", READ_ONLY, 0 },
	{ "rprivate", PROPAGATE, MS_REC | MS_PRIVATE },
	{ "rrelatime", SET_ALL, MOUNT_ATTR_RELATIME },
	{ "rro", SET_ALL, MOUNT_ATTR_RDONLY },
	{ "rrw", CLEAR_ALL, MOUNT_ATTR_RDONLY },
	{ "rshared", PROPAGATE, MS_REC | MS_SHARED },
	{ "rslave", PROPAGATE, MS_REC | MS_SLAVE },
	{ "rstrictatime", SET_ALL, MOUNT_ATTR_STRICTATIME },
	{ "rsuid", CLEAR_ALL, MOUNT_ATTR_NOSUID },
	{ "rsymfollow", CLEAR_ALL, MOUNT_ATTR_NOSYMFOLLOW },
	{ "runbindable", PROPAGATE, MS_REC | MS_UNBINDABLE },
	{ "rw", READ_WRITE, 0 },
	{ "shared", PROPAGATE, MS_SHARED },
	{ "silent", SUPER, 0 },
	{ "slave", PROPAGATE, MS_SLAVE },
	{ "strictatime", SET, MOUNT_ATTR_STRICTATIME },
	{ "suid", CLEAR, MOUNT_ATTR_NOSUID },
	{ "symfollow", CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "sync", SUPER, 0 },
	{ "tmpcopyup", COPY_UP, 0 },
	{ "unbindable", PROPAGATE, MS_UNBINDABLE },
};

static void add_super(struct spec_mount *m, const char *option)
{
	char *old = m->options;

	m->options = old ? xasprintf("%s,%s", old, option) : xstrdup(option);
	free(old);
}

/* The later one of two that contradict each other holds, as in mount(8). */
static void apply(struct spec_mount *m, const struct option *o)
{
	switch (o->effect) {
	case NOTHING:
		break;
	case SET:
		m->attrs |= o->value;
		m->clear &= ~o->value;
		break;
	case CLEAR:
		m->attrs &= ~o->value;
		m->clear |= o->value;
		break;
	case READ_ONLY:
	case READ_WRITE:
		m->read_only = o->effect == READ_ONLY;
		m->clear &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		if (!m->read_only)
			m->clear |= MOUNT_ATTR_RDONLY;
		break;
	case SET_ALL:
		m->recursive_attrs |= o->value;
		m->recursive_clear &= ~o->value;
		break;
	case CLEAR_ALL:
		m->recursive_attrs &= ~o->value;
		m->recursive_clear |= o->value;
		break;
	case PROPAGATE:
		m->propagation = (int64_t)o->value;
		break;
	case BIND:
	case BIND_ALL:
		m->type = SPEC_BIND;
		m->no_recursive = o->effect == BIND;
		break;
	case COPY_UP:
		m->copy_up = true;
		break;
	case MAP_ALL:
		m->recursive_maps = true;
		break;
	case SUPER:
		add_super(m, o->name);
		break;
	}
}

void mount_option(struct spec_mount *m, const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(known[i].name, option)) {
			apply(m, &known[i]);
			return;
		}
	add_super(m, option);
}

const char *mount_nth_option(unsigned n)
{
	return n < ARRAY_SIZE(known) ? known[n].name : NULL;
}
