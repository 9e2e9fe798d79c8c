/* The verbs, run as a person does, on an engine made up (test_cli_fake.h). */
#include "test_cli_case.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/text.h"
#include "cli/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>

static const struct fake_container containers[] = {
	{ "web", NULL, "aaaa1111", "img:latest", CONTAINER_RUNNING },
	{ "old", NULL, "aaaa2222", "img:latest", CONTAINER_EXITED },
	{ "me.demo", "me:demo", "bbbb1111", "redock:base", CONTAINER_RUNNING },
	{ "me.bbbb", "me:bbbb", "cccc1111", "redock:base", CONTAINER_EXITED },
	{ NULL },
};
static const char *const images[] = { "debian:latest", "used:1", "host:5000/a", "img:v2", NULL };

static int reset_fake(void **state)
{
	fake = (struct fake){ .containers = containers, .images = images };
	setenv("TERM", "xterm", 1);
	unsetenv("CLICOLOR_FORCE");
	unsetenv("NO_COLOR");
	return 0;
}

static void usage_errors(void **state)
{
	static const struct verb_case cases[] = {
		{ "strat", 2, "", "redock: unknown command 'strat'\n  try: redock start\n", "" },
		{ "xyzzy", 2, "", "redock: unknown command 'xyzzy'\n  try: redock help\n", "" },
		{ "--nosuch ps", 2, "", "unknown option '--nosuch'\n  try: redock help\n", "" },
		{ "--rot x ps", 2, "", "  try: redock --root DIR\n", "" },
		{ "--root", 2, "", "needs a value", "" },
		{ "--root '' ps", 2, "", "option '--root': the value is empty", "" },
		{ "start", 2, "", "'start' needs NAME...\n  try: redock help start\n", "" },
		{ "start --nosuch x", 2, "", "unknown option '--nosuch'", "" },
		{ "start a b -n h", 2, "", "option '--hostname' is for one machine", "" },
		{ "start a --timeout soon", 2, "", "'soon' is no number of seconds", "" },
		{ "ssh", 125, "", "'ssh' needs NAME", "" },
		{ "ssh --nosuch x", 125, "", "unknown option", "" },
		{ "run", 125, "", "'run' needs IMAGE", "" },
		{ "run --nmae x img", 125, "", "  try: redock run --name NAME\n", "" },
		{ "run --network n/a img", 125, "", "'n/a' is no network", "" },
		{ "run --name a/b img", 125, "", "'a/b' is no container name", "" },
		{ "run -w rel img", 125, "", "'rel' is no absolute path", "" },
		{ "run -it img", 125, "", "the input device is not a TTY", "" },
		{ "list x", 2, "", "'list' takes no argument, not 'x'", "" },
		{ "ps --json -q", 2, "", "exclude each other", "" },
		{ "ps --root /x", 2, "", "  try: redock --root DIR ps\n", "" },
		{ "ps -v", 2, "", "option '--verbose' goes before the command", "" },
		{ "import -", 2, "", "'import' needs FILE|- NAME", "" },
		{ "import a b c", 2, "", "nothing more, not 'c'", "" },
		{ "system rest", 2, "", "  try: redock system reset\n", "" },
		{ "system", 2, "", "'system' needs check|df|prune|reset", "" },
		{ "network", 2, "", "'network' needs create|ls", "" },
		{ "network crate x", 2, "", "  try: redock network create\n", "" },
		{ "volume create a b", 2, "", "nothing more, not 'b'", "" },
		{ "container ls", 2, "", "the same without 'container'", "" },
		{ "help nosuch", 2, "", "unknown command 'nosuch'", "" },
		{ "help strat", 2, "", "  try: redock help start\n", "" },
		{ "kill -s NOSUCH web", 2, "", "'NOSUCH' is no signal", "" },
	};

	check(cases, ARRAY_SIZE(cases));
}

