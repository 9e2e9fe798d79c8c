#pragma once
/* The built-in engine: engine.h done with runtime/, store/ and net/. Internal to engine/local/. */
#include "base/json.h"
#include "engine/local/files.h"
#include "engine/local/state.h"
#include "engine/ops.h"
#include "net/net.h"
#include "runtime/cgroup.h"
#include "store/store.h"

#define LOCAL_SLICE "redock.slice"

struct local {
	struct engine engine;
	char *root, *run_root, *bridge, *subnet, *cgroup_parent;
	char *scope; /* systemd's unit that is cgroup_parent, NULL where the tree is ours */
	struct container_dirs dirs;
	int run;       /* the run root */
	char boot[37]; /* the kernel's, "" until it is needed */
	struct store *store;
	struct net *net; /* opened when first needed: local_net() */
	struct net_address
		gateway; /* of the default network, for descriptions; prefix 0: not read */
	struct cgroup_freezer freezer; /* of cgroup_parent, when has_freezer */
	bool has_freezer;
	struct seen *seen; /* during a listing; NULL: files are read (seen.h) */
};

static inline struct local *local_of(struct engine *en)
{
	return (struct local *)en; /* its first member */
}

/* A container as its config.json says it was made; strings are owned. */
struct container {
	char id[ENGINE_ID_SIZE];
	struct container_config config; /* with what the image and the defaults gave */
	char *image_id, *manifest;
	struct strv layers; /* diff-ids, lowest first */
	int64_t created;
};
void container_release(struct container *);
#define auto_container __attribute__((cleanup(container_release))) struct container
int container_load(struct local *, const char *id, struct container *ret, struct err *e);
int container_save(const struct container *, int dirfd, enum fs_durability, struct err *e);

/* A store_progress; the argument is the engine. */
void local_say(void *engine, bool momentary, const char *line);
/* Ids of all containers that are visible, in ascending order. */
int local_ids(struct local *, struct strv *ret, struct err *e);
/* Full id of an exact container name or machine, or of a unique id prefix; -ENOENT. */
int local_resolve(struct local *, const char *name, char ret_id[ENGINE_ID_SIZE], struct err *e);
/* How a container really is, after repairing what a crash or a reboot has left: a monitor that died
 * is replaced, a container that died without one is cleaned up. */
struct local_status {
	enum container_state state;
	struct run_state run;   /* while it runs */
	struct last_state last; /* once it has */
	/* CONTAINER_EXITED, and its policy was about to start it again when its monitor died:
	 * local_start_again() */
	bool forgotten;
};
/* -ENOENT if repairing it meant removing it (auto_remove). */
int local_status(struct local *, const struct container *, struct local_status *ret, struct err *e);
/* Starts one that was forgotten, with the restarts counted on; one that somebody else has started
 * or stopped meanwhile is left as it is. */
int local_start_again(struct local *, const struct container *, struct err *e);
/* What such a one still has is given back: it is about to be started. */
int local_end_wait(
	struct local *, const struct container *, const struct run_state *, struct err *e);
/* The network, opened on first use. */
int local_net(struct local *, struct net **ret, struct err *e);
/* Removes bridge, rules and empty cgroup parent if nothing runs, and leftovers of dead commands. */
void local_sweep(struct local *);
/* What is left of containers that neither exist nor are being made; `each` is called with the
 * names' lock held. */
enum leftover {
	LEFT_CONTAINER, /* a half-made or half-removed one, below containers/ */
	LEFT_PIN,
	LEFT_NAME,
	LEFT_RUN, /* a run directory */
};
typedef void local_each_leftover(void *arg, enum leftover, const char *name);
void local_find_leftovers(struct local *, local_each_leftover *each, void *arg);
void local_sweep_leftovers(struct local *);
/* "<parent>/<id>", caller frees. */
char *local_cgroup(const struct local *, const char *id);
/* Run directory of a container, made if needed. Returns an fd. */
int local_run_dir(struct local *, const char *id, struct err *e);

/* Makes the layer of places to mount on, if it is not there yet. */
int local_make_skeleton(struct local *, struct err *e);

