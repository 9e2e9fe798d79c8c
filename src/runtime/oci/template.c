/* `spec`: a configuration to begin with. */
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "runtime/oci/cli.h"
#include "runtime/oci/config.h"
#include "runtime/posture.h"

#include <fcntl.h>
#include <string.h>

static const char template[] =
	"{\"ociVersion\":\"" CONFIG_SPEC_VERSION "\","
	"\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],"
	"\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\","
	"\"TERM=xterm\"],\"cwd\":\"/\",\"capabilities\":{},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],"
	"\"noNewPrivileges\":true},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"redock\","
	"\"mounts\":["
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
	"\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\","
	"\"gid=5\"]},"
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
	"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}],"
	"\"linux\":{\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},"
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},"
	"{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"cgroup\"}]}}";

static json_t *paths(const char *const *list)
{
	json_t *all = json_array();

	for (; *list; list++)
		json_array_append_new(all, json_string(*list));
	return all;
}

/* The default confinement's, in each set that matters to root. */
static void add_caps(json_t *config)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	json_t *caps = json_object_get(json_object_get(config, "process"), "capabilities");

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		json_t *list = json_array();
		for (unsigned n = 0; n < 64; n++)
			if (posture_caps & (UINT64_C(1) << n))
				json_array_append_new(
					list, json_sprintf("CAP_%s", posture_cap_name(n)));
		json_object_set_new(caps, sets[i], list);
	}
}

/* Without the rights that root has: one user, nobody's network to change, no groups of control. */
static void make_rootless(json_t *config)
{
	json_t *l = json_object_get(config, "linux"), *m = json_object_get(config, "mounts"), *item;
	size_t i;

	json_array_append_new(json_object_get(l, "namespaces"), json_pack("{s:s}", "type", "user"));
	json_object_set_new(l, "uidMappings",
		json_pack("[{s:i, s:I, s:i}]", "containerID", 0, "hostID", (json_int_t)geteuid(),
			"size", 1));
	json_object_set_new(l, "gidMappings",
		json_pack("[{s:i, s:I, s:i}]", "containerID", 0, "hostID", (json_int_t)getegid(),
			"size", 1));
	json_object_del(l, "resources");
	json_array_foreach(m, i, item)
	{
		json_t *options = json_object_get(item, "options");
		const char *target = json_string_value(json_object_get(item, "destination"));
		if (str_eq(target, "/dev/pts")) /* group 5 is not mapped */
			json_array_remove(options, json_array_size(options) - 1);
	}
	json_array_remove(m, json_array_size(m) - 1);
}

int verb_spec(struct invocation *i, struct err *e)
{
	auto_json *config = NULL;
	const char *dir = i->o.bundle ? i->o.bundle : ".";
	auto_close int fd = -1, at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_free char *text = NULL;
	json_t *l;

	if (json_parse(template, sizeof template - 1, "the template", &config, e) < 0)
		return -e->code;
	l = json_object_get(config, "linux");
	json_object_set_new(l, "maskedPaths", paths(posture_masked));
	json_object_set_new(l, "readonlyPaths", paths(posture_read_only));
	add_caps(config);
	if (i->o.rootless && !str_eq(i->o.rootless, "false"))
		make_rootless(config);
	text = json_dumps(config, JSON_INDENT(4) | JSON_PRESERVE_ORDER);
	fd = openat(at, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST) {
		err_set(e, EEXIST, "'%s/config.json' is there already", dir);
		return err_hint(e, "move it away first");
	}
	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0 || fs_write_all(fd, "\n", 1) < 0)
		return err_errno(e, "cannot write '%s/config.json'", dir);
	return 0;
}
