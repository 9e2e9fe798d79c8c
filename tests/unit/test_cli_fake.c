#include "test_cli_fake.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cli/cli.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct fake fake;
static int log_fd = -1;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vdprintf(log_fd, format, ap);
	va_end(ap);
}

/* ---- running the program ---- */

static int temporary(void)
{
	return memfd_create("test", MFD_CLOEXEC);
}

static char *contents(int fd)
{
	struct str s = STR_INIT(1 << 24);
	char block[65536];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, block, sizeof block)) > 0)
		str_add_data(&s, block, (size_t)n);
	close(fd);
	return str_take(&s);
}

struct running run_cli_start(const char *line, int in, int out, int err)
{
	struct running r = { .out = temporary(), .err = temporary(), .log = temporary() };
	struct strv args = { 0 };

	for (const char *p = line; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		char *word = xstrndup(p, n);
		if (str_eq(word, "''"))
			*word = '\0';
		strv_push_take(&args, word);
		p += n;
	}
	fflush(stdout);
	fflush(stderr);
	r.pid = fork();
	if (r.pid == 0) {
		dup2(in, 0);
		dup2(out < 0 ? r.out : out, 1);
		dup2(err < 0 ? r.err : err, 2);
		/* a pipe's other end, held by us, would keep the test waiting for ever */
		log_fd = dup2(r.log, 3);
		close_range(4, ~0U, 0);
		for (int s = 1; s < SIGRTMIN; s++)
			signal(s, SIG_DFL); /* cmocka catches some */
		r.pid = cli_main((int)args.n, args.v);
		fflush(stdout);
		_exit(r.pid);
	}
	strv_release(&args);
	return r;
}

struct ran run_cli_finish(struct running *r)
{
	struct ran ran = { .status = proc_wait(r->pid) };

	ran.out = contents(r->out);
	ran.err = contents(r->err);
	ran.log = contents(r->log);
	return ran;
}

struct ran run_cli_on(const char *line, int in, int out, int err)
{
	struct running r = run_cli_start(line, in, out, err);

	return run_cli_finish(&r);
}

struct ran run_cli(const char *line, const char *input)
{
	auto_close int in = input ? temporary() : open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (input && (fs_write_all(in, input, strlen(input)) < 0 || lseek(in, 0, SEEK_SET) < 0))
		abort();
	return run_cli_on(line, in, -1, -1);
}

void ran_release(struct ran *r)
{
	free(r->out);
	free(r->err);
	free(r->log);
}

/* ---- containers ---- */

struct engine {
	struct engine_options options;
	const char *session_command;
	volatile pid_t *session_pid; /* shared with the fake monitor */
};

int engine_open(const char *url, const struct engine_options *o, struct engine **ret, struct err *e)
{
	if (fake.open_code) {
		err_set(e, fake.open_code, "redock needs root");
		return err_hint(e, "sudo redock");
	}
	note("open root=%s run_root=%s bridge=%s subnet=%s\n", o->root ? o->root : "-",
		o->run_root ? o->run_root : "-", o->bridge ? o->bridge : "-",
		o->subnet ? o->subnet : "-");
	*ret = xcalloc(1, sizeof **ret);
	(*ret)->options = *o;
	(*ret)->session_pid =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return 0;
}

void engine_close(struct engine *engine)
{
	if (engine)
		munmap((void *)engine->session_pid, 4096);
	free(engine);
}

const char *container_state_text(enum container_state state)
{
	static const char *const texts[] = { "created", "running", "paused", "exited" };

	return texts[state];
}

void container_info_release(struct container_info *i)
{
	container_config_release(&i->config);
	free(i->image_id);
	free(i->command);
	for (size_t k = 0; k < i->n_endpoints; k++)
		free(i->endpoints[k].address);
	free(i->endpoints);
	*i = (struct container_info){ 0 };
}

const char *container_info_address(const struct container_info *i)
{
	return i->n_endpoints ? i->endpoints[0].address : "";
}

void container_list_release(struct container_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		container_info_release(&l->v[i]);
	free(l->v);
}