/* What the runtime is to execute; of the network only whose it is. The caller releases `ret`, also
 * after a failure. */
struct spec;
int local_build_spec(struct local *, const struct container *, struct spec *ret, struct err *e);
/* The part of it that the monitor reads: policy, health check, log, attributes of events. */
void local_set_supervision(const struct container_config *, struct spec *);

/* The name that a person means by a name or an image id; whether there is such an image is another
 * question. */
int local_image_ref(struct local *, const char *text, struct image_ref *ret, struct err *e);

/* Has the spec of a container that runs say what `c` says of its name, limits and policy, and tells
 * the monitor. One that does not run learns it at the next start. */
int local_tell_update(struct local *, const struct container *, struct err *e);

/* Writes an event to the journal; KEY, value, ... and NULL. One that cannot be written is lost. */
void local_event(struct local *, const char *type, const char *action, const char *id, ...)
	__attribute__((sentinel));
/* The same of a container, with its name, image and labels. */
void local_container_event(struct local *, const struct container *, const char *action, ...)
	__attribute__((sentinel));

/* A person wants it to end: its restart policy is at rest until the next start, and after a boot.
 * Before the signal is sent. */
int local_end_policy(struct local *, const struct container *, struct err *e);
/* A person starts it. */
int local_begin_policy(struct local *, const struct container *, struct err *e);
/* Kills a container that is running, paused or about to be restarted, and returns when its monitor
 * has recorded the end. */
int local_end_now(
	struct local *, const struct container *, const struct local_status *, struct err *e);

/* The sockets that reserve a container's ports, in the order of its spec's `ports`. */
struct reserved_ports {
	int *fds;
	size_t n;
};
void reserved_ports_release(struct reserved_ports *);
/* Starts a monitor program; `client`, `alive` and `ports` (may be NULL) are handed to it. */
int monitor_start(struct local *, const char *mode, const char *name, int client, int spec_fd,
	int alive, const struct reserved_ports *ports, struct err *e);
/* Adds a container's networks and ports to *ret; `run` is NULL for one that does not run. */
int local_network_info(struct local *, const struct container *, const struct run_state *run,
	struct container_info *ret, struct err *e);
/* What must be right about a new container's networks: that there are such. */
int local_network_check(struct local *, const struct container_config *, struct err *e);
/* Waits for its first words: the program has been executed, or why not; passes warnings on. */
int monitor_hear_started(struct local *, int client, int *ret_exec_status, struct err *e);
/* Connects to the control socket of a running container. Returns the fd, or -ECONNREFUSED. */
int monitor_connect(struct local *, const char *id, struct err *e);
/* The same, to hear what becomes of it. */
int monitor_watch(struct local *, const char *id, struct err *e);
/* Makes a session of a monitor's socket (taken). */
struct session *local_session_new(int fd);

/* A container's upper directory and, below it, its image's layers, as overlayfs would join them. */
struct container_trees {
	int *fds; /* the topmost first */
	size_t n;
};
int local_trees_open(
	struct local *, const struct container *, struct container_trees *ret, struct err *e);
void container_trees_release(struct container_trees *);
#define auto_trees __attribute__((cleanup(container_trees_release))) struct container_trees

int local_create(struct engine *, const struct container_config *, char *, struct err *);
int local_start(struct engine *, const char *, struct session **, int *, struct err *);
int local_wait(struct engine *, const char *, enum wait_for, int, struct err *);
int local_kill(struct engine *, const char *, int, struct err *);
int local_remove(struct engine *, const char *, const struct remove_options *, struct err *);
int local_inspect(struct engine *, const char *, struct container_info *, struct err *);
int local_find(struct engine *, const char *, char[ENGINE_ID_SIZE], struct err *);
int local_inspect_machine(struct engine *, const char *, struct container_info *, struct err *);
int local_stop(struct engine *, const char *, int, struct err *);
int local_pause(struct engine *, const char *, struct err *);
int local_unpause(struct engine *, const char *, struct err *);
int local_attach(struct engine *, const char *, const struct attach_options *, struct session **,
	struct err *);
