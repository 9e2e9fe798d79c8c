#include "engine/local/names.h"
#include "base/mem.h"

#include <string.h>
#include <sys/random.h>

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

int container_name_check(const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (n >= 1 && n <= 128 && strchr(ALNUM, name[0]) && strspn(name, ALNUM "_.-") == n)
		return 0;
	err_set(e, EINVAL, "'%.40s' cannot be a container's name", name);
	return err_hint(e, "letters, digits, '_', '.', '-', at most 128, a letter or digit first");
}

void container_name_make_up(unsigned attempt, char ret[48])
{
	static const char *const first[] = { "amber", "brave", "brisk", "bright", "calm", "clever",
		"cosy", "curious", "eager", "early", "fair", "fond", "fresh", "gentle", "glad",
		"golden", "happy", "honest", "jolly", "keen", "kind", "lively", "lucky", "mellow",
		"merry", "mild", "neat", "nimble", "noble", "patient", "plucky", "polite", "proud",
		"quick", "quiet", "ready", "rosy", "sharp", "silent", "smart", "snug", "sober",
		"steady", "sunny", "swift", "tidy", "tough", "vivid", "warm", "wise" };
	static const char *const second[] = { "badger", "beaver", "bison", "bream", "curlew",
		"crane", "dolphin", "dormouse", "eagle", "egret", "falcon", "ferret", "finch",
		"fox", "gecko", "gull", "hare", "heron", "ibis", "jackdaw", "kestrel", "kiwi",
		"lark", "linnet", "lynx", "magpie", "marten", "mole", "newt", "otter", "owl",
		"perch", "pike", "plover", "puffin", "quail", "raven", "robin", "salmon", "seal",
		"shrew", "sparrow", "stoat", "stork", "swan", "teal", "tern", "trout", "wren",
		"yak" };
	unsigned r[2] = { 0, 0 };

	if (getrandom(r, sizeof r, 0) != sizeof r)
		abort();
	snprintf(ret, 48, "%s_%s", first[r[0] % ARRAY_SIZE(first)],
		second[r[1] % ARRAY_SIZE(second)]);
	if (attempt) {
		size_t n = strlen(ret);
		snprintf(ret + n, 48 - n, "%u", attempt);
	}
}