static void machines(void **state)
{
	static const struct verb_case cases[] = {
		{ "start new", 0, "ssh new-container\n", "created me:new\n",
			"machine_start me:new host=- from=- mirror=- timeout=30000\n" },
		{ "start demo", 0, "ssh demo-container\n", "me:demo is running\n", NULL },
		{ "start demo dmeo", 0, "ssh demo-container\nssh dmeo-container\n",
			"created me:dmeo, which was not there; if that was not meant: redock kill "
			"me:dmeo\n",
			NULL },
		{ "-q start demo", 0, "ssh demo-container\n", "", NULL },
		/* the machine's name goes before the id that begins like it */
		{ "start bbbb", 0, "ssh bbbb-container\n", "started me:bbbb\n", NULL },
		/* by id and by container name */
		{ "start bbbb1", 0, "ssh demo-container\n", "me:demo is running\n", NULL },
		{ "start me.demo", 0, "ssh demo-container\n", "me:demo is running\n", NULL },
		{ "start old", 0, "old\n", "", "start aaaa2222\n" },
		/* what an id looks like makes no machine */
		{ "start 0123456789ab", 1, "",
			"no container has the id '0123456789ab'\n  try: redock ps -a\n", "" },
		{ "start a -n h --from i --mirror u --timeout 0.5", 0, "ssh a-container\n", NULL,
			"machine_start me:a host=h from=i mirror=u timeout=500\n" },
		{ "start a broken b", 1, "ssh a-container\nssh b-container\n",
			"redock: cannot start 'me:broken'\n", NULL },
		{ "start a/b", 1, "", "'a/b' is no machine name\n  try: NAME or", "" },
		{ "ssh demo", 0, "", "", "ssh me:demo argv=[]\n" },
		{ "ssh demo ls -l --help", 0, "", "", "ssh me:demo argv=[ls|-l|--help]\n" },
		{ "ssh -- demo -x", 0, "", "", "ssh me:demo argv=[-x]\n" },
		{ "ssh bbbb1111 id", 0, "", "", "ssh me:demo argv=[id]\n" },
		{ "ssh web", 125, "", "'web' is a container, not a machine", "" },
		{ "ssh dmeo id", 125, "", "no machine 'me:dmeo'\n  try: redock ssh demo\n", "" },
		{ "ssh nosuch", 125, "", "no machine 'me:nosuch'\n  try: redock start nosuch\n",
			"" },
		{ "commit demo -m text -a me", 0, "", "committed me:demo\n",
			"machine_commit me:demo m=text a=me\n" },
		{ "commit demo bbbb", 0, "", "committed me:bbbb\n",
			"machine_commit me:demo m=- a=-\nmachine_commit me:bbbb m=- a=-\n" },
		{ "commit demo new:1", 1, "", "no machine 'new:1', so nothing was committed", "" },
		{ "commit demo nosuch bbbb", 1, "", "no machine 'me:nosuch'",
			"machine_commit me:demo m=- a=-\nmachine_commit me:bbbb m=- a=-\n" },
		{ "commit web new:1 -m t", 0, "sha256:1111\n", "",
			"commit aaaa1111 new:1 m=t a=-\n" },
		{ "commit bbbb1111 new:1", 0, "sha256:1111\n", "",
			"commit bbbb1111 new:1 m=- a=-\n" },
		{ "commit web", 0, "sha256:1111\n", "", "commit aaaa1111 - m=- a=-\n" },
		{ "commit web a b", 2, "", "  try: redock commit web IMAGE\n", "" },
		{ "commit nosuch new", 1, "", "no machine or container 'nosuch'", "" },
		{ "delete demo", 0, "", "deleted the image me:demo\n", "machine_delete me:demo\n" },
		{ "delete used x", 1, "", "was made from it",
			"machine_delete me:used\nmachine_delete me:x\n" },
		{ "delete -f used", 0, "", "deleted the image me:used\n",
			"machine_delete me:used force\n" },
	};

	check(cases, ARRAY_SIZE(cases));
}

