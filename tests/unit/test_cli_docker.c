/* The verbs that Docker's users know, run as they do, on an engine made up (test_cli_fake.h). */
#include "test_cli_case.h"
#include "base/json.h"

#include <pty.h>
#include <sys/socket.h>

static const struct fake_container containers[] = {
	{ "web", NULL, "aaaa1111", "img:latest", CONTAINER_RUNNING },
	{ "old", NULL, "aaaa2222", "img:v2", CONTAINER_EXITED },
	{ "me.demo", "me:demo", "bbbb1111", "redock:base", CONTAINER_RUNNING },
	{ "me.bbbb", "me:bbbb", "cccc1111", "redock:base", CONTAINER_EXITED },
	{ NULL },
};
static const char *const images[] = { "debian:latest", "debian:12", "img:v2", NULL };

/* 'web' has ports, mounts, a health check. */
static void describe(struct container_info *info)
{
	static const struct port_binding ports[] = {
		{ (char *)"tcp", 80, 8080, (char *)"0.0.0.0" },
		{ (char *)"tcp", 90, 9000, (char *)"0.0.0.0" },
		{ (char *)"tcp", 91, 9001, (char *)"0.0.0.0" },
		{ (char *)"udp", 53, 0, (char *)"" },
		{ (char *)"tcp", 70, 7000, (char *)"127.0.0.1" },
	};

	if (!str_eq(info->config.name, "web"))
		return;
	info->health = HEALTH_HEALTHY;
	info->config.publish_all = true;
	info->n_ports = ARRAY_SIZE(ports);
	info->ports = xcalloc(info->n_ports, sizeof *info->ports);
	for (size_t i = 0; i < info->n_ports; i++) {
		info->ports[i] = ports[i];
		info->ports[i].protocol = xstrdup(ports[i].protocol);
		info->ports[i].host_address = xstrdup(ports[i].host_address);
	}
	info->mounts = xcalloc(1, sizeof *info->mounts);
	info->n_mounts = 1;
	info->mounts[0].type = MOUNT_VOLUME;
	info->mounts[0].name = xstrdup("data");
	info->mounts[0].target = xstrdup("/data");
	strv_push(&info->config.labels, "tier=front");
}

static int reset_fake(void **state)
{
	fake = (struct fake){ .containers = containers, .images = images, .describe = describe };
	unsetenv("CLICOLOR_FORCE");
	setenv("TZ", "UTC", 1);
	return 0;
}

static void life(void **state)
{
	static const struct verb_case cases[] = {
		{ "stop web old", 0, "web\nold\n", "", "stop aaaa1111 -99\nstop aaaa2222 -99\n" },
		{ "stop -t 3 me:demo", 0, "me:demo\n", "", "stop bbbb1111 3\n" },
		{ "stop --time=-1 web", 0, "web\n", "", "stop aaaa1111 -1\n" },
		{ "stop -t x web", 2, "", "'x' is out of range", "" },
		{ "stop wbe web", 1, "web\n", "no container 'wbe'\n  try: redock stop web\n",
			"stop aaaa1111 -99\n" },
		{ "stop nothinglikeit", 1, "", "  try: redock ps -a\n", "" },
		{ "restart -t 0 web", 0, "web\n", "", "stop aaaa1111 0\nstart aaaa1111\n" },
		{ "restart demo", 0, "demo\n", "",
			"stop bbbb1111 -99\nmachine_start me:demo host=- from=- mirror=- "
			"timeout=30000\n" },
		{ "pause web", 0, "web\n", "", "pause aaaa1111\n" },
		{ "pause old", 1, "", "paused already\n  try: redock unpause old\n", NULL },
		{ "unpause aaaa1", 0, "aaaa1\n", "", "unpause aaaa1111\n" },
		{ "wait web", 0, "137\n", "", "wait aaaa1111 exit -1\n" },
		{ "rename web new", 0, "", "", "rename aaaa1111 new\n" },
		{ "rename web a/b", 1, "", "'a/b' is no container name", "" },
		{ "rename demo x", 1, "", "'demo' is a machine", "" },
		{ "update -m 64m --cpus 2 web", 0, "web\n", "",
			"update aaaa1111 mem=67108864 cpus=2000000000 restart=-:0\n" },
		{ "update --restart on-failure:2 web", 0, "web\n", "",
			"update aaaa1111 mem=0 cpus=0 restart=on-failure:2\n" },
		{ "update web", 2, "", "no option says what to change", "" },
		{ "resume", 0, "", "", "resume\n" },
		{ "rm -fv old", 0, "old\n", "", "remove aaaa2222 force volumes\n" },
		{ "rm wbe", 1, "", "  try: redock rm web\n", "" },
		{ "start -a old", 0, "", "", NULL },
		{ "start -a nosuch", 125, "", "no container 'nosuch'", "" },
		{ "start -a old web", 2, "", "'--attach' is for one container", "" },
	};

	check(cases, ARRAY_SIZE(cases));
}

