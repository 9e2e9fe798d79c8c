/*
 * redock-scope: asks systemd for a subtree of control groups, a scope unit with Delegate=yes.
 *
 *   redock-scope [--slice=S] [--description=D] [--leaf=L] [--lock=FILE] [--property=NAME=N]…
 *                [--set=NAME=LIST]… start UNIT
 *   redock-scope [--property=NAME=N]… [--set=NAME=LIST]… set UNIT
 *
 * "start" makes the scope with this process in it, prints the path of its group when systemd says
 * that the job is done, and holds the scope until stdin ends. With --leaf it makes that group
 * inside, moves itself there and hands the controllers down; an existing scope will do then.
 * org.freedesktop.systemd1(5) describes what is called here.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/cgroup-tree.h"

#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define OBJECT  "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define WAIT_S  30

struct request {
	const char *slice, *description, *leaf, *lock, *unit;
	struct strv properties, sets;
};

/* What the signals of systemd have told. */
struct waiting {
	const char *unit;
	char *job;    /* the object path of ours */
	char *result; /* of the job, "done" */
	bool removed; /* the unit of this name is gone */
};

/* sd-bus returns -errno, and has the other side's words in `be`. */
static int failed(struct err *e, int r, const sd_bus_error *be, const char *what)
{
	if (be && be->message)
		return err_set(e, -r, "%s: %s", what, be->message);
	errno = -r;
	return err_errno(e, "%s", what);
}

/* The system bus; without one (early at boot, or no D-Bus installed), systemd's own socket. */
static int connect_bus(sd_bus **ret, struct err *e)
{
	sd_bus *bus = NULL;
	int r = sd_bus_open_system(ret), second;

	if (r >= 0)
		return 0;
	second = sd_bus_new(&bus);
	if (second >= 0)
		second = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
	if (second >= 0)
		second = sd_bus_start(bus);
	if (second < 0) {
		sd_bus_unref(bus);
		return failed(e, r, NULL, "cannot reach the system's D-Bus");
	}
	*ret = bus;
	return 0;
}

static int on_job(sd_bus_message *m, void *arg, sd_bus_error *be)
{
	struct waiting *w = arg;
	const char *path, *unit, *result;
	uint32_t id;

	(void)be;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0 || w->result)
		return 0;
	if (w->job ? str_eq(path, w->job) : str_eq(unit, w->unit))
		w->result = xstrdup(result);
	return 0;
}

static int on_removed(sd_bus_message *m, void *arg, sd_bus_error *be)
{
	struct waiting *w = arg;
	const char *unit, *path;

	(void)be;
	if (sd_bus_message_read(m, "so", &unit, &path) >= 0 && str_eq(unit, w->unit))
		w->removed = true;
	return 0;
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Handles what comes until one of the two conditions holds. */
static int wait_for(sd_bus *bus, char *const *text, const bool *flag, struct err *e)
{
	uint64_t end = now_us() + WAIT_S * UINT64_C(1000000);

	while (!(text && *text) && !(flag && *flag)) {
		int r = sd_bus_process(bus, NULL);
		uint64_t now = now_us();
		if (r > 0)
			continue;
		if (r == 0 && now >= end)
			return err_set(
				e, ETIMEDOUT, "systemd has not answered in %d seconds", WAIT_S);
		if (r == 0)
			r = sd_bus_wait(bus, end - now);
		if (r < 0 && r != -EINTR)
			return failed(e, r, NULL, "cannot listen to systemd");
	}
	return 0;
}

/* "0-3,7" as a bit mask, lowest byte first, as systemd takes CPUs and memory nodes. */
static int append_set(sd_bus_message *m, const char *name, const char *list)
{
	struct cg_cpus cpus;
	uint8_t mask[CG_CPUS / 8];
	size_t len = 0;
	int r = cg_cpu_list(list, &cpus);

	for (size_t i = 0; i < sizeof mask; i++) {
		mask[i] = (uint8_t)(cpus.bits[i / 8] >> (i % 8 * 8));
		if (mask[i])
			len = i + 1;
	}
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "ay");
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', mask, len);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* The limits, "NAME=VALUE" each. */
static int append_limits(sd_bus_message *m, const struct request *q)
{
	int r = 0;

	for (size_t i = 0; i < q->properties.n && r >= 0; i++) {
		char *eq = strchr(q->properties.v[i], '=');
		auto_free char *name =
			eq ? xstrndup(q->properties.v[i], (size_t)(eq - q->properties.v[i])) : NULL;
		uint64_t value;
		r = eq ? str_to_u64(eq + 1, 0, UINT64_MAX, &value) : -EINVAL;
		if (r >= 0)
			r = sd_bus_message_append(m, "(sv)", name, "t", value);
	}
	for (size_t i = 0; i < q->sets.n && r >= 0; i++) {
		char *eq = strchr(q->sets.v[i], '=');
		auto_free char *name =
			eq ? xstrndup(q->sets.v[i], (size_t)(eq - q->sets.v[i])) : NULL;
		r = eq ? append_set(m, name, eq + 1) : -EINVAL;
	}
	return r;
}

static int append_scope(sd_bus_message *m, const struct request *q)
{
	int r = sd_bus_message_append(m, "ss", q->unit, "fail");

	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)", "Description", "s",
			q->description, "Slice", "s", q->slice, "Delegate", "b", 1, "CollectMode",
			"s", "inactive-or-failed", "DefaultDependencies", "b", 0, "PIDs", "au", 1,
			(uint32_t)getpid());
	/* else it is a share of what the system can have */
	if (r >= 0 && q->leaf)
		r = sd_bus_message_append(m, "(sv)", "TasksMax", "t", UINT64_MAX);
	if (r >= 0)
		r = append_limits(m, q);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_append(m, "a(sa(sv))", 0);
}