static void fill(const struct fake_container *c, struct container_info *ret)
{
	*ret = (struct container_info){
		.config = { .name = xstrdup(c->name),
			.machine = c->machine ? xstrdup(c->machine) : NULL,
			.image = xstrdup(c->image),
			.hostname = xstrdup("host"),
			.network = xstrdup("bridge") },
		.image_id = xstrdup("sha256:0123456789abcdef0123456789abcdef"),
		.command = xstrdup("sh -c 'printf \033[31m; sleep 1000'"),
		.endpoints = xcalloc(1, sizeof *ret->endpoints),
		.n_endpoints = 1,
		.state = c->state,
		.exit_code = c->state == CONTAINER_EXITED ? 3 : 0,
		.created = 1700000000000000000,
	};
	ret->endpoints[0].address = xstrdup(c->state == CONTAINER_RUNNING ? "10.0.0.2" : "");
	strv_push(&ret->config.labels, "a.key=a\xc2\x9b=value");
	snprintf(ret->id, sizeof ret->id, "%s", c->id);
}

int engine_inspect(
	struct engine *engine, const char *name, struct container_info *ret, struct err *e)
{
	const struct fake_container *found = NULL;

	for (const struct fake_container *c = fake.containers; c && c->id; c++)
		if (str_eq(c->name, name) || (c->machine && str_eq(c->machine, name))) {
			fill(c, ret);
			return 0;
		}
	for (const struct fake_container *c = fake.containers; c && c->id; c++)
		if (strlen(name) >= 4 && str_starts(c->id, name)) {
			if (found)
				return err_set(e, ENOTUNIQ,
					"'%s' is the beginning of more than one id", name);
			found = c;
		}
	if (!found)
		return err_set(e, ENOENT, "no container '%s'", name);
	fill(found, ret);
	return 0;
}

int engine_inspect_machine(
	struct engine *engine, const char *machine, struct container_info *ret, struct err *e)
{
	for (const struct fake_container *c = fake.containers; c && c->id; c++)
		if (c->machine && str_eq(c->machine, machine)) {
			fill(c, ret);
			return 0;
		}
	return err_set(e, ENOENT, "no machine '%s'", machine);
}

int engine_list(struct engine *engine, bool all, struct container_list *ret, struct err *e)
{
	for (const struct fake_container *c = fake.containers; c && c->id; c++) {
		if (!all && c->state != CONTAINER_RUNNING)
			continue;
		ret->v = xrealloc_array(ret->v, ret->n + 1, sizeof *ret->v);
		fill(c, &ret->v[ret->n++]);
	}
	return 0;
}

static void note_list(const char *name, char *const *list)
{
	note(" %s=[", name);
	for (; list && *list; list++)
		note("%s%s", *list, list[1] ? "|" : "");
	note("]");
}

int engine_create(struct engine *engine, const struct container_config *c,
	char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	bool found = str_eq(c->image, "img");

	for (const char *const *i = fake.images; i && *i; i++)
		found |= str_eq(*i, c->image);
	if (!found)
		return err_set(e, ENOENT, "no image named '%s'", c->image);
	note("create name=%s image=%s", c->name ? c->name : "-", c->image);
	note_list("cmd", c->cmd.v);
	note_list("env", c->env.v);
	note(" host=%s dir=%s user=%s net=%s tty=%d in=%d rm=%d mem=%lld cpus=%lld pids=%lld\n",
		c->hostname ? c->hostname : "-", c->workdir ? c->workdir : "-",
		c->user ? c->user : "-", c->network ? c->network : "-", c->tty, c->stdin_open,
		c->auto_remove, (long long)c->resources.memory, (long long)c->resources.nano_cpus,
		(long long)c->resources.pids_limit);
	engine->session_command = c->cmd.n ? xstrdup(c->cmd.v[0]) : "true";
	snprintf(ret_id, ENGINE_ID_SIZE, "feedc0de");
	return 0;
}

int engine_kill(struct engine *engine, const char *id, int signal_number, struct err *e)
{
	note("kill %s %d\n", id, signal_number);
	if (*engine->session_pid)
		kill(-*engine->session_pid, signal_number);
	return 0;
}

int engine_wait(
	struct engine *engine, const char *id, enum wait_for what, int timeout_ms, struct err *e)
{
	note("wait %s %s %d\n", id, what == WAIT_EXIT ? "exit" : "ready", timeout_ms);
	return str_eq(id, fake.stubborn ? fake.stubborn : "")
		       ? err_set(e, ETIMEDOUT, "container '%s' still runs", id)
		       : 137;
}