static void removals(void **state)
{
	static const struct verb_case cases[] = {
		{ "kill demo", 0, "", "killed me:demo\n", "machine_kill me:demo\n" },
		{ "kill me:demo", 0, "", "killed me:demo\n", "machine_kill me:demo\n" },
		{ "kill absent", 0, "", "no machine me:absent: nothing to do\n",
			"machine_kill me:absent\n" },
		{ "kill bbbb1111", 0, "bbbb1111\n", "",
			"kill bbbb1111 9\nwait bbbb1111 exit 10000\n" },
		{ "kill me.demo", 0, "me.demo\n", "",
			"kill bbbb1111 9\nwait bbbb1111 exit 10000\n" },
		{ "kill -s HUP demo", 0, "demo\n", "", "kill bbbb1111 1\n" },
		{ "kill web", 0, "web\n", "", "kill aaaa1111 9\nwait aaaa1111 exit 10000\n" },
		{ "kill -s TERM absent web", 1, "web\n", "no container 'absent'",
			"kill aaaa1111 15\n" },
		{ "kill aaaa a/b web", 1, "web\n", "'a/b' is no machine name",
			"kill aaaa1111 9\nwait aaaa1111 exit 10000\n" },
		{ "rm demo", 0, "", "killed me:demo", "machine_kill me:demo\n" },
		{ "rm bbbb1111", 1, "", "machine 'me:demo' runs\n  try: redock kill me:demo\n",
			"" },
		{ "rm -f bbbb1111", 0, "", "killed me:demo", "machine_kill me:demo\n" },
		{ "rm cccc1111", 0, "", "killed me:bbbb", "machine_kill me:bbbb\n" },
		{ "rm old", 0, "old\n", "", "remove aaaa2222\n" },
		{ "rm web old", 1, "old\n",
			"cannot remove 'web': container 'web' runs\n"
			"  try: redock rm -f web\n",
			"remove aaaa1111\nremove aaaa2222\n" },
		{ "rm web -f", 0, "web\n", "", "remove aaaa1111 force\n" },
		{ "rm absent", 1, "", "no container 'absent'", "" },
		{ "rm -f absent", 0, "", "nothing to do", "" },
		{ "rmi img:v2", 0, "Untagged: img:v2\n", "", "untag img:v2\n" },
		{ "rmi used:1 absent img:v2", 1, "Untagged: img:v2\n",
			"  try: redock rmi -f used:1\n", "untag used:1\nuntag img:v2\n" },
		{ "rmi debain", 1, "", "  try: redock rmi debian:latest\n", "" },
		{ "rmi -f used:1", 0, "Untagged: used:1\n", "", "untag used:1 force\n" },
		{ "system reset", 1, "", "  try: redock system reset --force\n", "" },
		{ "system reset -f", 0, "", "everything is removed\n", "forget_all\nreset\n" },
	};

	check(cases, ARRAY_SIZE(cases));
	fake.stubborn = "aaaa1111";
	check(&(struct verb_case){ "kill web", 1, "",
		      "redock: cannot kill 'web': it still runs after 10 seconds\n" },
		1);
	fake.lost = 1;
	check(&(struct verb_case){ "kill demo", 0, "", "killed me:demo; 1 changed file is lost\n" },
		1);
	fake.lost = 12;
	check(&(struct verb_case){ "kill demo", 0, "",
		      "killed me:demo; 12 changed files are lost\n" },
		1);
}

static void run_options(void **state)
{
	static const struct verb_case cases[] = {
		{ "run -d img", 0, "feedc0de\n", "",
			"create name=- image=img cmd=[] env=[] host=- dir=- user=- net=- tty=0 "
			"in=0 "
			"rm=0 mem=0 cpus=0 pids=0\nstart feedc0de\n" },
		{ "run -dit --rm --name n -h h -e A=1 -e B=2 -w /w -u 1:2 -m 1g --cpus 1.5 "
		  "--pids-limit -1 --network none img ls -l --rm",
			0, "feedc0de\n", "",
			"create name=n image=img cmd=[ls|-l|--rm] env=[A=1|B=2] host=h dir=/w "
			"user=1:2 net=none tty=1 in=1 rm=1 mem=1073741824 cpus=1500000000 pids=-1\n"
			"start feedc0de\n" },
		{ "run debain", 125, "",
			"'docker.io' has no such image\n  try: redock run debian:latest\n", NULL },
		{ "run nothinglike", 125, "",
			"  try: redock images, redock pull nothinglike, or redock import FILE "
			"nothinglike\n",
			NULL },
		{ "run --pull never nothinglike", 125, "", "no image named 'nothinglike'\n", NULL },
		{ "run -d --pull always debian", 125, "", "'docker.io' has no such image\n", NULL },
	};
	static const struct {
		int code, exec_status, status;
	} failures[] = { { ENOENT, 127, 127 }, { EACCES, 126, 126 }, { EIO, 125, 125 } };

	check(cases, ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		fake.start_code = failures[i].code;
		fake.start_exec_status = failures[i].exec_status;
		check(&(struct verb_case){ "run --rm img nosuch", failures[i].status, "",
			      "redock: cannot execute 'nosuch'\n" },
			1);
		check(&(struct verb_case){ "run -d img nosuch", failures[i].status, "",
			      "redock: cannot execute 'nosuch'\n" },
			1);
	}
}

