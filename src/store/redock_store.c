/*
 * redock-store: what changes the image store, in a process of its own, so that libarchive and
 * libcrypto are not linked into every command, and are not in the way when they fail.
 * It is spoken to by client.c, which describes the conversation, on the descriptors of internal.h.
 */
#include "base/mem.h"
#include "store/check.h"
#include "store/load.h"
#include "store/save.h"
#include "store/write.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void say(json_t *j)
{
	auto_json *line = j;
	auto_free char *text = line ? json_text(line) : NULL;
	auto_free char *all = text ? xasprintf("%s\n", text) : NULL;

	/* whoever asked is gone: the work goes on, since the next reader of the store wants it
	 * whole */
	if (all)
		(void)fs_write_all(HELPER_OUT, all, strlen(all));
}

static void say_progress(void *arg, const char *line)
{
	(void)arg;
	say(json_pack("{s:s}", "progress", line));
}

static void say_moment(void *arg, const char *line)
{
	(void)arg;
	say(json_pack("{s:s}", "moment", line));
}

static void say_read_done(void *arg)
{
	(void)arg;
	say(json_pack("{s:b}", "read_done", 1));
}

/* A sentence may quote a name that is not UTF-8, which JSON cannot. */
static void only_ascii(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			*text = '?';
}

static int say_error(struct err *e)
{
	only_ascii(e->text);
	only_ascii(e->hint);
	say(json_pack("{s:s, s:i, s:s}", "error", e->text, "code", e->code, "hint", e->hint));
	return 1;
}

static int read_request(json_t **ret, struct err *e)
{
	auto_str text = STR_INIT(HELPER_REQUEST_MAX);
	char block[16384];
	ssize_t n;

	while ((n = fs_read_full(HELPER_REQUEST, block, sizeof block)) > 0)
		str_add_data(&text, block, (size_t)n);
	if (n < 0 || text.overflow)
		return err_set(e, EINVAL, "cannot read the request");
	return json_parse(str_text(&text), text.len, "the request", ret, e);
}

static void prepare_process(void)
{
	struct rlimit files;

	/* a person who interrupts the command wants this to stop, too; all it leaves behind is an
	 * abandoned operation */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	/* joining many layers holds one directory of each at every depth */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* no configuration file, no engines: only a digest is wanted */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

static int run(struct store *s, const json_t *request, const struct teller *teller,
	struct digest *ret_id, json_t **ret_stat, struct err *e)
{
	const char *what = json_str(request, "op", "");

	if (str_eq(what, "export"))
		return change_export(s, request, HELPER_OTHER, HELPER_DATA, teller, e);
	if (str_eq(what, "load"))
		return load_images(s, HELPER_DATA, teller, ret_stat, e);
	if (str_eq(what, "save"))
		return save_images(s, request, HELPER_DATA, e);
	if (str_eq(what, "check"))
		return check_store(s, request, teller, ret_stat, e);
	return change_run(s, request, HELPER_DATA, teller, ret_id, e);
}

int main(void)
{
	const struct teller teller = {
		.progress = say_progress, .moment = say_moment, .read_done = say_read_done
	};
	auto_json *request = NULL;
	json_t *stat = NULL;
	struct store *store = NULL;
	struct err e = { 0 };
	struct digest id = { "" };
	int r;

	if (fcntl(HELPER_REQUEST, F_GETFD) < 0) {
		fputs("redock-store: this program is used by redock itself\n", stderr);
		return 2;
	}
	prepare_process();
	if (read_request(&request, &e) < 0)
		return say_error(&e);
	if (files_run(request, &teller, &stat, &r, &e)) {
		if (r < 0)
			return say_error(&e);
		say(stat ? json_pack("{s:b, s:o}", "ok", 1, "stat", stat)
			 : json_pack("{s:b}", "ok", 1));
		return 0;
	}
	if (store_open(HELPER_ROOT, &store, &e) < 0)
		return say_error(&e);
	r = run(store, request, &teller, &id, &stat, &e);
	store_close(store);
	if (r < 0)
		return say_error(&e);
	if (stat)
		say(json_pack("{s:b, s:o}", "ok", 1, "stat", stat));
	else if (*id.text)
		say(json_pack("{s:b, s:s}", "ok", 1, "id", id.text));
	else
		say(json_pack("{s:b}", "ok", 1));
	return 0;
}
