/* Every option of run and create: what it makes of its value, what it refuses, and conflicts. */
#include "base/fs.h"
#include "base/mem.h"
#include "test_cli_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int reset_fake(void **state)
{
	fake = (struct fake){ .whole_config = true };
	setenv("SET_HERE", "yes", 1);
	unsetenv("UNSET_HERE");
	return 0;
}

/* Options and a part of the configuration that they make, as config.h's JSON. */
static const struct {
	const char *options, *part;
} good[] = {
	{ "--name web", "\"Name\":\"web\"" },
	{ "-i -t", "\"OpenStdin\":true,\"Tty\":true" },
	{ "-it", "\"OpenStdin\":true,\"Tty\":true" },
	{ "-a -i -t", "\"OpenStdin\":true,\"Tty\":true" },
	{ "-ait", "\"OpenStdin\":true,\"Tty\":true" },
	{ "-a stdin -a STDOUT -i", "\"OpenStdin\":true" },
	{ "--attach=stderr -t", "\"Tty\":true" },
	{ "--rm", "\"AutoRemove\":true" },
	{ "--rm=false -t", "{\"Config\":{\"Image\":\"img\",\"Tty\":true}}" },
	{ "-e A=1 -e B -e SET_HERE -e UNSET_HERE", "\"Env\":[\"A=1\",\"SET_HERE=yes\"]" },
	{ "-w /srv", "\"WorkingDir\":\"/srv\"" },
	{ "-u 1000:1000", "\"User\":\"1000:1000\"" },
	{ "--entrypoint /bin/sh", "\"Entrypoint\":[\"/bin/sh\"]" },
	{ "--entrypoint ''", "\"Entrypoint\":[\"\"]" },
	{ "-h box.example --domainname example",
		"\"Domainname\":\"example\",\"Hostname\":\"box.example\"" },
	{ "--init", "\"Init\":true" },
	{ "--group-add 7 --group-add disk", "\"GroupAdd\":[\"7\",\"disk\"]" },
	/* files */
	{ "-v /a:/b", "{\"BindOptions\":{\"CreateMountpoint\":true},\"Source\":\"/a\","
		      "\"Target\":\"/b\"" },
	{ "-v /a:/b:ro,rslave,z", "\"Propagation\":\"rslave\"},\"ReadOnly\":true" },
	{ "-v data:/b", "\"Source\":\"data\",\"Target\":\"/b\",\"Type\":\"volume\"" },
	{ "-v data:/b:nocopy", "\"VolumeOptions\":{\"NoCopy\":true}" },
	{ "-v /b", "[{\"Target\":\"/b\",\"Type\":\"volume\"}]" },
	{ "--mount type=bind,source=/a,target=/b,readonly",
		"\"ReadOnly\":true,\"Source\":\"/a\",\"Target\":\"/b\"" },
	{ "--mount type=bind,src=/a,dst=/b,bind-propagation=rshared,bind-nonrecursive",
		"{\"NonRecursive\":true,\"Propagation\":\"rshared\"}" },
	{ "--mount src=vv,dst=/b,volume-nocopy,volume-driver=local,volume-opt=type=tmpfs",
		"\"Source\":\"vv\",\"Target\":\"/b\",\"Type\":\"volume\"" },
	{ "--mount type=volume,dst=/b,\"volume-opt=o=a,b\"", "\"o\":\"a,b\"" },
	{ "--mount type=tmpfs,dst=/b,tmpfs-size=64m,tmpfs-mode=1770", "67108864" },
	{ "--tmpfs /run", "\"Target\":\"/run\",\"Type\":\"tmpfs\"" },
	{ "--tmpfs /run:rw,noexec,size=1m,mode=700,uid=5", "\"noexec\",\"uid=5\"" },
	{ "--tmpfs /run:size=50%", "\"size=50%\"" },
	{ "--volumes-from a:ro --volumes-from b", "\"VolumesFrom\":[\"a:ro\",\"b\"]" },
	{ "--read-only", "\"ReadonlyRootfs\":true" },
	{ "--shm-size 1g", "\"ShmSize\":1073741824" },
	/* network */
	{ "-p 80", "[{\"ContainerPort\":80,\"Protocol\":\"tcp\"}]" },
	{ "-p 8080:80/udp", "[{\"ContainerPort\":80,\"HostPort\":8080,\"Protocol\":\"udp\"}]" },
	{ "-p 127.0.0.1:8080:80", "\"HostIp\":\"127.0.0.1\",\"HostPort\":8080" },
	{ "-p 127.0.0.1::80", "{\"ContainerPort\":80,\"HostIp\":\"127.0.0.1\",\"Protocol\"" },
	{ "-p [::1]:1:80", "\"HostIp\":\"::1\",\"HostPort\":1" },
	{ "-p 8000-8001:80-81", "{\"ContainerPort\":81,\"HostPort\":8001,\"Protocol\":\"tcp\"}" },
	{ "-p 8000-8009:80", "\"HostPort\":8000,\"HostPortEnd\":8009" },
	{ "-P --expose 80 --expose 90-91/udp --expose 80/tcp",
		"\"ExposedPorts\":{\"80/tcp\":{},\"90/udp\":{},\"91/udp\":{}}" },
	{ "-P", "\"PublishAllPorts\":true" },
	{ "--network none", "{\"NetworkMode\":\"none\"}" },
	{ "--net host", "{\"NetworkMode\":\"host\"}" },
	{ "--network default", "{\"NetworkMode\":\"bridge\"}" },
	{ "--network container:web", "\"NetworkMode\":\"container:web\"" },
	{ "--network back --network-alias a --net-alias b --ip 172.30.0.5",
		"{\"Aliases\":[\"a\",\"b\"],\"IPv4Address\":\"172.30.0.5\",\"Network\":\"back\"}" },
	{ "--network name=back,alias=x,ip=172.30.0.6 --network front",
		"[{\"Aliases\":[\"x\"],\"IPv4Address\":\"172.30.0.6\",\"Network\":\"back\"},"
		"{\"Network\":\"front\"}]" },
	{ "--link db --link db2:d", "\"Links\":[\"db\",\"db2:d\"]" },
	{ "--dns 1.1.1.1 --dns-search example.org --dns-option ndots:1",
		"\"Dns\":[\"1.1.1.1\"],\"DnsOptions\":[\"ndots:1\"],\"DnsSearch\":[\"example."
		"org\"]" },
	{ "--add-host a:1.2.3.4 --add-host b=host-gateway --add-host c:[::1]",
		"\"ExtraHosts\":[\"a:1.2.3.4\",\"b:host-gateway\",\"c:::1\"]" },
	/* limits */
	{ "-m 64m --memory-swap 128m --memory-reservation 32m",
		"\"Memory\":67108864,\"MemoryReservation\":33554432,\"MemorySwap\":134217728" },
	{ "--memory-swap -1", "\"MemorySwap\":-1" },
	{ "--cpus 1.5", "\"NanoCpus\":1500000000" },
	{ "-c 512", "\"CpuShares\":512" },
	{ "--cpu-period 100000 --cpu-quota 50000", "\"CpuPeriod\":100000,\"CpuQuota\":50000" },
	{ "--cpuset-cpus 0-1,3 --cpuset-mems 0", "\"CpusetCpus\":\"0-1,3\",\"CpusetMems\":\"0\"" },
	{ "--pids-limit 10", "\"PidsLimit\":10" },
	{ "--pids-limit -1", "\"PidsLimit\":-1" },
	{ "--blkio-weight 300", "\"BlkioWeight\":300" },
	{ "--ulimit nofile=10:20 --ulimit core=-1 --ulimit nofile=11",
		"[{\"Hard\":11,\"Name\":\"nofile\",\"Soft\":11},{\"Hard\":-1,\"Name\":\"core\","
		"\"Soft\":-1}]" },
	{ "--oom-score-adj -500", "\"OomScoreAdj\":-500" },
	{ "--oom-kill-disable", "\"OomKillDisable\":true" },
	{ "--memory-swappiness 60", "\"MemorySwappiness\":60" },
	{ "--device-read-bps /dev/sda:1m --device-read-bps /dev/sda:2m",
		"\"RedockThrottles\":[\"read_bps /dev/sda 2097152\"]" },
	{ "--blkio-weight-device /dev/sda:300", "\"weight /dev/sda 300\"" },
	{ "--mac-address 02:42:ac:11:00:02", "\"MacAddress\":\"02:42:ac:11:00:02\"" },
	{ "--annotation a.b=c", "\"Annotations\":{\"a.b\":\"c\"}" },
	/* confinement */
	{ "--cap-add net_admin --cap-add CAP_SYS_TIME --cap-drop all",
		"\"CapAdd\":[\"NET_ADMIN\",\"SYS_TIME\"],\"CapDrop\":[\"ALL\"]" },
	{ "--privileged", "\"Privileged\":true" },
	{ "--security-opt no-new-privileges", "\"SecurityOpt\":[\"no-new-privileges\"]" },
	{ "--security-opt seccomp=unconfined --security-opt apparmor:x --security-opt "
	  "label=disable",
		"[\"seccomp=unconfined\",\"apparmor=x\",\"label=disable\"]" },
	{ "--device /dev/null",
		"{\"CgroupPermissions\":\"rwm\",\"PathInContainer\":\"/dev/null\"" },
	{ "--device /dev/null:r",
		"{\"CgroupPermissions\":\"r\",\"PathInContainer\":\"/dev/null\"" },
	{ "--device /dev/null:/dev/x:rw",
		"{\"CgroupPermissions\":\"rw\",\"PathInContainer\":\"/dev/x\"" },
	{ "--device-cgroup-rule c_10:200_rwm", "\"DeviceCgroupRules\":[\"c_10:200_rwm\"]" },
	{ "--sysctl net.ipv4.ip_forward=1", "\"Sysctls\":{\"net.ipv4.ip_forward\":\"1\"}" },
	{ "--pid host --ipc container:web --uts host --userns host --cgroupns private",
		"\"IpcMode\":\"container:web\"" },
	{ "--cgroup-parent x", "\"CgroupParent\":\"x\"" },
	/* supervision */
	{ "--restart always", "\"RestartPolicy\":\"always\"" },
	{ "--restart on-failure:3",
		"\"RestartMaximumRetryCount\":3,\"RestartPolicy\":\"on-failure\"" },
	{ "--restart unless-stopped", "\"RestartPolicy\":\"unless-stopped\"" },
	{ "--rm --restart no", "\"AutoRemove\":true" },
	{ "--stop-signal SIGINT", "\"StopSignal\":\"SIGINT\"" },
	{ "--stop-timeout 5", "\"StopTimeout\":5" },
	{ "--stop-timeout -1", "\"StopTimeout\":-1" },
	{ "--stop-timeout 0", "\"StopTimeout\":-9223372036854775808" },
	{ "--health-cmd true --health-interval 1m30s --health-timeout 500ms --health-retries 2 "
	  "--health-start-period 1h --health-start-interval 2s",
		"\"HealthcheckInterval\":90000000000,\"HealthcheckRetries\":2,"
		"\"HealthcheckStartInterval\":2000000000,\"HealthcheckStartPeriod\":3600000000000,"
		"\"HealthcheckTest\":[\"CMD-SHELL\",\"true\"],\"HealthcheckTimeout\":500000000" },
	{ "--no-healthcheck", "\"HealthcheckTest\":[\"NONE\"]" },
	{ "--log-driver journald", "\"LogDriver\":\"journald\"" },
	{ "--log-opt max-size=1m --log-opt max-file=2",
		"\"LogOptions\":{\"max-file\":\"2\",\"max-size\":\"1m\"}" },
	{ "-l a=b --label c", "\"Labels\":{\"a\":\"b\",\"c\":\"\"}" },
	{ "--pull missing --name x", "\"Name\":\"x\"" },
	{ "--pull never --name x", "\"Name\":\"x\"" },
};