static void inside(void **state)
{
	static const struct verb_case cases[] = {
		{ "exec web echo_hello", 0, "hello\n", "",
			"exec aaaa1111 args=[echo_hello] env=[] dir=- user=- tty=0 in=0 "
			"privileged=0 detach=0\n" },
		{ "exec -e A=1 -w /x -u 5 --privileged web exit_3 -x", 3, "", "",
			"exec aaaa1111 args=[exit_3|-x] env=[A=1] dir=/x user=5 tty=0 in=0 "
			"privileged=1 detach=0\n" },
		{ "exec -d web true", 0, "", "", NULL },
		{ "exec web nosuch", 127, "", "cannot execute 'nosuch'", NULL },
		{ "exec web", 125, "", "'exec' needs CONTAINER COMMAND", "" },
		{ "exec wbe true", 125, "", "  try: redock exec web\n", "" },
		{ "exec -it web sh", 125, "", "the input device is not a TTY", "" },
		{ "attach web", 4, "attached\n", "", "attach aaaa1111 in=0\n" },
		{ "attach old", 125, "", "does not run\n  try: redock start -a old\n", "" },
		{ "attach --detach-keys x,ctrl-,q web", 125, "", "is no sequence of keys", "" },
		{ "top web", 0, "PID   CMD\n7     a\\x1bb\n", "", "top aaaa1111 args=[]\n" },
		{ "top web -o pid", 0, NULL, "", "top aaaa1111 args=[-o|pid]\n" },
		{ "diff web", 0, "C /etc\nA /etc/a\\x1bb\n", "", "" },
		{ "export web", 0, "tar", "", "export aaaa1111\n" },
		{ "port web", 0,
			"80/tcp -> 0.0.0.0:8080\n90/tcp -> 0.0.0.0:9000\n91/tcp -> 0.0.0.0:9001\n"
			"70/tcp -> 127.0.0.1:7000\n",
			"", "" },
		{ "port web 80", 0, "8080\n", "", "" },
		{ "port web 80/tcp", 0, "0.0.0.0:8080\n", "", "" },
		{ "port web 53/udp", 1, "", "port 53/udp of 'web' is not published", "" },
		{ "port web x", 2, "", "'x' is no port", "" },
		{ "cp web:/etc/hosts .", 0, "", "",
			"download aaaa1111 /etc/hosts . follow=0 owner=0\n" },
		{ "cp -aL ./a web:/b", 0, "", "", "upload aaaa1111 ./a /b follow=1 owner=1\n" },
		{ "cp web:/etc -", 0, "", "", "copy_from aaaa1111 /etc follow=0\n" },
		{ "cp - web:/etc", 0, "", "", "copy_to aaaa1111 /etc owner=1\n" },
		{ "cp me:demo:/etc x", 0, "", "", "download bbbb1111 /etc x follow=0 owner=0\n" },
		{ "cp a b", 2, "",
			"neither side is in a container\n  try: redock cp CONTAINER:a b\n", "" },
		{ "cp a web", 2, "", "  try: redock cp a web:/ (a container's path has a colon",
			"" },
		{ "cp web a", 2, "", "  try: redock cp web:PATH a (a container's path has", "" },
		{ "cp web:/a old:/b", 2, "", "  try: redock cp web:/a - | redock cp - old:/b\n",
			"" },
		{ "cp wbe:/a b", 1, "", "  try: redock cp web\n", "" },
	};

	check(cases, ARRAY_SIZE(cases));
}