/* -EEXIST: there is such a unit. */
static int start_unit(sd_bus *bus, const struct request *q, struct waiting *w, struct err *e)
{
	sd_bus_error be = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL, *reply = NULL;
	const char *job;
	int r = sd_bus_message_new_method_call(
		bus, &m, SYSTEMD, OBJECT, MANAGER, "StartTransientUnit");

	if (r >= 0)
		r = append_scope(m, q);
	if (r >= 0)
		r = sd_bus_call(bus, m, WAIT_S * UINT64_C(1000000), &be, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &job);
	if (r >= 0) {
		w->job = xstrdup(job);
	} else if (sd_bus_error_has_name(&be, "org.freedesktop.systemd1.UnitExists")) {
		r = err_set(e, EEXIST, "systemd has a unit '%s' already", q->unit);
	} else {
		failed(e, r, &be, "systemd does not make the scope");
		r = -e->code;
	}
	sd_bus_message_unref(m);
	sd_bus_message_unref(reply);
	sd_bus_error_free(&be);
	return r < 0 ? r : 0;
}

/* Where the unit's group is: property ControlGroup, "/redock.slice/redock-1.scope". */
static char *group_of(sd_bus *bus, const char *unit, struct err *e)
{
	sd_bus_error be = SD_BUS_ERROR_NULL;
	char *path = NULL, *group = NULL;
	int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);

	if (r >= 0)
		r = sd_bus_get_property_string(bus, SYSTEMD, path, "org.freedesktop.systemd1.Scope",
			"ControlGroup", &be, &group);
	if (r < 0 || *group != '/' || !group[1]) {
		failed(e, r < 0 ? r : -ENOENT, &be, "the scope has no control group");
		free(group);
		group = NULL;
	}
	free(path);
	sd_bus_error_free(&be);
	return group;
}

/* We leave the scope's own group, so that it may hand its controllers down to those inside. */
static int settle(const char *group, const char *leaf, struct err *e)
{
	auto_free char *path = xasprintf("%s/%s", group + 1, leaf), *offered = NULL;
	char *rest, *controller;
	int r = cg_mkdir("", path);

	if (r >= 0)
		r = cg_put("", path, "cgroup.procs", "0");
	if (r >= 0)
		r = cg_get("", group + 1, "cgroup.controllers", 4096, &offered);
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot make control group '%s'", path);
	}
	rest = offered;
	while ((controller = strsep(&rest, " \n"))) {
		auto_free char *text = xasprintf("+%s", controller);
		/* a limit that needs one that is not handed down will say so */
		if (*controller)
			cg_put("", group + 1, "cgroup.subtree_control", text);
	}
	return 0;
}

static int subscribe(sd_bus *bus, struct waiting *w, struct err *e)
{
	int r = sd_bus_match_signal(bus, NULL, SYSTEMD, OBJECT, MANAGER, "JobRemoved", on_job, w);

	if (r >= 0)
		r = sd_bus_match_signal(
			bus, NULL, SYSTEMD, OBJECT, MANAGER, "UnitRemoved", on_removed, w);
	if (r >= 0)
		r = sd_bus_call_method(
			bus, SYSTEMD, OBJECT, MANAGER, "Subscribe", NULL, NULL, NULL);
	/* on systemd's own socket one is subscribed */
	return r < 0 && r != -ENOTSUP && r != -EBADR
		       ? failed(e, r, NULL, "cannot listen to systemd")
		       : 0;
}