static void registries(void **state)
{
	static const struct verb_case cases[] = {
		{ "pull alpine:3", 0, "docker.io/library/alpine:3\n",
			"0123456789ab: Waiting\n0123456789ab: Downloading\n0123456789ab: Pull "
			"complete\nDigest: sha256:3333\nStatus: Downloaded newer image for "
			"alpine:3\n",
			"pull alpine:3\n" },
		{ "pull -q -a --platform linux/arm64 alpine", 0, "docker.io/library/alpine:3\n", "",
			"pull alpine all for linux/arm64\n" },
		{ "-q pull alpine", 0, "docker.io/library/alpine:3\n", "", "pull alpine\n" },
		{ "pull -a host:5000/alpine:3", 2, "", "names one already", NULL },
		{ "pull nosuch", 1, "", "has no such image", "pull nosuch\n" },
		{ "pull", 2, "", "NAME", NULL },
		{ "push alpine:3", 0, "docker.io/library/alpine:3\n",
			"3: digest: sha256:3333 size: 7\n", "push pull alpine:3\n" },
		{ "push nosuch", 1, "", "no image named 'nosuch'\n", NULL },
		{ "push -a alpine@sha256:00", 2, "", "names one already", NULL },
		{ "login", 2, "", "--password-stdin", NULL },
		{ "login --password-stdin", 2, "", "--username", NULL },
		{ "logout", 0, "", "Not logged in to docker.io\nanother program's file",
			"logout -\n" },
		{ "logout host:5000", 0, "", "Removing login credentials for host:5000\n",
			"logout host:5000\n" },
	};

	check(cases, ARRAY_SIZE(cases));
}

static void lists(void **state)
{
	auto_ran ps = run_cli("redock ps", NULL), all = run_cli("redock ps -aq", NULL);
	auto_ran table = run_cli("redock images", NULL), list = run_cli("redock list", NULL);

	assert_true(str_starts(ps.out, "CONTAINER ID   IMAGE         COMMAND  "));
	assert_non_null(strstr(ps.out, "\naaaa1111       img:latest    \"sh -c 'printf \\x1b"));
	assert_non_null(strstr(ps.out, "\u2026\"   "));
	assert_null(strchr(ps.out, '\033'));
	assert_non_null(strstr(ps.out, "me:demo\n"));
	assert_null(strstr(ps.out, "aaaa2222"));
	assert_string_equal(all.out, "aaaa1111\naaaa2222\nbbbb1111\ncccc1111\n");
	assert_non_null(strstr(table.out, "REPOSITORY    TAG      IMAGE ID       CREATED"));
	assert_non_null(strstr(table.out, "host:5000/a   latest   0123456789ab"));
	assert_non_null(strstr(table.out, "123MB\n"));
	assert_non_null(strstr(list.out, "NAME      STATE     SINCE"));
	assert_non_null(strstr(list.out, "me:demo   running"));
	assert_non_null(strstr(list.out, "alias-container   redock:base\n"));
}

