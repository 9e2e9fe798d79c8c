/* info, version, df: what the engine is and has. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <string.h>

struct show_options {
	const char *format;
	bool json;
};

#define TARGET(member) offsetof(struct show_options, member)
static const struct verb_option options[] = {
	{ OPTION_TEXT, 'f', "format", "TEMPLATE", "json or '{{.Field}}'", TARGET(format) },
	{ OPTION_FLAG, 0, "json", NULL, "print an object", TARGET(json) },
	{ 0 },
};

/* Docker's names where Docker has them. */
static json_t *info_json(const struct engine_info *i)
{
	json_t *o = json_object();

	json_object_set_new(o, "Containers", json_integer((json_int_t)i->containers));
	json_object_set_new(o, "ContainersRunning", json_integer((json_int_t)i->running));
	json_object_set_new(o, "ContainersPaused", json_integer((json_int_t)i->paused));
	json_object_set_new(o, "ContainersStopped", json_integer((json_int_t)i->stopped));
	json_object_set_new(o, "Images", json_integer((json_int_t)i->images));
	json_object_set_new(o, "Driver", json_string("overlay"));
	json_object_set_new(o, "CgroupDriver", output_string(i->cgroup_manager));
	json_object_set_new(o, "CgroupVersion", output_string(i->cgroup));
	json_object_set_new(o, "KernelVersion", output_string(i->kernel));
	json_object_set_new(o, "OperatingSystem", output_string(i->operating_system));
	json_object_set_new(o, "OSType", json_string("linux"));
	json_object_set_new(o, "Architecture", output_string(i->architecture));
	json_object_set_new(o, "NCPU", json_integer(i->cpus));
	json_object_set_new(o, "MemTotal", json_integer((json_int_t)i->memory));
	json_object_set_new(o, "RedockRootDir", output_string(i->root));
	json_object_set_new(o, "RedockRunDir", output_string(i->run_root));
	json_object_set_new(o, "Name", output_string(i->host_name));
	json_object_set_new(o, "ServerVersion", output_string(i->version));
	json_object_set_new(o, "SecurityOptions", json_from_strv(&i->security));
	json_object_set_new(o, "Warnings", json_from_strv(&i->warnings));
	return o;
}

static void print_info(const struct engine_info *i)
{
	char memory[16];

	text_size_binary(i->memory, memory);
	printf("Containers: %" PRIu64 "\n Running: %" PRIu64 "\n Paused: %" PRIu64
	       "\n Stopped: %" PRIu64 "\nImages: %" PRIu64 "\n",
		i->containers, i->running, i->paused, i->stopped, i->images);
	printf("Server Version: %s\nStorage Driver: overlay\nCgroup Driver: %s\n"
	       "Cgroup Version: %s\n",
		i->version, i->cgroup_manager, i->cgroup);
	printf("Security Options:\n");
	for (size_t k = 0; k < i->security.n; k++)
		printf(" %s\n", i->security.v[k]);
	printf("Kernel Version: %s\nOperating System: %s\nOSType: linux\nArchitecture: %s\n"
	       "CPUs: %u\nTotal Memory: %s\nName: %s\nRoot Dir: %s\nRun Dir: %s\n",
		i->kernel, i->operating_system, i->architecture, i->cpus, memory, i->host_name,
		i->root, i->run_root);
	for (size_t k = 0; k < i->warnings.n; k++)
		fprintf(stderr, "warning: %s\n", i->warnings.v[k]);
}

static int show(const struct show_options *o, const json_t *j, struct err *e)
{
	if (o->format)
		return listing_print_one(o->format, j, e);
	output_json(j);
	return 0;
}

static int check(const struct show_options *o, struct err *e)
{
	return o->json && o->format
		       ? cli_usage(e, "options '--json' and '--format' exclude each other")
		       : 0;
}

static int info_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct show_options *o = opt;
	struct engine_info info = { 0 };
	struct engine *engine;
	int r = check(o, e);

	if (r < 0 || (r = cli_engine(c, &engine, e)) < 0 || (r = engine_info(engine, &info, e)) < 0)
		return r;
	if (o->json || o->format) {
		auto_json *j = info_json(&info);
		r = show(o, j, e);
	} else {
		print_info(&info);
	}
	engine_info_release(&info);
	return r < 0 ? r : 0;
}

static const struct verb_example info_examples[] = {
	{ "redock info", "what this engine is, and how much it has" },
	{ "redock info -f '{{.CgroupVersion}}'", "a part of it" },
	{ NULL },
};

const struct verb verb_info = {
	.name = "info",
	.group = GROUP_SYSTEM,
	.operands = "",
	.summary = "Describe this engine and its host",
	.description = "The object of --json has Docker's keys where Docker has them.",
	.options = options,
	.examples = info_examples,
	.options_size = sizeof(struct show_options),
	.max_operands = 0,
	.run = info_run,
};

/* ---- version ---- */

static int version_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct show_options *o = opt;
	auto_json *j = NULL;
	int r = check(o, e);

	if (r < 0)
		return r;
	/* there is no daemon: the client is the server */
	j = json_pack("{s:{s:s,s:s,s:s},s:{s:s,s:s,s:s}}", "Client", "Version", REDOCK_VERSION,
		"Os", "linux", "Arch", REDOCK_ARCH, "Server", "Version", REDOCK_VERSION, "Os",
		"linux", "Arch", REDOCK_ARCH);
	if (o->json || o->format)
		return show(o, j, e);
	printf("redock %s\n OS/Arch: linux/%s\n Engine: built in, without a daemon\n",
		REDOCK_VERSION, REDOCK_ARCH);
	return 0;
}

static const struct verb_example version_examples[] = {
	{ "redock version", "the same as --version, and more" },
	{ "redock version -f '{{.Server.Version}}'", "the number alone" },
	{ NULL },
};

const struct verb verb_version = {
	.name = "version",
	.group = GROUP_SYSTEM,
	.operands = "",
	.summary = "Print the version in full",
	.description = "Client and Server are the same program.",
	.options = options,
	.examples = version_examples,
	.options_size = sizeof(struct show_options),
	.max_operands = 0,
	.run = version_run,
};
