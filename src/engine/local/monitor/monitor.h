#pragma once
/*
 * The monitor's parts, which share one struct: io.c moves bytes between the container and its
 * clients, record.c keeps what is true on disk, supervise.c decides what follows its end.
 */
#include "engine/local/files.h"
#include "engine/local/monitor/client.h"
#include "engine/local/monitor/log.h"
#include "engine/local/monitor/policy.h"
#include "engine/local/monitor/ports.h"
#include "engine/local/monitor/probe.h"
#include "engine/local/state.h"
#include "runtime/process.h"

struct monitor {
	struct spec spec;
	struct process process;
	struct container_dirs dirs;
	int dir, run; /* this container's directories */
	int listener;
	int netns;    /* of the container, so that it can be started again in it; -1: the host's */
	bool adopted; /* init is not our child */
	struct run_state state;
	int64_t started; /* monotonic: how long it has run */
	struct life life;
	int64_t due; /* monotonic: the next attempt, in LIFE_WAITING */
	struct log log;
	struct clients clients;
	struct ports ports;
	struct probe probe;
	int guests; /* epoll(7) of the pidfds of our forks for `exec`; -1 before the first one */
	int oom;    /* readable when the kernel has killed for want of memory; -1 */
	short oom_events;
	uint64_t oom_kills; /* when it has ended */
	uint64_t oom_told;  /* of how many an event has told */
	char *input;        /* for the container's stdin, not taken yet */
	size_t input_len;
	bool input_ended;
};

/* ---- io.c ---- */
/* One turn: waits for something and deals with it; with `only_clients` until those have read what
 * is theirs. Returns false when init has ended, or the next attempt is due. */
bool monitor_turn(struct monitor *, bool only_clients);
/* Everything of the container's pid namespace is dead once init is: what it wrote is in the pipes.
 */
void monitor_drain(struct monitor *);
/* Our ends of what has just been started. */
void monitor_set_nonblocking(struct process *);
/* Forgets what the one that has ended did not take. */
void monitor_reset_io(struct monitor *);

/* ---- record.c ---- */
int monitor_write_state(struct monitor *, struct err *e);
/* An event of the container; `detail` is one more attribute, or NULL. */
void monitor_event(struct monitor *, const char *action, const char *detail);
/* The same for several, in one write(2); `actions` ends with NULL. */
void monitor_events(struct monitor *, const char *const *actions, const char *detail);
/* How it ended: to `last` and to the journal. Its control group goes. */
void monitor_record_end(struct monitor *, int code);
/* Gives back what the container had; nothing says any more that it runs. */
void monitor_clean_up(struct monitor *, bool ran);

/* It could not be started again. */
void monitor_record_failure(struct monitor *, int status, const struct err *);

/* ---- monitor.c ---- */
void monitor_init(struct monitor *);
typedef int spec_decoder(const char *data, size_t len, struct spec *ret, struct err *e);
int monitor_read_spec(int fd, spec_decoder *, struct spec *ret, struct err *e);
/* To whoever has asked for it. */
void monitor_tell_failure(struct monitor *, int status, const struct err *);
/* What the process could not do as it was asked to, and went on. */
void monitor_tell_warnings(struct monitor *);

/* ---- update.c ---- */
/* Takes name, limits and policy from the file `spec` again. */
void monitor_update(struct monitor *);

/* ---- exec.c ---- */
/* Executes in the container what file `request` says (spec_encode()), for a client at the other end
 * of `session`, which hears STARTED or FAILED first. The fds stay the caller's. */
void monitor_exec(struct monitor *, int session, int request);
/* Those that have ended, when m->guests is readable. */
void monitor_exec_reap(struct monitor *);

/* ---- supervise.c ---- */
/* Makes the container in its network namespace and lets it go; `go` (may be NULL) gets the
 * namespace first. */
int monitor_launch(struct monitor *, int (*go)(struct monitor *, struct err *), int *ret_status,
	struct err *e);
/* Hears of a lack of memory from now on. Without a limit nothing of it is killed for want of its
 * own memory. */
void monitor_watch_memory(struct monitor *);
/* The same for one that has a limit now: what has happened under it already is told. */
void monitor_look_at_memory(struct monitor *);
/* Takes a container over whose monitor has died. */
int monitor_take_over(struct monitor *, struct err *e);
/* Looks after it until it has ended for good. */
void monitor_supervise(struct monitor *);