static void json_lists(void **state)
{
	static const struct {
		const char *line, *path, *expected;
		size_t count;
	} cases[] = {
		{ "redock ps --json", "Names", "web", 2 },
		{ "redock ps -a --json", "ImageID", "sha256:0123456789abcdef0123456789abcdef", 4 },
		{ "redock ps --json", "Command", "sh -c 'printf \033[31m; sleep 1000'", 2 },
		{ "redock images --json", "Repository", "debian", 4 },
		{ "redock list --json", "Name", "me:demo", 2 },
		{ "redock list --json", "Since", "2023-11-14T22:13:20.000000000Z", 2 },
	};
	auto_ran labels = run_cli("redock ps --json", NULL);
	const char *const empty[] = { "redock ps --json", "redock images --json",
		"redock list --json" };
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_ran ran = run_cli(cases[i].line, NULL);
		auto_json *j = NULL;

		assert_int_equal(json_parse(ran.out, strlen(ran.out), "output", &j, &e), 0);
		assert_int_equal(json_array_size(j), cases[i].count);
		assert_string_equal(
			json_str(json_array_get(j, 0), cases[i].path, ""), cases[i].expected);
		assert_null(strchr(ran.out, '\033'));
	}
	assert_non_null(strstr(labels.out, "\"a.key\": \"a\\u009B=value\""));
	fake.containers = NULL;
	fake.images = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		auto_ran ran = run_cli(empty[i], NULL);
		assert_string_equal(ran.out, "[]\n");
	}
	/* nothing at all, so that a script can test for it */
	check(&(struct verb_case){ "list", 0, "", "no machines yet" }, 1);
}

static void engine_errors(void **state)
{
	fake.open_code = EPERM;
	check(&(struct verb_case){ "ps", 1, "", "redock: redock needs root\n  try: sudo redock\n" },
		1);
	check(&(struct verb_case){ "run img", 125, "", "redock: redock needs root\n" }, 1);
	check(&(struct verb_case){ "--version", 0, "redock " REDOCK_VERSION "\n", "", "" }, 1);
	check(&(struct verb_case){ "start a b", 1, "", "redock: redock needs root\n" }, 1);
}

static void global_options(void **state)
{
	auto_ran ran =
		run_cli("redock --root /r --run-root=/n --bridge b --subnet 10.0.0.0/24 ps", NULL);
	auto_ran relative = run_cli("redock --root r ps", NULL);
	auto_free char *here = getcwd(NULL, 0), *wanted = xasprintf("open root=%s/r ", here);

	assert_string_equal(ran.log, "open root=/r run_root=/n bridge=b subnet=10.0.0.0/24\n");
	assert_true(str_starts(relative.log, wanted));
}

static void imports(void **state)
{
	auto_ran ran = run_cli("redock import - new:1 -m text", "archive");

	assert_int_equal(ran.status, 0);
	assert_string_equal(ran.out, "sha256:2222\n");
	assert_non_null(strstr(ran.log, "import 7 bytes as new:1 m=text\n"));
	check(&(struct verb_case){ "import /nosuch new", 1, "",
		      "cannot open '/nosuch': No such file or directory", "" },
		1);
	check(&(struct verb_case){ "import /dev/null new", 0, "sha256:2222\n", "" }, 1);
}

static void progress_lines(void **state)
{
	fake.say = true;
	check(&(struct verb_case){ "start x", 0, "ssh x-container\n",
		      "making \\x1b[2Jthe base image\ncreated me:x\n" },
		1);
	check(&(struct verb_case){ "-v start x", 0, "ssh x-container\n",
		      "base image\na detail\ncreated" },
		1);
	check(&(struct verb_case){ "-vv start x", 0, "ssh x-container\n",
		      "a detail\na finer detail\n" },
		1);
	check(&(struct verb_case){ "-q start x", 0, "ssh x-container\n", "" }, 1);
}

static void colours(void **state)
{
	setenv("CLICOLOR_FORCE", "1", 1);
	check(&(struct verb_case){ "nosuchverb", 2, "", "\033[1;31mredock:\033[0m" }, 1);
	setenv("NO_COLOR", "1", 1);
	check(&(struct verb_case){ "nosuchverb", 2, "", "redock: unknown" }, 1);
	setenv("NO_COLOR", "", 1);
	check(&(struct verb_case){ "nosuchverb", 2, "", "\033[1;31mredock:\033[0m" }, 1);
}

static void a_full_disk(void **state)
{
	auto_close int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	auto_ran ran = run_cli_on("redock ps", 0, full, -1);

	assert_int_equal(ran.status, 1);
	assert_non_null(strstr(ran.err, "cannot write to standard output: No space left"));
}

