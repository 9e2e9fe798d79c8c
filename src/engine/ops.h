#pragma once
/* What an implementation of engine.h provides; see there for the meaning of each. */
#include "engine/engine.h"

#include <stdarg.h>

struct engine_ops {
	void (*close)(struct engine *);
	int (*create)(struct engine *, const struct container_config *, char *, struct err *);
	int (*start)(struct engine *, const char *, struct session **, int *, struct err *);
	int (*wait)(struct engine *, const char *, enum wait_for, int, struct err *);
	int (*kill)(struct engine *, const char *, int, struct err *);
	int (*remove)(struct engine *, const char *, bool, struct err *);
	int (*inspect)(struct engine *, const char *, struct container_info *, struct err *);
	int (*inspect_machine)(
		struct engine *, const char *, struct container_info *, struct err *);
	int (*list)(struct engine *, bool, struct container_list *, struct err *);
	int (*log_tail)(struct engine *, const char *, size_t, struct str *, struct err *);
	int (*count_changes)(struct engine *, const char *, int64_t, uint64_t *, struct err *);
	int (*lock)(struct engine *, const char *, struct err *);
	int (*commit)(struct engine *, const char *, const char *, const struct commit_options *,
		char *, struct err *);
	int (*image_list)(struct engine *, struct image_list *, struct err *);
	int (*image_inspect)(struct engine *, const char *, struct image_info *, struct err *);
	int (*image_has_path)(struct engine *, const char *, const char *, bool *, struct err *);
	int (*image_import)(struct engine *, int, const char *, const struct import_options *,
		char *, struct err *);
	int (*image_remove)(struct engine *, const char *, bool, struct err *);
	int (*reset)(struct engine *, struct err *);
	int (*state_fd)(struct engine *, struct err *);
	const char *(*state_path)(struct engine *);
};

/* The start of every implementation's own struct. */
struct engine {
	const struct engine_ops *ops;
	engine_say *say;
	void *say_arg;
};

int local_engine_open(const struct engine_options *, struct engine **ret, struct err *e);

struct session_ops {
	int (*fd)(const struct session *);
	int (*next)(struct session *, struct session_event *, struct err *);
	int (*send)(struct session *, const void *, size_t, struct err *);
	int (*close_stdin)(struct session *, struct err *);
	int (*resize)(struct session *, unsigned, unsigned, struct err *);
	void (*close)(struct session *);
};
struct session {
	const struct session_ops *ops;
};
