#pragma once
/* The one table of a configuration's members, for the files that make something of all of them:
 * config.c (release, copy, JSON) and config_pack.c. */
#include "engine/config.h"

enum kind {
	TEXT,   /* char * */
	LIST,   /* struct strv, an array of strings */
	MAP,    /* struct strv of KEY=value, an object */
	SET,    /* struct strv, an object whose members are empty objects ("ExposedPorts") */
	FLAG,   /* bool */
	NUMBER, /* int64_t */
	COUNT,  /* uint64_t */
	PORT,   /* uint16_t */
	MODE,   /* mode_t */
	NAMED,  /* an enum, by the texts in `names` */
	ARRAY,  /* pointer to structs with a size_t counter behind it, by `sub` */
};

struct member {
	const char *section; /* NULL: at the top */
	const char *key;
	enum kind kind;
	size_t offset;
	const char *const *names;
	const struct table *sub;
};
struct table {
	const struct member *members; /* ends with a NULL key */
	size_t size;
};
/* An ARRAY's pointer and its counter are neighbours. */
struct array {
	char *v;
	size_t n;
};
extern const struct table container_config_table;