/* One NAME and a terminal: the session's status is the command's. */
static void start_on_a_terminal(void **state)
{
	struct running r;
	auto_ran ran = { 0 }, failed = { 0 };
	int pty, tty;

	assert_int_equal(openpty(&pty, &tty, NULL, NULL, NULL), 0);
	fake.ssh_status = 42;
	r = run_cli_start("redock start demo", tty, tty, tty);
	ran = run_cli_finish(&r);
	assert_int_equal(ran.status, 42);
	assert_non_null(strstr(ran.log, "machine_start me:demo"));
	assert_non_null(strstr(ran.log, "ssh me:demo argv=[]\n"));
	r = run_cli_start("redock start broken", tty, tty, tty);
	failed = run_cli_finish(&r);
	assert_int_equal(failed.status, 125);
	close(tty), close(pty);
}

/* On a terminal, progress is one line that is drawn again and removed. */
static void progress_on_a_terminal(void **state)
{
	static const char expected[] = "\rmaking \\x1b[2Jthe base image\033[K"
				       "\runpacked 5 MB\033[K"
				       "\r\033[Kcreated me:x\r\n";
	char text[200] = "";
	auto_ran ran = { 0 };
	int pty, tty;

	assert_int_equal(openpty(&pty, &tty, NULL, NULL, NULL), 0);
	fake.say = true;
	ran = run_cli_on("redock start x", 0, -1, tty);
	assert_string_equal(ran.out, "ssh x-container\n");
	assert_int_equal(fs_read_full(pty, text, strlen(expected)), strlen(expected));
	assert_string_equal(text, expected);
	close(tty), close(pty);
}