static void options_are_taken(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		auto_free char *line = xasprintf("redock create %s img", good[i].options);
		auto_ran ran = run_cli(line, NULL);

		if (ran.status != 0)
			fail_msg("'%s': %s", good[i].options, ran.err);
		if (!strstr(ran.log, good[i].part))
			fail_msg("'%s' makes %s, not %s", good[i].options, ran.log, good[i].part);
		assert_string_equal(ran.out, "feedc0de\n");
	}
}

/* Options, and what the error says; the hint where it matters. */
static const struct {
	const char *options, *says;
} bad[] = {
	{ "--name a/b", "option '--name': 'a/b' is no container name" },
	{ "-a nosuch", "has no such image" }, /* it is the image then */
	{ "--attach=nosuch", "option '--attach': 'nosuch' is no stream" },
	{ "-e =1", "option '-e': '=1' has no name" },
	{ "-w srv", "is no absolute path" },
	{ "-h -x", "is no host name" },
	{ "-v a", "option '-v': 'a' is no place in a container" },
	{ "-v /a:b", "'b' is no place in a container" },
	{ "-v /a:/", "'/' is no place in a container" },
	{ "-v a/b:/c", "'a/b' is neither a volume's name nor an absolute path" },
	{ "-v /a:/b:ro,rw", "more than once" },
	{ "-v /a:/b:nocopy", "'nocopy' is no option of a bind mount" },
	{ "-v vv:/b:rslave", "'rslave' is no option of a volume" },
	{ "-v ''", "option '-v': it is empty" },
	{ "--mount type=nfs,dst=/b", "'nfs' is no type of mount" },
	{ "--mount type=bind,src=a,dst=/b", "needs the absolute path of its source" },
	{ "--mount type=tmpfs,src=/a,dst=/b", "a tmpfs has no source" },
	{ "--mount type=bind,src=/a", "it has no target" },
	{ "--mount type=bind,src=/a,dst=/b,tmpfs-size=1", "'tmpfs-size' is not for type=bind" },
	{ "--mount type=bind,src=/a,dst=/b,colour=red", "'colour' is no field of a mount" },
	{ "--mount type=bind,src=/a,dst=/b,ro=maybe", "takes true or false" },
	{ "--tmpfs /a:colour=red", "'colour=red' is no option of a tmpfs" },
	{ "--tmpfs /a:mode=9", "'9' is no mode" },
	{ "--tmpfs a", "is no place in a container" },
	{ "--volumes-from a:x", "'a:x' is no container" },
	{ "--shm-size 0", "it must be more than 0" },
	{ "-p 0", "'0' is no port" },
	{ "-p 65536", "is no port" },
	{ "-p 80/icmp", "'icmp' is no protocol" },
	{ "-p 1-3:1-2", "differ in length" },
	{ "-p 300.1.1.1:1:1", "'300.1.1.1' is no address" },
	{ "-p 2-1:80", "'2-1' is no port" },
	{ "--expose x", "'x' is no port" },
	{ "--network n/a", "'n/a' is no network" },
	{ "--network container:", "is no network" },
	{ "--network a --network a", "network 'a' is given twice" },
	{ "--network name=a,colour=red", "'colour=red' is no field of a network" },
	{ "--network-alias -a", "is no name" },
	{ "--ip 1.2.3", "'1.2.3' is no IPv4 address" },
	{ "--link a:b:c", "'a:b:c' is no link" },
	{ "--dns x", "'x' is no IP address" },
	{ "--add-host a", "'a' is no host and address" },
	{ "--add-host a:b", "is no host and address" },
	{ "-m 1x", "'1x' is no size" },
	{ "--cpu-shares 1", "'1' is out of range\n  try: a whole number from 2 to 262144" },
	{ "--blkio-weight 5", "'5' is out of range" },
	{ "--oom-score-adj 2000", "'2000' is out of range" },
	{ "--cpuset-cpus 3-1", "'3-1' is no list of CPUs" },
	{ "--cpuset-cpus 1,", "is no list of CPUs" },
	{ "--ulimit nofiles=1", "'nofiles' is no limit\n  try: nofile" },
	{ "--ulimit nofile", "'nofile' is no limit" },
	{ "--ulimit nofile=2:1", "above the hard one" },
	{ "--cap-add NET_ADMINN", "'NET_ADMINN' is no capability\n  try: NET_ADMIN" },
	{ "--security-opt colour=red", "'colour=red' is no security option" },
	{ "--security-opt seccomp=/nosuch", "/nosuch" },
	{ "--device null", "'null' is no device" },
	{ "--device /dev/null:/dev/x:z", "is no device" },
	{ "--sysctl a..b=1", "is no setting of the kernel" },
	{ "--sysctl a", "is no setting of the kernel" },
	{ "--pid web", "'web' is no PID namespace\n  try: private, host, container:NAME" },
	{ "--ipc web", "is no IPC namespace" },
	{ "--uts x", "is no UTS namespace" },
	{ "--userns x", "is no user namespace" },
	{ "--restart sometimes", "'sometimes' is no restart policy" },
	{ "--restart always:3", "a count goes with on-failure" },
	{ "--restart on-failure:x", "a count goes with on-failure" },
	{ "--stop-signal NOSUCH", "'NOSUCH' is no signal" },
	{ "--stop-timeout -2", "out of range" },
	{ "--health-interval 30", "'30' is no duration\n  try: numbers with units: 30s" },
	{ "--health-cmd ''", "the command is empty" },
	{ "--log-driver syslog", "'syslog' is no log driver\n  try: json-file, journald, none" },
	{ "--log-opt max-size", "'max-size' is no KEY=VALUE" },
	{ "-l =x", "has no name" },
	{ "--pull sometimes", "is no time to pull" },
	{ "--env-file /nosuch", "cannot read '/nosuch'" },
	{ "--rm=maybe", "option '--rm' takes true or false" },
	/* conflicts */
	{ "--rm --restart always", "'--rm' and '--restart' exclude each other" },
	{ "--network host -p 80", "'--network host' and '--publish' exclude each other" },
	{ "--network none -p 80", "exclude each other" },
	{ "--network container:a -p 80", "exclude each other" },
	{ "--network container:a -h b", "exclude each other" },
	{ "--network container:a --dns 1.1.1.1", "exclude each other" },
	{ "--network container:a --add-host b:1.1.1.1", "exclude each other" },
	{ "--network host --link a", "exclude each other" },
	{ "--network host --network back", "exclude each other" },
	{ "--ip 172.17.0.5", "'--ip' is for networks made with 'network create'" },
	{ "--network-alias a", "'--network-alias' is for networks made" },
	{ "--uts host -h b", "exclude each other" },
	{ "--cpus 1 --cpu-quota 5000", "exclude each other" },
	{ "--memory-swap 1g", "'--memory-swap' needs '--memory'" },
	{ "-m 1g --memory-swap 512m", "--memory-swap is less than --memory" },
	{ "-m 1g --memory-reservation 2g", "--memory-reservation is more than --memory" },
	{ "--no-healthcheck --health-cmd true", "exclude each other" },
	{ "-v /a:/x --tmpfs /x/", "is mounted on twice" },
	{ "--cidfile /dev/null", "'/dev/null' exists" },
};

