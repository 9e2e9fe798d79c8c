#pragma once
/*
 * Dockerfile instructions that change an image's settings and run nothing: CMD, ENTRYPOINT, ENV,
 * EXPOSE, HEALTHCHECK, LABEL, SHELL, STOPSIGNAL, USER, VOLUME and WORKDIR, in JSON and shell form,
 * with quotes, backslashes and variables of the image's environment as the Dockerfile reference has
 * them.
 */
#include "engine/config.h"

struct instruction_state {
	struct container_config *settings; /* what an image has: see struct image_info's config */
	struct strv shell;                 /* of commands in shell form; empty: /bin/sh -c */
	bool cmd_set;                      /* a CMD has been seen: an ENTRYPOINT keeps it */
	char escape;                       /* of words: '\\' (or '\0', which means it) or '`' */
	const struct strv *args;           /* variables beside the image's own, or NULL */
	/* Told of each variable that has no value; may be NULL. */
	void (*unset)(void *arg, const char *name);
	void *unset_arg;
};
/* Carries out one line. EINVAL, and nothing has changed: it says nothing that can be. */
int instruction_apply(const char *line, struct instruction_state *, struct err *e);
/* "1m30s", as Go writes durations, in nanoseconds; -EINVAL. */
int instruction_duration(const char *text, int64_t *ret);
