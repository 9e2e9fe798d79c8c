#pragma once
/*
 * The stages of a Dockerfile: what each goes on from, which others it takes from, and that all its
 * instructions are some, with options that they have (Dockerfile reference, "FROM", "ARG",
 * "COPY --from", "RUN --mount").
 */
#include "build/dockerfile.h"

#define STAGES_MAX 500

struct stage {
	char *name;     /* in small letters, NULL without one */
	char *base;     /* the image's name, variables put in; "scratch"; NULL: base_stage */
	int base_stage; /* index of the stage that it goes on from, or -1 */
	char *platform; /* "linux/arm64", or NULL */
	size_t from;    /* index of its FROM in the file; its instructions follow ... */
	size_t end;     /* ... up to this one */
};

struct recipe {
	const struct dockerfile *file; /* borrowed */
	struct stage *stages;
	size_t n;
	struct strv args; /* KEY=value of the ARGs before the first FROM, and of platforms */
};
void recipe_release(struct recipe *);
#define auto_recipe __attribute__((cleanup(recipe_release))) struct recipe

struct recipe_options {
	const struct strv *build_args; /* KEY=value; may be NULL */
	const char *platform;          /* the build's target: "linux/amd64" */
	const char *host_platform;     /* where it is built */
};
/* EINVAL: *ret_place says where. `warnings` gets whole sentences (unused build arguments, variables
 * without a value, ...); may be NULL. */
int recipe_parse(const struct dockerfile *, const struct recipe_options *, struct recipe *ret,
	struct strv *warnings, struct place *ret_place, struct err *e);

/* The stage that a name or a number stands for, among those before `before`: its index, or -1. */
int recipe_stage(const struct recipe *, const char *name, size_t before);
/* Index of the stage to build: the one of that name, or (NULL) the last. ENOENT with what there
 * is. */
int recipe_target(const struct recipe *, const char *name, size_t *ret, struct err *e);
/* Marks in `needed` (as many as there are stages) the target and all that it takes from. */
void recipe_needed(const struct recipe *, size_t target, bool *needed);

/* The value of option "--name=..." of an instruction, or NULL; "" for "--name" alone. */
const char *instruction_flag(const struct instruction *, const char *name);
/* The value of `key` in comma-separated "key=value,...", copied; NULL when it is missing. */
char *mount_field(const char *mount, const char *key);
