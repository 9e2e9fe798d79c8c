#include "base/mem.h"
#include "base/fs.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <string.h>

#define SECRET_MAX ((size_t)64 << 10)

struct login_options {
	const char *user;
	bool password_stdin;
};

#define TARGET(member) offsetof(struct login_options, member)
static const struct verb_option options[] = {
	{ OPTION_TEXT, 'u', "username", "NAME", "who you are there", TARGET(user), value_line },
	{ OPTION_FLAG, 0, "password-stdin", NULL, "the password is what standard input holds",
		TARGET(password_stdin) },
	{ 0 },
};

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* All of standard input without the newline at its end. */
static int read_password(char **ret, struct err *e)
{
	char *text = xcalloc(1, SECRET_MAX + 1);
	ssize_t n = fs_read_full(0, text, SECRET_MAX + 1);

	if (n < 0 || (size_t)n > SECRET_MAX) {
		explicit_bzero(text, SECRET_MAX);
		free(text);
		return err_set(e, EINVAL, "standard input holds no password");
	}
	text[n] = '\0';
	if (n && text[n - 1] == '\n')
		text[--n] = '\0';
	if (n && text[n - 1] == '\r')
		text[--n] = '\0';
	*ret = text;
	return 0;
}

/* A line from the terminal, byte by byte as raw mode has it; only what `shown` says is echoed. */
static int ask(const char *prompt, bool shown, char **ret, struct err *e)
{
	char text[1024] = "";
	size_t n = 0;
	char c;
	int r;

	fprintf(stderr, "%s: ", prompt);
	r = terminal_raw(0, e);
	while (r == 0 && read(0, &c, 1) == 1 && c != '\r' && c != '\n') {
		if (c == 3 || c == 4) /* ctrl-c, ctrl-d */
			r = err_set(e, ECANCELED, "nothing was entered");
		else if ((c == 8 || c == 127) && n) {
			n--;
			fputs(shown ? "\b \b" : "", stderr);
		} else if ((unsigned char)c >= 0x20 && c != 127 && n + 1 < sizeof text) {
			text[n++] = c;
			if (shown)
				fputc(c, stderr);
		}
	}
	terminal_restore();
	fputc('\n', stderr);
	text[n] = '\0';
	if (r == 0)
		*ret = xstrdup(text);
	explicit_bzero(text, sizeof text);
	return r;
}

static int get_answers(const struct login_options *o, char **user, char **password, struct err *e)
{
	int r = 0;

	if (o->user)
		*user = xstrdup(o->user);
	if (!isatty(0) && !o->password_stdin) {
		cli_usage(e, "there is no terminal to ask for the password");
		err_hint(e, "redock login -u NAME --password-stdin SERVER <FILE");
		return CLI_USAGE;
	}
	if (!o->user && o->password_stdin)
		return cli_usage(e, "option '--password-stdin' needs '--username'");
	if (!*user)
		r = ask("Username", true, user, e);
	if (r == 0)
		r = o->password_stdin ? read_password(password, e)
				      : ask("Password", false, password, e);
	if (r == 0 && (!**user || !**password))
		r = err_set(e, EINVAL, "a user name and a password are needed");
	return r;
}

static int login_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct login login = { .host = n_operands ? operands[0] : NULL };
	struct login_result done = { 0 };
	char *user = NULL, *password = NULL;
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r >= 0)
		r = get_answers(opt, &user, &password, e);
	if (r >= 0) {
		login.user = user;
		login.password = password;
		r = engine_login(engine, &login, &done, e);
	}
	forget(password);
	free(user);
	if (r == 0)
		cli_note(c, "Login Succeeded");
	login_result_release(&done);
	return r;
}

static const struct verb_example examples[] = {
	{ "redock login registry.example.org", "asks for user name and password" },
	{ "redock login -u me --password-stdin localhost:5000 <FILE", "for scripts" },
	{ NULL },
};

const struct verb verb_login = {
	.name = "login",
	.group = GROUP_IMAGES,
	.operands = "[SERVER]",
	.summary = "Log in to a registry",
	.description =
		"Asks SERVER (HOST[:PORT]; Docker Hub unless given) whether it takes user "
		"name and password, and keeps them for pull and push if it does: in auth.json "
		"of the configuration folder, readable for its owner alone. Docker's own "
		"files are read, but never written.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct login_options),
	.max_operands = 1,
	.run = login_run,
};

static int logout_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct login_result done = { 0 };
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = engine_logout(engine, n_operands ? operands[0] : NULL, &done, e)) < 0)
		return r;
	if (done.was)
		cli_note(c, "Removing login credentials for %s", done.host);
	else
		cli_note(c, "Not logged in to %s", done.host);
	if (done.elsewhere)
		cli_note(c, "another program's file still has some: docker logout %s", done.host);
	login_result_release(&done);
	return 0;
}

static const struct verb_example logout_examples[] = {
	{ "redock logout localhost:5000", "forget what login has kept" },
	{ NULL },
};

const struct verb verb_logout = {
	.name = "logout",
	.group = GROUP_IMAGES,
	.operands = "[SERVER]",
	.summary = "Log out from a registry",
	.description = "Forgets what login has kept for SERVER (Docker Hub unless given). What "
		       "Docker's own files hold stays, and is said.",
	.examples = logout_examples,
	.max_operands = 1,
	.run = logout_run,
};