int engine_remove(
	struct engine *engine, const char *id, const struct remove_options *o, struct err *e)
{
	bool force = o->force;

	note("remove %s%s\n", id, force ? " force" : "");
	for (const struct fake_container *c = fake.containers; c && c->id; c++)
		if (str_eq(c->id, id) && c->state == CONTAINER_RUNNING && !force)
			return err_set(e, EBUSY, "container '%s' runs", c->name);
	return 0;
}

int engine_commit(struct engine *engine, const char *id, const char *reference,
	const struct commit_options *o, char ret_image_id[72], struct err *e)
{
	note("commit %s %s m=%s a=%s\n", id, reference, o->message ? o->message : "-",
		o->author ? o->author : "-");
	snprintf(ret_image_id, 72, "sha256:1111");
	return 0;
}

/* ---- images ---- */

void image_info_release(struct image_info *i)
{
	free(i->reference);
	free(i->id);
	free(i->author);
	free(i->comment);
	*i = (struct image_info){ 0 };
}

void image_list_release(struct image_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		image_info_release(&l->v[i]);
	free(l->v);
}

static struct image_info make_image(const char *reference)
{
	return (struct image_info){
		.reference = xstrdup(reference),
		.id = xstrdup("sha256:0123456789abcdef0123456789abcdef"),
		.created = 1700000000000000000,
		.size = 123456789,
	};
}

int engine_image_list(struct engine *engine, struct image_list *ret, struct err *e)
{
	for (const char *const *i = fake.images; i && *i; i++) {
		ret->v = xrealloc_array(ret->v, ret->n + 1, sizeof *ret->v);
		ret->v[ret->n++] = make_image(*i);
	}
	return 0;
}

int engine_image_inspect(
	struct engine *engine, const char *reference, struct image_info *ret, struct err *e)
{
	for (const char *const *i = fake.images; i && *i; i++)
		if (str_eq(*i, reference)) {
			if (ret)
				*ret = make_image(*i);
			return 0;
		}
	return err_set(e, ENOENT, "no image named '%s'", reference);
}

int engine_image_import(struct engine *engine, int fd, const char *reference,
	const struct import_options *o, char ret_image_id[72], struct err *e)
{
	char block[64];
	ssize_t n = read(fd, block, sizeof block);

	note("import %zd bytes as %s m=%s\n", n, reference, o->message ? o->message : "-");
	snprintf(ret_image_id, 72, "sha256:2222");
	return 0;
}

int engine_image_remove(struct engine *engine, const char *reference, bool force, struct err *e)
{
	note("untag %s%s\n", reference, force ? " force" : "");
	if (str_eq(reference, "used:1") && !force)
		return err_set(e, EBUSY, "container 'web' was made from it");
	return 0;
}

int engine_reset(struct engine *engine, struct err *e)
{
	note("reset\n");
	return 0;
}

/* ---- sessions: a shell command of the host and a small monitor that pumps ---- */

struct session {
	int fd;
	char block[70000];
};

/* One message: its first byte tells what it is. */
static void say(int fd, char type, const void *data, size_t len)
{
	char block[70000] = { type };

	memcpy(block + 1, data, len);
	if (send(fd, block, len + 1, MSG_NOSIGNAL) < 0 && type == 'x')
		_exit(0); /* others: pump_client() finds the same */
}

struct pump {
	int client, in, streams[2];
	pid_t child;
	char input[70000];
	size_t len, done;
};

static void pump_input(struct pump *p)
{
	ssize_t n = write(p->in, p->input + p->done, p->len - p->done);

	if (n < 0 && errno != EAGAIN)
		close_fd(&p->in);
	else if (n > 0)
		p->done += (size_t)n;
	if (p->in < 0 || p->done == p->len)
		p->len = p->done = 0;
}

static void pump_client(struct pump *p)
{
	char block[70000];
	ssize_t n = recv(p->client, block, sizeof block, 0);

	if (n <= 0) { /* detached: a container would go on, a test must leave nothing behind */
		kill(-p->child, SIGKILL);
		_exit(0);
	}
	if (block[0] == 'e')
		close_fd(&p->in);
	if (block[0] == 'i' && p->in >= 0) {
		p->len = (size_t)n - 1;
		memcpy(p->input, block + 1, p->len);
	}
}

