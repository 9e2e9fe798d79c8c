#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "net/bridge.h"

#include <fcntl.h>

#define STATE_NAME    "bridge.json"
#define STATE_MAX     4096
#define STATE_VERSION 1

static void get_subnet(const json_t *j, struct subnet *ret)
{
	struct err ignored = { 0 };

	if (subnet_parse(json_str(j, "subnet", ""), ret, &ignored) < 0)
		ret->prefix = 0;
}

int state_load(const struct net *net, struct bridge_state *ret, struct err *e)
{
	auto_json *j = NULL;
	struct bridge_state s = { 0 };
	int r = json_read_file(net->run_fd, STATE_NAME, STATE_MAX, &j, e);

	if (r == -ENOENT || r == -EINVAL) { /* torn by a power failure, it is as good as missing */
		err_clear(e);
		*ret = s;
		return 0;
	}
	if (r < 0)
		return r;
	if (json_int(j, "version", 0) != STATE_VERSION)
		return err_set(e, EPROTO, "bridge '%s' was made by another version of redock",
			net->bridge);
	get_subnet(j, &s.subnet);
	s.restore_forwarding = json_bool(j, "restore_forwarding", false);
	s.firewall.generation = (uint32_t)json_int(j, "generation", 0);
	s.firewall.legacy = (uint32_t)json_int(j, "legacy", 0);
	s.rules = strtoull(json_str(j, "rules", "0"), NULL, 16);
	*ret = s;
	return 0;
}

int state_save(const struct net *net, const struct bridge_state *s, struct err *e)
{
	char subnet[SUBNET_TEXT_SIZE], rules[20], boot[37];
	auto_json *j = NULL;

	subnet_format(&s->subnet, subnet);
	snprintf(rules, sizeof rules, "%016llx", (unsigned long long)s->rules);
	proc_boot_id(boot);
	j = json_pack("{s:i, s:s, s:s, s:s, s:b, s:I, s:I, s:s}", "version", STATE_VERSION, "boot",
		boot, "bridge", net->bridge, "subnet", subnet, "restore_forwarding",
		(int)s->restore_forwarding, "generation", (json_int_t)s->firewall.generation,
		"legacy", (json_int_t)s->firewall.legacy, "rules", rules);
	return json_write_file(net->run_fd, STATE_NAME, j, 0600, FS_VOLATILE, e);
}

int state_remove(const struct net *net, struct err *e)
{
	if (unlinkat(net->run_fd, STATE_NAME, 0) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove '%s'", STATE_NAME);
	return 0;
}

bool state_is_stale(const struct net *net)
{
	struct err ignored = { 0 };
	auto_json *j = NULL;
	char boot[37];

	if (json_read_file(net->run_fd, STATE_NAME, STATE_MAX, &j, &ignored) < 0)
		return false;
	proc_boot_id(boot);
	return !str_eq(json_str(j, "boot", boot), boot);
}

void state_recorded_subnet(const struct net *net, struct subnet *ret)
{
	struct err ignored = { 0 }; /* it is a preference: without it another one is chosen */
	auto_json *j = NULL;

	ret->prefix = 0;
	if (json_read_file(net->root_fd, "networks/" STATE_NAME, STATE_MAX, &j, &ignored) < 0)
		return;
	get_subnet(j, ret);
}

int state_record_subnet(const struct net *net, const struct subnet *s, struct err *e)
{
	auto_close int dir = -1;
	auto_json *j = NULL;
	char text[SUBNET_TEXT_SIZE];
	struct subnet old;

	state_recorded_subnet(net, &old);
	if (old.prefix == s->prefix && old.first == s->first)
		return 0;
	dir = fs_open_dir_make(net->root_fd, "networks", 0700, e);
	if (dir < 0)
		return dir;
	subnet_format(s, text);
	j = json_pack("{s:i, s:s}", "version", STATE_VERSION, "subnet", text);
	return json_write_file(dir, STATE_NAME, j, 0600, FS_DURABLE, e);
}