int local_exec(struct engine *, const char *, const struct exec_config *, struct session **, int *,
	struct err *);
int local_stats(struct engine *, const char *, struct container_stats *, struct err *);
int local_top(struct engine *, const char *, char *const *, struct process_table *, struct err *);
int local_resume(struct engine *, struct err *);
int local_events(struct engine *, int64_t, int64_t, engine_event_each *, void *, struct err *);
int local_list(struct engine *, bool, struct container_list *, struct err *);
int local_logs(struct engine *, const char *, const struct log_options *, engine_log_each *, void *,
	struct err *);
int local_count_changes(struct engine *, const char *, int64_t, uint64_t *, struct err *);
int local_commit(struct engine *, const char *, const char *, const struct commit_options *, char *,
	struct err *);
int local_usage(struct engine *, struct engine_usage *, struct err *);
int local_export(struct engine *, const char *, int, struct err *);
int local_path_stat(struct engine *, const char *, const char *, struct path_stat *, struct err *);
int local_copy_from(struct engine *, const char *, const char *, bool, int, struct err *);
int local_copy_to(struct engine *, const char *, const char *, const struct copy_to_options *, int,
	struct err *);
int local_download(struct engine *, const char *, const char *, const char *,
	const struct transfer_options *, struct err *);
int local_upload(struct engine *, const char *, const char *, const char *,
	const struct transfer_options *, struct err *);
int local_diff(struct engine *, const char *, struct change_list *, struct err *);
int local_image_list(struct engine *, struct image_list *, struct err *);
int local_image_inspect(struct engine *, const char *, struct image_info *, struct err *);
int local_image_has_path(struct engine *, const char *, const char *, bool *, struct err *);
/* What Dockerfile instructions make of no settings at all, as members of an image's "config"; null
 * for those that it has not. */
int local_image_settings(char *const *changes, json_t *ret, struct err *);
int local_image_import(
	struct engine *, int, const char *, const struct import_options *, char *, struct err *);
int local_image_remove(struct engine *, const char *, bool, struct err *);
int local_image_pull(struct engine *, const char *, const struct transfer *,
	struct transferred_list *, struct err *);
int local_image_push(struct engine *, const char *, const struct transfer *,
	struct transferred_list *, struct err *);
int local_fetch(struct engine *, const struct fetch_request *, int, struct fetched *, struct err *);
int local_unpack(struct engine *, const void *, size_t, int, int, struct err *);
int local_login(struct engine *, const struct login *, struct login_result *, struct err *);
int local_logout(struct engine *, const char *, struct login_result *, struct err *);
int local_image_tag(struct engine *, const char *, const char *, struct err *);
int local_image_history(struct engine *, const char *, struct image_history *, struct err *);
int local_image_save(struct engine *, char *const *, size_t, enum image_archive, int, struct err *);
int local_image_load(struct engine *, int, struct loaded_list *, struct err *);
/* All names of the image with that manifest. */
int local_image_names(struct local *, const struct digest *manifest, struct image_ref **ret,
	size_t *ret_n, struct err *e);
int local_rename(struct engine *, const char *, const char *, struct err *);
int local_update(struct engine *, const char *, const struct update_config *, struct err *);
int local_info(struct engine *, struct engine_info *, struct err *);
int local_system_check(
	struct engine *, const struct check_options *, struct finding_list *, struct err *);
int local_container_size(struct engine *, const char *, uint64_t *, uint64_t *, struct err *);
int local_check_ports(struct engine *, const struct container_config *, struct err *);
int local_network_create(struct engine *, const struct network_config *, char *, struct err *);
int local_network_inspect(struct engine *, const char *, struct network_info *, struct err *);
int local_network_list(struct engine *, struct network_list *, struct err *);
int local_network_remove(struct engine *, const char *, struct err *);
int local_network_connect(
	struct engine *, const char *, const struct endpoint_config *, struct err *);
int local_network_disconnect(struct engine *, const char *, const char *, bool, struct err *);
int local_network_reload(struct engine *, struct err *);
int local_reset(struct engine *, struct err *);
