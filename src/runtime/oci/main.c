/* redock-runtime: containers from OCI bundles, one verb a call. */
#include "base/mem.h"
#include "runtime/oci/cli.h"
#include "runtime/oci/self.h"

#include <linux/close_range.h>
#include <string.h>
#include <sys/syscall.h>

static int open_log(struct invocation *i, struct err *e)
{
	const struct options *o = &i->o;

	i->log.level = o->debug ? LOG_DEBUG : LOG_WARNING;
	if (o->log_level && log_level_parse(o->log_level, &i->log.level, e) < 0)
		return -e->code;
	if (o->log_format && !str_eq(o->log_format, "json") && !str_eq(o->log_format, "text"))
		return err_set(
			e, EINVAL, "'--log-format %s': expected text or json", o->log_format);
	i->log.json = o->log_format && str_eq(o->log_format, "json");
	return o->log ? log_open(&i->log, o->log, e) : 0;
}

static void choose_root(struct options *o)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (!o->root)
		o->root = geteuid() == 0 || !dir || *dir != '/'
				  ? xstrdup("/run/redock-runtime")
				  : xasprintf("%s/redock-runtime", dir);
}

/* Those verbs that enter a container. */
static bool enters(const char *verb)
{
	return str_eq(verb, "create") || str_eq(verb, "run") || str_eq(verb, "exec");
}

/* What our caller forgot to close is nobody's business in a container (T01). */
static void close_strangers(const struct options *o)
{
	const char *text = getenv("LISTEN_FDS");
	uint64_t listen = 0;

	if (text && str_to_u64(text, 1, 1024, &listen) < 0)
		listen = 0;
	syscall(SYS_close_range, 3U + (unsigned)o->preserve_fds + (unsigned)listen, ~0U, 0);
}

int main(int argc, char **argv)
{
	struct invocation i = { 0 };
	struct err e = { 0 };
	verb_fn *run = NULL;
	int r = cli_parse(argc, argv, &i, &run, &e);

	if (r == 0 && run) {
		choose_root(&i.o);
		if (enters(i.verb)) {
			r = self_seal(argv, &e);
			close_strangers(&i.o);
		}
		if (r == 0)
			r = open_log(&i, &e);
		if (r == 0)
			r = run(&i, &e);
	}
	if (r < 0) {
		log_err(&i.log, LOG_ERROR, &e);
		r = run && str_eq(i.verb, "exec") ? 255 : 1;
	}
	cli_release(&i);
	return r;
}