static void reset_asks(void **state)
{
	static const struct {
		const char *typed;
		int status;
		const char *log;
	} cases[] = {
		{ "yes\n", 0, OPEN "forget_all\nreset\n" },
		{ "y\n", 1, OPEN },
		{ "\004", 1, OPEN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_ran ran = { 0 };
		int pty, tty;

		assert_int_equal(openpty(&pty, &tty, NULL, NULL, NULL), 0);
		assert_true(write(pty, cases[i].typed, strlen(cases[i].typed)) > 0);
		ran = run_cli_on("redock system reset", tty, -1, tty);
		assert_int_equal(ran.status, cases[i].status);
		assert_string_equal(ran.log, cases[i].log);
		close(tty), close(pty);
	}
}

static size_t count_lines(const char *text, size_t *ret_longest)
{
	size_t lines = 0;

	for (*ret_longest = 0; *text; lines++) {
		size_t n = strcspn(text, "\n");
		if (n > *ret_longest)
			*ret_longest = n;
		text += n + (text[n] == '\n');
	}
	return lines;
}

static void help_fits(void **state)
{
	static const char *const overviews[] = { "redock help", "redock --help", "redock -h" };
	auto_ran alone = run_cli("redock", NULL), all = run_cli("redock help --all", NULL);
	size_t longest;

	for (size_t i = 0; i < ARRAY_SIZE(overviews); i++) {
		auto_ran ran = run_cli(overviews[i], NULL);

		assert_int_equal(ran.status, 0);
		assert_true(count_lines(ran.out, &longest) <= 24);
		assert_true(longest <= 80);
		assert_string_equal(ran.log, "");
		for (size_t v = 0; verbs[v]; v++) {
			auto_free char *word = xasprintf(" %s", verbs[v]->name);
			if (!strstr(ran.out, word))
				fail_msg("help lacks '%s'", verbs[v]->name);
		}
	}
	for (size_t v = 0; verbs[v]; v++)
		assert_non_null(strstr(all.out, verbs[v]->summary));
	count_lines(all.out, &longest);
	assert_true(longest <= 80);
	assert_int_equal(alone.status, 0);
	assert_true(count_lines(alone.out, &longest) <= 10);
	assert_string_equal(alone.log, "");
}

static void one_verb_is_whole(const struct verb *const *list, const struct verb *verb)
{
	auto_free char *help = xasprintf("redock help %s", verb->name);
	auto_free char *option = xasprintf("redock %s --help", verb->name);
	auto_free char *man = xasprintf("redock help --man %s", verb->name);
	auto_ran one = run_cli(help, NULL), two = run_cli(option, NULL), page = run_cli(man, NULL);
	size_t longest;

	assert_ptr_equal(verb_find(list, verb_word(verb)), verb);
	assert_true(strlen(verb->summary) > 10 && text_width(verb->summary) <= 55);
	assert_false(str_ends(verb->summary, "."));
	assert_true(str_ends(verb->description, ".") || strstr(verb->description, "\n  "));
	assert_non_null(verb->examples[0].command);
	for (const struct verb_example *x = verb->examples; x->command; x++)
		assert_non_null(strstr(x->command, verb->name));
	for (const struct verb_option *o = option_first(verb->options); o; o = option_next(o)) {
		assert_non_null(o->long_name);
		assert_true(o->target < verb->options_size);
		if (o->help) {
			auto_free char *written = xasprintf("--%s", o->long_name);
			assert_non_null(strstr(one.out, written));
			assert_non_null(strstr(one.out, o->help));
		}
	}
	assert_int_equal(one.status, 0);
	assert_int_equal(two.status, 0);
	assert_string_equal(one.out, two.out);
	assert_string_equal(one.log, ""); /* no engine for help */
	count_lines(one.out, &longest);
	if (longest > 80)
		fail_msg("help of '%s' has a line of %zu columns", verb->name, longest);
	assert_int_equal(page.status, 0);
	assert_non_null(strstr(page.out, "# SYNOPSIS"));
}

static void each_verb_is_whole(void **state)
{
	for (size_t v = 0; verbs[v]; v++) {
		one_verb_is_whole(verbs, verbs[v]);
		for (size_t w = 0; verbs[v]->verbs && verbs[v]->verbs[w]; w++)
			one_verb_is_whole(verbs[v]->verbs, verbs[v]->verbs[w]);
	}
	/* -h is the host name in run and create alone */
	check(&(struct verb_case){ "run -d -h box img", 0, "feedc0de\n", "" }, 1);
}

static void has_a_page(const char *list, const struct verb *verb)
{
	auto_free char *quoted = xasprintf("'%s'", verb->name);

	if (!strstr(list, quoted))
		fail_msg("man/meson.build lacks %s", quoted);
}

/* man/meson.build has to name each page, since meson must know its outputs. */
static void each_verb_has_a_page(void **state)
{
	auto_free char *text = NULL;
	size_t len;
	struct err e;

	assert_int_equal(fs_read_file(AT_FDCWD, MAN_MESON_BUILD, 65536, &text, &len, &e), 0);
	for (size_t v = 0; verbs[v]; v++) {
		has_a_page(text, verbs[v]);
		for (size_t w = 0; verbs[v]->verbs && verbs[v]->verbs[w]; w++)
			has_a_page(text, verbs[v]->verbs[w]);
	}
}

static void doctor_tells(void **state)
{
	static const struct verb_case well[] = {
		{ "doctor", 0, "kernel\n  openat2: here\nall is well\n", "", "" },
		{ "doctor -q", 0, "all is well\n", "", "" },
	};
	static const struct verb_case note[] = {
		{ "doctor -q", 0,
			"kernel\n! cpuset: missing\n      less works\n"
			"redock works here; 1 of 2 things could be better\n",
			"", "" },
	};
	static const struct verb_case bad[] = {
		{ "doctor -q", 1,
			"kernel\n! cpuset: missing\n      less works\nprograms\n"
			"X redock-x: missing\n      it fails\n      try: make install\n"
			"1 of 3 things keep redock from working\n",
			"", "" },
	};
	/* an engine that cannot be opened does not keep it from looking */
	static const struct verb_case closed[] = {
		{ "doctor", 1, "kernel\n  openat2: here\n", "redock needs root", "" },
	};

	fake.doctor_checks = 1;
	check(well, ARRAY_SIZE(well));
	fake.doctor_checks = 2;
	check(note, ARRAY_SIZE(note));
	fake.doctor_checks = 3;
	check(bad, ARRAY_SIZE(bad));
	fake.open_code = EPERM;
	check(closed, ARRAY_SIZE(closed));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		TEST(usage_errors),
		TEST(machines),
		TEST(removals),
		TEST(run_options),
		TEST(registries),
		TEST(lists),
		TEST(json_lists),
		TEST(engine_errors),
		TEST(global_options),
		TEST(imports),
		TEST(progress_lines),
		TEST(colours),
		TEST(a_full_disk),
		TEST(start_on_a_terminal),
		TEST(progress_on_a_terminal),
		TEST(reset_asks),
		TEST(doctor_tells),
		TEST(help_fits),
		TEST(each_verb_is_whole),
		TEST(each_verb_has_a_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