static void logs(void **state)
{
	static const struct verb_case cases[] = {
		{ "logs web", 0, "one\n", "two, whole\n",
			"logs aaaa1111 follow=0 tail=-1 since=0 until=0\n" },
		{ "logs -t --details web", 0, "2023-11-14T22:13:20.000000000Z a=b one\n",
			"2023-11-14T22:13:21.000000000Z  two, whole\n", NULL },
		{ "logs -f -n 5 --since 2023-11-14T22:13:20Z --until 1700000000.5 web", 0, NULL,
			NULL,
			"logs aaaa1111 follow=1 tail=5 since=1700000000000000000 "
			"until=1700000000500000000\n" },
		{ "logs --tail all web", 0, NULL, NULL,
			"logs aaaa1111 follow=0 tail=-1 since=0 until=0\n" },
		{ "logs --since yesterday web", 2, "", "'yesterday' is no time", "" },
		{ "logs -n x web", 2, "", "'x' is out of range", "" },
	};

	check(cases, ARRAY_SIZE(cases));
}

static void listings(void **state)
{
	static const struct verb_case cases[] = {
		{ "ps --format {{.Names}}|{{.Ports}}", 0,
			"web|0.0.0.0:8080->80/tcp, 0.0.0.0:9000-9001->90-91/tcp, 53/udp, "
			"127.0.0.1:7000->70/tcp\nme:demo|\n",
			"", "" },
		{ "ps -aq --filter status=exited", 0, "aaaa2222\ncccc1111\n", "", "" },
		{ "ps -q --filter status=exited", 0, "aaaa2222\ncccc1111\n", "", "" },
		{ "ps -aq -f name=web -f name=old", 0, "aaaa1111\naaaa2222\n", "", "" },
		{ "ps -aq -f name=web -f status=exited", 0, "", "", "" },
		{ "ps -aq -f label=tier=front", 0, "aaaa1111\n", "", "" },
		{ "ps -aq -f label=tier=back", 0, "", "", "" },
		{ "ps -aq -f health=healthy", 0, "aaaa1111\n", "", "" },
		{ "ps -aq -f ancestor=img", 0, "aaaa1111\n", "", "" },
		{ "ps -aq -f exited=3", 0, "aaaa2222\ncccc1111\n", "", "" },
		{ "ps -aq -f exited=0", 0, "", "", "" },
		{ "ps -aq -f publish=8080 -f expose=80", 0, "aaaa1111\n", "", "" },
		{ "ps -aq -f publish=53/udp", 0, "", "", "" },
		{ "ps -aq -f volume=data -f network=bridge", 0, "aaaa1111\n", "", "" },
		{ "ps -q -n 2", 0, "aaaa1111\naaaa2222\n", "", "" },
		{ "ps -ql", 0, "aaaa1111\n", "", "" },
		{ "ps -f nmae=x", 2, "", "there is no filter 'nmae'\n  try: --filter name=VALUE\n",
			"" },
		{ "ps -f name", 2, "", "filter 'name' has no value", "" },
		{ "ps --format {{.Nmaes}}", 1, "", "there is no field 'Nmaes'\n  try: {{.Names}}\n",
			"" },
		{ "ps --format {{.Names", 1, "", "the format, column 9: '}}' is missing", "" },
		{ "ps --json --format x", 2, "", "exclude each other", "" },
		{ "images -q --filter reference=deb*", 0, "0123456789ab\n0123456789ab\n", "", "" },
		{ "images --format {{.Repository}}:{{.Tag}} debian", 0,
			"debian:latest\ndebian:12\n", "", "" },
		{ "images --format {{.Tag}} -f dangling=true", 0, "", "", "" },
		{ "network ls --format {{.Name}}/{{.Driver}}", 0, "bridge/bridge\nback/bridge\n",
			"", "" },
		{ "network ls -q -f type=custom", 0, "ba0011223344\n", "", "" },
		{ "network list -q -f name=bri", 0, "b10011223344\n", "", "" },
		{ "volume ls -q", 0, "data\nused\n0123456789abcdef\n", "", "" },
		{ "volume ls -q -f dangling=true", 0, "data\n0123456789abcdef\n", "", "" },
		{ "volume ls -s --format {{.Name}}={{.Size}}", 0,
			"data=2kB\nused=2kB\n0123456789abcdef=2kB\n", "", "" },
		{ "df --format {{.Type}}:{{.Size}}:{{.Reclaimable}}", 0,
			"Images:400MB:100MB (25%)\nContainers:5kB:2kB (40%)\nLocal Volumes:0B:0B "
			"(0%)\n",
			"", "" },
		{ "system df --format {{.Active}}", 0, "1\n1\n1\n", "", "" },
		{ "info -f {{.CgroupVersion}}/{{.NCPU}}", 0, "2/2\n", "", "" },
		{ "version -f {{.Server.Version}}", 0, REDOCK_VERSION "\n", "", "" },
		{ "inspect -f {{.Name}} web demo", 0, "/web\n/me.demo\n", "", "" },
		{ "inspect --type volume -f {{.Mountpoint}} data", 0, "/volumes/data\n", "", "" },
		{ "inspect -f {{.Name}} back", 0, "back\n", "", "" },
		{ "inspect -s -f {{.SizeRw}} web", 0, "1200\n", "", "" },
		{ "inspect --type image web", 1, "[]\n", "no image 'web'", "" },
		{ "inspect wbe", 1, "[]\n", "  try: redock inspect web\n", "" },
		{ "inspect --type thing x", 2, "", "'thing' is no kind of object", "" },
		{ "network inspect -f {{.Name}} back", 0, "back\n", "", "" },
		{ "volume inspect dtaa", 1, "[]\n", "  try: redock volume inspect data\n", "" },
	};
	auto_ran table = run_cli("redock ps", NULL),
		 custom = run_cli("redock ps --format table\\t{{.Names}}\\t{{.Status}}", NULL);

	check(cases, ARRAY_SIZE(cases));
	assert_non_null(strstr(table.out, "STATUS"));
	assert_non_null(strstr(table.out, "(healthy)"));
	assert_non_null(strstr(table.out, "0.0.0.0:8080->80/tcp"));
	assert_int_equal(custom.status, 0);
}