static void pump_stream(struct pump *p, int i)
{
	char block[65536];
	ssize_t n = read(p->streams[i], block, sizeof block);

	if (n > 0)
		say(p->client, i ? '2' : '1', block, (size_t)n);
	else
		close_fd(&p->streams[i]);
}

__attribute__((noreturn)) static void monitor(struct pump *p)
{
	int status;

	signal(SIGPIPE, SIG_IGN);
	fcntl(p->in, F_SETFL, O_NONBLOCK);
	while (p->streams[0] >= 0 || p->streams[1] >= 0) {
		struct pollfd fds[4] = {
			{ p->client, p->len && p->in >= 0 ? 0 : POLLIN,
				0 }, /* a hang-up counts always */
			{ p->len ? p->in : -1, POLLOUT, 0 },
			{ p->streams[0], POLLIN, 0 },
			{ p->streams[1], POLLIN, 0 },
		};
		if (poll(fds, 4, -1) < 0)
			continue;
		if (fds[0].revents)
			pump_client(p);
		if (fds[1].revents)
			pump_input(p);
		for (int i = 0; i < 2; i++)
			if (fds[2 + i].revents)
				pump_stream(p, i);
	}
	status = proc_wait(p->child);
	say(p->client, 'x', &status, sizeof status);
	_exit(0);
}

static void run_container(struct engine *engine, int client)
{
	int in[2], out[2], err[2];
	sigset_t none;
	pid_t child;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		_exit(99);
	child = fork();
	if (child == 0) {
		auto_str command = STR_INIT(4096);

		/* words are given without blanks: "a_b" is "a b" */
		str_add(&command, engine->session_command);
		for (size_t i = 0; i < command.len; i++)
			if (command.data[i] == '_')
				command.data[i] = ' ';
		setpgid(0, 0);
		dup2(in[0], 0), dup2(out[1], 1), dup2(err[1], 2);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		execl("/bin/sh", "sh", "-c", str_text(&command), (char *)NULL);
		_exit(127);
	}
	setpgid(child, child);
	*engine->session_pid = child;
	close(in[0]), close(out[1]), close(err[1]);
	close(0), close(1), close(2);
	monitor(&(struct pump){
		.client = client,
		.in = in[1],
		.streams = { out[0], err[0] },
		.child = child,
	});
}

int engine_start(struct engine *engine, const char *id, struct session **ret_session,
	int *ret_exec_status, struct err *e)
{
	int pair[2];

	note("start %s%s\n", id, ret_session ? " attached" : "");
	if (fake.start_code) {
		*ret_exec_status = fake.start_exec_status;
		return err_set(e, fake.start_code, "cannot execute 'nosuch'");
	}
	if (!ret_session)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "socketpair");
	if (fork() == 0) {
		close(pair[0]);
		run_container(engine, pair[1]);
	}
	close(pair[1]);
	*ret_session = xcalloc(1, sizeof **ret_session);
	(*ret_session)->fd = pair[0];
	return 0;
}

int session_fd(const struct session *s)
{
	return s->fd;
}

int session_next(struct session *s, struct session_event *ret, struct err *e)
{
	ssize_t n;

	/* a peer that closes with our input unread resets us, once, before what it sent last */
	do
		n = recv(s->fd, s->block, sizeof s->block, 0);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	*ret = (struct session_event){ .type = SESSION_LOST };
	if (n <= 0)
		return 0;
	if (s->block[0] == 'x') {
		ret->type = SESSION_EXIT;
		memcpy(&ret->exit_code, s->block + 1, sizeof ret->exit_code);
		return 0;
	}
	ret->type = SESSION_OUTPUT;
	ret->stream = s->block[0] - '0';
	ret->data = s->block + 1;
	ret->len = (size_t)n - 1;
	return 0;
}