static int start(sd_bus *bus, const struct request *q, struct waiting *w, struct err *e)
{
	auto_close int lock = -1;
	auto_free char *group = NULL;
	int r;

	if (q->lock && (lock = fs_lock(AT_FDCWD, q->lock, -1, e)) < 0)
		return lock;
	if (subscribe(bus, w, e) < 0)
		return -e->code;
	r = start_unit(bus, q, w, e);
	if (r == -EEXIST && q->leaf) {
		/* another command has been quicker; or it is on its way out, its last process
		 * having ended */
		group = group_of(bus, q->unit, e);
		if (group && cg_exists(group + 1, q->leaf, NULL)) {
			printf("%s\n", group);
			return 0;
		}
		free(group);
		group = NULL;
		if (wait_for(bus, NULL, &w->removed, e) < 0)
			return -e->code;
		r = start_unit(bus, q, w, e);
	}
	if (r < 0 || wait_for(bus, &w->result, NULL, e) < 0)
		return -e->code;
	if (!str_eq(w->result, "done"))
		return err_set(
			e, EIO, "systemd's job for '%s' ended with '%s'", q->unit, w->result);
	group = group_of(bus, q->unit, e);
	if (!group || (q->leaf && settle(group, q->leaf, e) < 0))
		return -e->code;
	printf("%s\n", group);
	return 0;
}

static int set(sd_bus *bus, const struct request *q, struct err *e)
{
	sd_bus_error be = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(
		bus, &m, SYSTEMD, OBJECT, MANAGER, "SetUnitProperties");

	if (r >= 0)
		r = sd_bus_message_append(m, "sb", q->unit, 1);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = append_limits(m, q);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_call(bus, m, WAIT_S * UINT64_C(1000000), &be, NULL);
	if (r < 0)
		failed(e, r, &be, "systemd does not change the scope");
	sd_bus_message_unref(m);
	sd_bus_error_free(&be);
	return r < 0 ? -e->code : 0;
}

static bool parse(int argc, char **argv, struct request *q)
{
	static const struct option options[] = {
		{ "slice", required_argument, NULL, 's' },
		{ "description", required_argument, NULL, 'd' },
		{ "leaf", required_argument, NULL, 'l' },
		{ "lock", required_argument, NULL, 'k' },
		{ "property", required_argument, NULL, 'p' },
		{ "set", required_argument, NULL, 'S' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 's':
			q->slice = optarg;
			break;
		case 'd':
			q->description = optarg;
			break;
		case 'l':
			q->leaf = optarg;
			break;
		case 'k':
			q->lock = optarg;
			break;
		case 'p':
			strv_push(&q->properties, optarg);
			break;
		case 'S':
			strv_push(&q->sets, optarg);
			break;
		default:
			return false;
		}
	}
	if (argc - optind != 2 || (q->leaf && (strchr(q->leaf, '/') || *q->leaf == '.')))
		return false;
	q->unit = argv[optind + 1];
	return str_eq(argv[optind], "set") || str_eq(argv[optind], "start");
}

int main(int argc, char **argv)
{
	struct request q = { .slice = "redock.slice", .description = "redock" };
	struct waiting w = { 0 };
	struct err e = { 0 };
	sd_bus *bus = NULL;
	char end[16];
	int r;

	if (!parse(argc, argv, &q)) {
		fputs("redock-scope: this is a part of redock; it is not for people\n", stderr);
		return 2;
	}
	w.unit = q.unit;
	r = connect_bus(&bus, &e);
	if (r == 0)
		r = str_eq(argv[optind], "set") ? set(bus, &q, &e) : start(bus, &q, &w, &e);
	if (r < 0)
		fprintf(stderr, "%s\n", e.text);
	sd_bus_flush_close_unref(bus);
	/* who has asked closes it when the scope has a process of theirs */
	if (r == 0 && str_eq(argv[optind], "start") && fflush(stdout) == 0)
		while (read(STDIN_FILENO, end, sizeof end) > 0)
			continue;
	strv_release(&q.properties);
	strv_release(&q.sets);
	free(w.job);
	free(w.result);
	return r < 0;
}
