/* The verbs that change what a container does: start, kill, delete, pause, resume. */
#include "base/mem.h"
#include "runtime/cgroup.h"
#include "runtime/oci/container.h"
#include "runtime/oci/names.h"
#include "runtime/oci/self.h"

#include <dirent.h>
#include <fcntl.h>
#include <regex.h>

static int wrong_status(
	const struct state *s, enum state_status is, const char *what, struct err *e)
{
	return err_set(
		e, EINVAL, "container '%s' is %s: it cannot be %s", s->id, state_word(is), what);
}

int verb_start(struct invocation *i, struct err *e)
{
	auto_state s = STATE_INIT;
	auto_oci_config c = OCI_CONFIG_INIT;
	enum state_status status;

	if (state_open(i->o.root, i->operands[0], true, &s, e) < 0)
		return -e->code;
	status = state_status(&s);
	if (status != STATE_CREATED)
		return wrong_status(&s, status, "started", e);
	if (container_config(&s, &c, e) < 0 || self_seccomp_again(&c, e) < 0)
		return -e->code;
	return container_start(&s, &c, i, e);
}

/* Calls `each` for every container whose id fits the expression. */
static int for_regex(struct invocation *i, struct err *e,
	int (*each)(struct invocation *i, const char *id, struct err *e))
{
	auto_dir DIR *d = opendir(i->o.root);
	const struct dirent *entry;
	regex_t fits;
	int r = regcomp(&fits, i->operands[0], REG_EXTENDED | REG_NOSUB);

	if (r != 0)
		return err_set(e, EINVAL, "'%s' is no regular expression", i->operands[0]);
	r = 0;
	while (d && r == 0 && (entry = readdir(d)))
		if (*entry->d_name != '.' && regexec(&fits, entry->d_name, 0, NULL, 0) == 0)
			r = each(i, entry->d_name, e);
	regfree(&fits);
	return r;
}

static int kill_one(struct invocation *i, const char *id, struct err *e)
{
	const char *name = i->n_operands > 1 ? i->operands[1] : "TERM";
	int sig = name_signal(name);
	auto_state s = STATE_INIT;
	enum state_status status;

	if (sig < 0)
		return err_set(e, EINVAL, "there is no signal '%s'", name);
	if (state_open(i->o.root, id, false, &s, e) < 0)
		return -e->code;
	status = state_status(&s);
	if (status == STATE_CREATING || (status == STATE_STOPPED && !i->o.all))
		return wrong_status(&s, status, "signalled", e);
	return container_signal(&s, sig, i->o.all, e);
}

int verb_kill(struct invocation *i, struct err *e)
{
	return i->o.regex ? for_regex(i, e, kill_one) : kill_one(i, i->operands[0], e);
}

static int delete_one(struct invocation *i, const char *id, struct err *e)
{
	auto_state s = STATE_INIT;
	enum state_status status;
	int r = state_open(i->o.root, id, true, &s, e);

	if (r == -ENOENT && i->o.force) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	status = state_status(&s);
	if (status == STATE_CREATING) /* we hold the lock: its maker is gone */
		status = STATE_STOPPED;
	if (status != STATE_STOPPED && !i->o.force) {
		wrong_status(&s, status, "deleted", e);
		return err_hint(e, "redock-runtime delete --force %s", s.id);
	}
	return container_destroy(&s, i, e);
}

int verb_delete(struct invocation *i, struct err *e)
{
	return i->o.regex ? for_regex(i, e, delete_one) : delete_one(i, i->operands[0], e);
}

static int freeze(struct invocation *i, bool on, struct err *e)
{
	auto_state s = STATE_INIT;
	enum state_status status;

	if (state_open(i->o.root, i->operands[0], true, &s, e) < 0)
		return -e->code;
	status = state_status(&s);
	if (on && status != STATE_RUNNING && status != STATE_CREATED)
		return wrong_status(&s, status, "paused", e);
	if (!on && status != STATE_PAUSED)
		return wrong_status(&s, status, "resumed", e);
	return on ? cgroup_freeze(s.cgroup, s.pid, e) : cgroup_thaw(s.cgroup, s.pid, e);
}

int verb_pause(struct invocation *i, struct err *e)
{
	return freeze(i, true, e);
}

int verb_resume(struct invocation *i, struct err *e)
{
	return freeze(i, false, e);
}