static void resources(void **state)
{
	static const struct verb_case cases[] = {
		{ "network create --internal --subnet 172.31.0.0/16 --gateway 172.31.0.1 --label "
		  "a=b n",
			0, "ne70\n", "",
			"network_create n driver=- subnet=172.31.0.0/16 gateway=172.31.0.1 "
			"internal=1 labels=[a=b]\n" },
		{ "network create a/b", 1, "", "is no container name", "" },
		{ "network connect --alias x --ip 172.30.0.9 back web", 0, "", "",
			"connect aaaa1111 back ip=172.30.0.9 aliases=[x]\n" },
		{ "network connect bcak web", 1, "", "  try: redock network connect back\n", NULL },
		{ "network disconnect -f back web", 0, "", "", "disconnect aaaa1111 back force\n" },
		{ "network rm back", 0, "back\n", "", "network_remove back\n" },
		{ "network rm bcak", 1, "", "  try: redock network rm back\n", NULL },
		{ "network rm nosuch", 1, "", "  try: redock network ls\n", NULL },
		{ "network rm -f nosuch", 0, "", "nothing to do", NULL },
		{ "volume create -o type=tmpfs --label a -d local data", 0, "data\n", "",
			"volume_create data driver=local labels=[a=] options=[type=tmpfs]\n" },
		{ "volume create", 0, "0123456789abcdef\n", "", NULL },
		{ "volume rm data", 0, "data\n", "", "volume_remove data\n" },
		{ "volume rm used data", 1, "data\n", "container 'web' mounts it", NULL },
		{ "volume rm dtaa", 1, "", "  try: redock volume rm data\n", NULL },
		{ "prune", 1, "", "  try: redock prune --force\n", "" },
		{ "prune -f", 0, NULL, "",
			"remove aaaa2222 volumes\nnetwork_remove "
			"ba00112233445566778899\n" },
		{ "prune containers -f", 0, "aaaa2222\nTotal reclaimed space: 0B\n", "",
			"remove aaaa2222 volumes\n" },
		{ "prune images -af", 0, "", "nothing to remove\n", "" },
		{ "volume prune -f", 0, "0123456789abcdef\nTotal reclaimed space: 0B\n", "",
			"volume_remove 0123456789abcdef\n" },
		{ "volume prune -af", 1, NULL, "container 'web' mounts it",
			"volume_remove used\nvolume_remove 0123456789abcdef\n" },
		{ "network prune -f --filter until=2020-01-01", 0, "", "nothing to remove\n", "" },
		{ "prune things", 2, "", "'things' is no kind of object", "" },
	};

	check(cases, ARRAY_SIZE(cases));
}