/* Refused before anything is made, and the exit status is Docker's. */
static void mistakes_are_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_free char *line = xasprintf("redock run %s img", bad[i].options);
		auto_ran ran = run_cli(line, NULL);

		if (ran.status != 125)
			fail_msg("'%s' ends with %d", bad[i].options, ran.status);
		if (!strstr(ran.err, bad[i].says))
			fail_msg("'%s' says %s, not %s", bad[i].options, ran.err, bad[i].says);
		if (strstr(ran.log, "create"))
			fail_msg("'%s' made a container", bad[i].options);
	}
}

static char *file_with(const char *text, char *path)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
	close(fd);
	return path;
}

static void files_of_variables(void **state)
{
	char env[] = "/tmp/redock-env-XXXXXX", label[] = "/tmp/redock-label-XXXXXX",
	     wrong[] = "/tmp/redock-wrong-XXXXXX";
	auto_free char *line = NULL, *bad_line = NULL;
	auto_ran ran = { 0 }, refused = { 0 };

	file_with("\xef\xbb\xbf# a comment\nA=from file\n\nB=\"quoted\"\r\nSET_HERE\n"
		  "UNSET_HERE\n  C=3\n",
		env);
	file_with("x=1\ny\n#z\n", label);
	file_with("A=1\nB C=2\n", wrong);
	line = xasprintf(
		"redock create -e B=2 --env-file %s -l x=2 --label-file %s img", env, label);
	ran = run_cli(line, NULL);
	assert_int_equal(ran.status, 0);
	assert_non_null(
		strstr(ran.log, "\"Env\":[\"A=from file\",\"B=2\",\"SET_HERE=yes\",\"C=3\"]"));
	assert_non_null(strstr(ran.log, "\"Labels\":{\"x\":\"2\",\"y\":\"\"}"));
	bad_line = xasprintf("redock create --env-file %s img", wrong);
	refused = run_cli(bad_line, NULL);
	assert_int_equal(refused.status, 125);
	assert_non_null(strstr(refused.err, "line 2: 'B C' is no name"));
	unlink(env), unlink(label), unlink(wrong);
}

