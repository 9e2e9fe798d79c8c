/*
 * redock-registry: speaks with registries, in a process of its own, so that libcurl and TLS are not
 * linked into every command, and what a server sends is parsed where nothing else happens.
 * It is spoken to by client.c; protocol.h describes the conversation.
 */
#include "base/mem.h"
#include "registry/events.h"
#include "registry/fetch.h"
#include "registry/login.h"
#include "registry/protocol.h"
#include "registry/pull.h"
#include "registry/push.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static int read_request(json_t **ret, struct err *e)
{
	struct str text = STR_INIT(REGISTRY_REQUEST_MAX);
	char block[16384];
	ssize_t n;
	int r;

	while ((n = fs_read_full(REGISTRY_REQUEST, block, sizeof block)) > 0)
		str_add_data(&text, block, (size_t)n);
	if (n < 0 || text.overflow)
		r = err_set(e, EINVAL, "cannot read the request");
	else
		r = json_parse(str_text(&text), text.len, "the request", ret, e);
	/* a password may be in it */
	explicit_bzero(block, sizeof block);
	if (text.data)
		explicit_bzero(text.data, text.len);
	str_release(&text);
	return r;
}

static void prepare_process(void)
{
	struct rlimit files;

	/* a person who interrupts the command wants this to stop, too; what has come is kept for
	 * the next attempt */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* what it holds in memory is secret */
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

static int with_store(struct http *http, const struct registry_settings *settings,
	const json_t *request, bool pull, json_t **ret, struct err *e)
{
	struct store *store = NULL;
	int r;

	if (store_open(REGISTRY_ROOT, &store, e) < 0)
		return -e->code;
	r = pull ? pull_run(store, http, settings, request, ret, e)
		 : push_run(store, http, settings, request, ret, e);
	store_close(store);
	return r;
}

static int run(const json_t *request, json_t **ret, struct err *e)
{
	const char *op = json_str(request, "op", "");
	auto_registry_settings settings = { 0 };
	struct http *http = NULL;
	int r;

	if (str_eq(op, "logout"))
		return logout_run(request, ret, e);
	if (registry_settings_load(&settings, e) < 0 || http_open(&settings, &http, e) < 0)
		return -e->code;
	if (str_eq(op, "login"))
		r = login_run(http, &settings, request, ret, e);
	else if (str_eq(op, "fetch"))
		r = fetch_run(http, request, ret, e);
	else if (str_eq(op, "pull") || str_eq(op, "push"))
		r = with_store(http, &settings, request, str_eq(op, "pull"), ret, e);
	else
		r = err_set(e, EINVAL, "the request asks for nothing that is known");
	http_close(http);
	return r;
}

int main(void)
{
	auto_json *request = NULL;
	json_t *answer = NULL;
	struct err e = { 0 };

	if (fcntl(REGISTRY_REQUEST, F_GETFD) < 0) {
		fputs("redock-registry: this program is used by redock itself\n", stderr);
		return 2;
	}
	prepare_process();
	if (read_request(&request, &e) < 0 || run(request, &answer, &e) < 0) {
		event_failure(&e);
		return 1;
	}
	event_result(answer ? answer : json_object());
	return 0;
}