static void events(void **state)
{
	static const struct verb_case cases[] = {
		{ "events", 0,
			"2023-11-14T22:13:20.000000000Z container start aaaa1111bbbb (image=img, "
			"name=web)\n2023-11-14T22:13:21.000000000Z network create ba001122 "
			"(name=ba\\x1bck)\n",
			"", "events since=0 until=0\n" },
		{ "events -f type=container --format {{.Action}}:{{.Actor.Attributes.name}}", 0,
			"start:web\n", "", "events since=0 until=0\n" },
		{ "events -f event=create --since 1h --until 0s", 0, NULL, "",
			"events since=1 until=1\n" },
		{ "events -f container=web --format {{.id}}", 0, "aaaa1111bbbb\n", "", NULL },
		{ "events -f container=old --json", 0, "", "", NULL },
		{ "events --format {{.Acton}}", 1, "", "there is no field 'Acton'", NULL },
		{ "events -f colour=red", 2, "", "there is no filter 'colour'", "" },
	};

	check(cases, ARRAY_SIZE(cases));
}

static void stats_once(void **state)
{
	static const struct verb_case cases[] = {
		{ "stats --no-stream --format {{.Name}}|{{.CPUPerc}}|{{.MemUsage}}|{{.MemPerc}}|"
		  "{{.NetIO}}|{{.BlockIO}}|{{.PIDs}} web",
			0, "web|25.00%|64MiB / 256MiB|25.00%|1.2kB / 0B|0B / 3MB|5\n", "", "" },
		{ "stats --no-stream wbe", 1, "", "  try: redock stats web\n", "" },
	};

	check(cases, ARRAY_SIZE(cases));
}

/* A person who says yes, and one who does not. */
static void prune_asks(void **state)
{
	static const struct {
		const char *typed;
		int status;
		bool removes;
	} cases[] = { { "y\n", 0, true }, { "n\n", 1, false }, { "\n", 1, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_ran ran = { 0 };
		char shown[1000] = "";
		int pty, tty;

		assert_int_equal(openpty(&pty, &tty, NULL, NULL, NULL), 0);
		assert_true(write(pty, cases[i].typed, strlen(cases[i].typed)) > 0);
		ran = run_cli_on("redock prune containers", tty, -1, tty);
		assert_int_equal(ran.status, cases[i].status);
		assert_int_equal(strstr(ran.log, "remove aaaa2222") != NULL, cases[i].removes);
		assert_true(read(pty, shown, sizeof shown - 1) > 0);
		close(tty), close(pty);
	}
}

/* What can be reached from other hosts is said on a terminal; 127.0.0.1 is not among it. */
static void ports_are_announced(void **state)
{
	char shown[1000] = "";
	auto_ran ran = { 0 };
	int pty, tty;

	assert_int_equal(openpty(&pty, &tty, NULL, NULL, NULL), 0);
	ran = run_cli_on("redock start web", 0, -1, tty);
	assert_string_equal(ran.out, "web\n");
	assert_true(read(pty, shown, sizeof shown - 1) > 0);
	assert_non_null(
		strstr(shown, "reachable from other hosts: ports 8080/tcp, 9000/tcp, 9001/tcp ("));
	assert_null(strstr(shown, "7000"));
	close(tty), close(pty);
}

/* Nobody reads what an exec prints: it ends; the container gets no signal. */
static void exec_into_a_closed_pipe(void **state)
{
	struct ran ran;
	int p[2];

	assert_int_equal(pipe(p), 0);
	close(p[0]);
	ran = run_cli_on("redock exec web yes", 0, p[1], -1);
	close(p[1]);
	assert_int_equal(ran.status, 128 + 13);
	assert_null(strstr(ran.log, "kill"));
	ran_release(&ran);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		TEST(life),
		TEST(inside),
		TEST(logs),
		TEST(listings),
		TEST(resources),
		TEST(events),
		TEST(stats_once),
		TEST(prune_asks),
		TEST(ports_are_announced),
		TEST(exec_into_a_closed_pipe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
