#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static void print_binding(const struct port_binding *p)
{
	bool v6 = strchr(p->host_address, ':') != NULL;

	printf(v6 ? "[%s]:%u\n" : "%s:%u\n", p->host_address, p->host_port);
}

static int one_port(
	const struct container_info *info, const char *operand, const char *text, struct err *e)
{
	size_t len = strcspn(text, "/");
	auto_free char *number = xstrndup(text, len);
	const char *protocol = text[len] ? text + len + 1 : "tcp";
	bool found = false;
	uint64_t port;

	if (str_to_u64(number, 1, UINT16_MAX, &port) < 0)
		return cli_usage(e, "'%s' is no port: NUMBER or NUMBER/udp", text);
	for (size_t i = 0; i < info->n_ports; i++) {
		const struct port_binding *p = &info->ports[i];

		if (p->container_port != port || !p->host_port || !str_eq(p->protocol, protocol))
			continue;
		if (text[len])
			print_binding(p);
		else if (!found) /* PORT=$(redock port web 80), as it has been since 2013 */
			printf("%u\n", p->host_port);
		found = true;
	}
	if (found)
		return 0;
	err_set(e, ENOENT, "port %" PRIu64 "/%s of '%s' is not published", port, protocol, operand);
	return err_hint(e, "redock port %s", operand);
}

static int port_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	auto_container_info info = { 0 };
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = resolve_container(engine, "port", operands[0], &info, e)) < 0)
		return r;
	if (n_operands == 2)
		return one_port(&info, operands[0], operands[1], e);
	for (size_t i = 0; i < info.n_ports; i++) {
		const struct port_binding *p = &info.ports[i];

		if (!p->host_port)
			continue;
		printf("%u/%s -> ", p->container_port, p->protocol);
		print_binding(p);
	}
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock port web", "all published ports of 'web'" },
	{ "redock port web 80", "where port 80 of 'web' is on this host: a number" },
	{ "redock port web 80/tcp", "the same with its address: 0.0.0.0:32768" },
	{ NULL },
};

const struct verb verb_port = {
	.name = "port",
	.group = GROUP_INSIDE,
	.operands = "CONTAINER [PORT[/PROTOCOL]]",
	.summary = "Tell where the ports of a container are published",
	.description =
		"Without PORT prints all of them, one a line: PORT/PROTOCOL -> ADDRESS:PORT. "
		"With PORT alone prints the number of the host's port, as the first "
		"releases of Docker did; with PORT/PROTOCOL its addresses too, as today's "
		"do.",
	.examples = examples,
	.min_operands = 1,
	.max_operands = 2,
	.run = port_run,
};
