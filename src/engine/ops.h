#pragma once
/* What an implementation of engine.h provides; see there for the meaning of each. */
#include "engine/engine.h"

#include <stdarg.h>

struct engine_ops {
	void (*close)(struct engine *);
	int (*create)(struct engine *, const struct container_config *, char *, struct err *);
	int (*check_ports)(struct engine *, const struct container_config *, struct err *);
	int (*start)(struct engine *, const char *, struct session **, int *, struct err *);
	int (*wait)(struct engine *, const char *, enum wait_for, int, struct err *);
	int (*kill)(struct engine *, const char *, int, struct err *);
	int (*remove)(struct engine *, const char *, const struct remove_options *, struct err *);
	int (*inspect)(struct engine *, const char *, struct container_info *, struct err *);
	int (*find)(struct engine *, const char *, char[ENGINE_ID_SIZE], struct err *);
	int (*inspect_machine)(
		struct engine *, const char *, struct container_info *, struct err *);
	int (*list)(struct engine *, bool, struct container_list *, struct err *);
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
	int (*image_pull)(struct engine *, const char *, const struct transfer *,
		struct transferred_list *, struct err *);
	int (*image_push)(struct engine *, const char *, const struct transfer *,
		struct transferred_list *, struct err *);
	int (*login)(struct engine *, const struct login *, struct login_result *, struct err *);
	int (*logout)(struct engine *, const char *, struct login_result *, struct err *);
	int (*fetch)(
		struct engine *, const struct fetch_request *, int, struct fetched *, struct err *);
	int (*unpack)(struct engine *, const void *, size_t, int, int, struct err *);
	int (*image_tag)(struct engine *, const char *, const char *, struct err *);
	int (*image_history)(struct engine *, const char *, struct image_history *, struct err *);
	int (*image_save)(
		struct engine *, char *const *, size_t, enum image_archive, int, struct err *);
	int (*image_load)(struct engine *, int, struct loaded_list *, struct err *);
	int (*stop)(struct engine *, const char *, int, struct err *);
	int (*pause)(struct engine *, const char *, struct err *);
	int (*unpause)(struct engine *, const char *, struct err *);
	int (*rename)(struct engine *, const char *, const char *, struct err *);
	int (*update)(struct engine *, const char *, const struct update_config *, struct err *);
	int (*attach)(struct engine *, const char *, const struct attach_options *,
		struct session **, struct err *);
	int (*exec)(struct engine *, const char *, const struct exec_config *, struct session **,
		int *, struct err *);
	int (*top)(
		struct engine *, const char *, char *const *, struct process_table *, struct err *);
	int (*logs)(struct engine *, const char *, const struct log_options *, engine_log_each *,
		void *, struct err *);
	int (*stats)(struct engine *, const char *, struct container_stats *, struct err *);
	int (*path_stat)(
		struct engine *, const char *, const char *, struct path_stat *, struct err *);
	int (*copy_from)(struct engine *, const char *, const char *, bool, int, struct err *);
	int (*copy_to)(struct engine *, const char *, const char *, const struct copy_to_options *,
		int, struct err *);
	int (*download)(struct engine *, const char *, const char *, const char *,
		const struct transfer_options *, struct err *);
	int (*upload)(struct engine *, const char *, const char *, const char *,
		const struct transfer_options *, struct err *);
	int (*export)(struct engine *, const char *, int, struct err *);
	int (*diff)(struct engine *, const char *, struct change_list *, struct err *);
	int (*volume_create)(
		struct engine *, const struct volume_config *, struct volume_info *, struct err *);
	int (*volume_inspect)(struct engine *, const char *, struct volume_info *, struct err *);
	int (*volume_list)(struct engine *, bool, struct volume_list *, struct err *);
	int (*volume_remove)(struct engine *, const char *, struct err *);
	int (*network_create)(struct engine *, const struct network_config *, char *, struct err *);
	int (*network_inspect)(struct engine *, const char *, struct network_info *, struct err *);
	int (*network_list)(struct engine *, struct network_list *, struct err *);
	int (*network_remove)(struct engine *, const char *, struct err *);
	int (*network_connect)(
		struct engine *, const char *, const struct endpoint_config *, struct err *);
	int (*network_disconnect)(struct engine *, const char *, const char *, bool, struct err *);
	int (*network_reload)(struct engine *, struct err *);
	int (*events)(struct engine *, int64_t, int64_t, engine_event_each *, void *, struct err *);
	int (*info)(struct engine *, struct engine_info *, struct err *);
	int (*doctor)(struct engine *, struct check_list *, struct err *);
	int (*system_check)(
		struct engine *, const struct check_options *, struct finding_list *, struct err *);
	int (*usage)(struct engine *, struct engine_usage *, struct err *);
	int (*container_size)(struct engine *, const char *, uint64_t *, uint64_t *, struct err *);
	int (*resume)(struct engine *, struct err *);
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

int local_doctor(struct engine *, struct check_list *, struct err *e);
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