static void a_seccomp_profile(void **state)
{
	char profile[] = "/tmp/redock-seccomp-XXXXXX", broken[] = "/tmp/redock-broken-XXXXXX";
	auto_free char *line = NULL, *bad_line = NULL;
	auto_ran ran = { 0 }, refused = { 0 };

	file_with("{ \"defaultAction\": \"SCMP_ACT_ALLOW\" }\n", profile);
	file_with("{ \"defaultAction\": \n", broken);
	line = xasprintf("redock create --security-opt seccomp=%s img", profile);
	ran = run_cli(line, NULL);
	assert_int_equal(ran.status, 0);
	assert_non_null(
		strstr(ran.log, "\"seccomp={\\\"defaultAction\\\":\\\"SCMP_ACT_ALLOW\\\"}\""));
	bad_line = xasprintf("redock create --security-opt seccomp=%s img", broken);
	refused = run_cli(bad_line, NULL);
	assert_int_equal(refused.status, 125);
	assert_non_null(strstr(refused.err, "is not valid JSON"));
	unlink(profile), unlink(broken);
}

/* The id is in the file, once; a second container does not get it. */
static void a_cidfile(void **state)
{
	char dir[] = "/tmp/redock-cid-XXXXXX";
	auto_free char *path = NULL, *line = NULL, *text = NULL;
	auto_ran ran = { 0 }, again = { 0 };
	size_t len;
	struct err e;

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/cid", dir);
	line = xasprintf("redock create --cidfile %s img", path);
	ran = run_cli(line, NULL);
	assert_int_equal(ran.status, 0);
	assert_int_equal(fs_read_file(AT_FDCWD, path, 100, &text, &len, &e), 0);
	assert_string_equal(text, "feedc0de");
	again = run_cli(line, NULL);
	assert_int_equal(again.status, 125);
	assert_string_equal(again.log, "");
	unlink(path);
	assert_int_equal(rmdir(dir), 0); /* no temporary is left */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		TEST(options_are_taken),
		TEST(mistakes_are_refused),
		TEST(files_of_variables),
		TEST(a_seccomp_profile),
		TEST(a_cidfile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
