#pragma once
/*
 * One conversation with the helper program redock-store. Its side is one JSON object a line:
 *   {"progress": "..."}    {"moment": "..."}    {"read_done": true}
 * and, last, one of
 *   {"ok": true, "id": "sha256:...", "stat": {...}}    {"error": "...", "code": errno, "hint":
 * "..."}
 */
#include "store/internal.h"

struct call {
	json_t *request; /* borrowed */
	int root_fd;     /* the store's, -1: none */
	int data_fd;     /* archive or upper directory, -1: none */
	int other_fd;    /* what else it needs, -1: nothing */
	store_progress *progress;
	void *progress_arg;
	void (*read_done)(void *arg);
	void *read_done_arg;
	struct digest id;
	json_t *stat; /* the caller's to release */
	bool answered;
	int result;
	int answer;
	pid_t pid;
};
/* Starts the helper. After success call_finish() must follow. */
int call_start(struct call *, struct err *e);
/* Hears it out and waits until it has ended. */
int call_finish(struct call *, struct err *e);
/* Both, for the store `s`. */
int call_helper(struct store *s, struct call *, struct err *e);
