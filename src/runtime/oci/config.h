#pragma once
/*
 * config.json of a bundle (runtime-spec 1.2, config.md) as a `struct spec`. What the specification
 * calls an error is one: a value without a counterpart in the kernel, a missing member, another
 * major version. A member that nobody here knows is no error.
 */
#include "base/err.h"
#include "runtime/spec.h"

#include <jansson.h>

#define CONFIG_MAX          (16u << 20)
#define CONFIG_SPEC_VERSION "1.2.0"

struct oci_config {
	struct spec spec;
	char *version; /* ociVersion */
	char *cgroups_path;
	bool has_process;    /* optional until the container is started */
	json_t *annotations; /* borrowed from `document`, or NULL */
	json_t *seccomp;     /* the same */
	json_t *document;
};
void oci_config_release(struct oci_config *);
#define auto_oci_config __attribute__((cleanup(oci_config_release))) struct oci_config
#define OCI_CONFIG_INIT                                                                            \
	{                                                                                          \
		.spec = {.umask = -1, .resources = CGROUP_RESOURCES_INIT }                         \
	}

/* Parses a configuration; relative paths in it begin at `bundle` (absolute). */
int oci_config_parse(
	char *text, size_t len, const char *bundle, struct oci_config *ret, struct err *e);
/* Says what is no error and not as it was asked for. */
void oci_config_warn(
	const struct oci_config *, void (*warn)(void *data, const struct err *), void *data);
/* A process as `exec -p` has it, into those members of `spec` that describe one. */
int oci_process_parse(char *text, size_t len, struct spec *spec, struct err *e);
/* linux.resources alone, as `update -r` has it. */
int oci_resources_parse(char *text, size_t len, struct cgroup_resources *ret, struct err *e);

/* The parts, each in a file of its own; signatures of struct member's `read`. */
int config_read_process(const json_t *value, void *config, const char *where, struct err *e);
int config_read_scheduler(const json_t *value, void *spec, const char *where, struct err *e);
int config_read_io_priority(const json_t *value, void *spec, const char *where, struct err *e);
int config_read_affinity(const json_t *value, void *spec, const char *where, struct err *e);
int config_read_linux(const json_t *value, void *config, const char *where, struct err *e);
int config_read_maps(const json_t *value, struct spec_id_map **list, size_t *n, const char *where,
	struct err *e);
int config_read_resources(const json_t *value, void *resources, const char *where, struct err *e);