static int send_message(struct session *s, char type, const void *data, size_t len)
{
	char block[70000] = { type };

	if (len)
		memcpy(block + 1, data, len);
	/* must never block: the loop asks only when there is room */
	if (send(s->fd, block, len + 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

int session_send(struct session *s, const void *data, size_t len, struct err *e)
{
	int r = send_message(s, 'i', data, len);

	if (r == -EAGAIN)
		abort();
	return r;
}

int session_close_stdin(struct session *s, struct err *e)
{
	return send_message(s, 'e', NULL, 0);
}

int session_resize(struct session *s, unsigned rows, unsigned columns, struct err *e)
{
	note("resize %ux%u\n", rows, columns);
	return 0;
}

void session_close(struct session *s)
{
	close(s->fd);
	free(s);
}

/* ---- machines ---- */

int machine_name_parse(const char *text, struct machine_name *ret, struct err *e)
{
	const char *colon = strchr(text, ':');

	if (!*text || strpbrk(text, " /!")) {
		err_set(e, EINVAL, "'%s' is no machine name", text);
		return err_hint(e, "NAME or REPOSITORY:NAME");
	}
	snprintf(ret->repository, sizeof ret->repository, "%.*s", colon ? (int)(colon - text) : 2,
		colon ? text : "me");
	snprintf(ret->tag, sizeof ret->tag, "%s", colon ? colon + 1 : text);
	snprintf(ret->text, sizeof ret->text, "%s:%s", ret->repository, ret->tag);
	return 0;
}

int machine_start(struct engine *engine, const struct machine_name *name,
	const struct machine_start *o, struct machine_started *ret, struct err *e)
{
	struct container_info info;

	note("machine_start %s host=%s from=%s mirror=%s timeout=%d\n", name->text,
		o->hostname ? o->hostname : "-", o->from ? o->from : "-",
		o->mirror ? o->mirror : "-", o->timeout_ms);
	if (fake.say) {
		engine->options.say(engine->options.say_arg, 0, "making \033[2Jthe base image");
		engine->options.say(engine->options.say_arg, 1, "a detail");
		engine->options.say(engine->options.say_arg, 2, "a finer detail");
	}
	if (str_eq(name->tag, "broken"))
		return err_set(e, EIO, "cannot start '%s'", name->text);
	snprintf(ret->alias, sizeof ret->alias, "%.60s-container", name->tag);
	if (engine_inspect_machine(engine, name->text, &info, e) < 0) {
		ret->created = true;
		return 0;
	}
	ret->restarted = info.state != CONTAINER_RUNNING;
	container_info_release(&info);
	return 0;
}

int machine_ssh(
	struct engine *engine, const struct machine_name *name, char *const *argv, struct err *e)
{
	note("ssh %s", name->text);
	note_list("argv", argv);
	note("\n");
	return fake.ssh_status;
}

int machine_commit(struct engine *engine, const struct machine_name *name,
	const struct commit_options *o, struct err *e)
{
	note("machine_commit %s m=%s a=%s\n", name->text, o->message ? o->message : "-",
		o->author ? o->author : "-");
	return 0;
}

int machine_kill(struct engine *engine, const struct machine_name *name, bool *ret_absent,
	uint64_t *ret_lost, struct err *e)
{
	struct container_info info;

	note("machine_kill %s\n", name->text);
	*ret_absent = engine_inspect_machine(engine, name->text, &info, e) < 0;
	*ret_lost = fake.lost;
	if (!*ret_absent)
		container_info_release(&info);
	return 0;
}

int machine_delete(
	struct engine *engine, const struct machine_name *name, bool force, struct err *e)
{
	note("machine_delete %s%s\n", name->text, force ? " force" : "");
	if (str_eq(name->tag, "used") && !force)
		return err_set(e, EBUSY, "machine '%s' was made from it", name->text);
	return 0;
}

void machine_list_release(struct machine_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].image);
		free(l->v[i].address);
		free(l->v[i].alias);
	}
	free(l->v);
}

int machine_list(struct engine *engine, struct machine_list *ret, struct err *e)
{
	for (const struct fake_container *c = fake.containers; c && c->id; c++) {
		if (!c->machine)
			continue;
		ret->v = xrealloc_array(ret->v, ret->n + 1, sizeof *ret->v);
		ret->v[ret->n++] = (struct machine_info){
			.name = xstrdup(c->machine),
			.image = xstrdup(c->image),
			.address = xstrdup("10.0.0.2"),
			.alias = xstrdup("alias-container"),
			.state = c->state,
			.ready = true,
			.since = 1700000000000000000,
		};
	}
	return 0;
}

int machine_forget_all(struct engine *engine, struct err *e)
{
	note("forget_all\n");
	return 0;
}
