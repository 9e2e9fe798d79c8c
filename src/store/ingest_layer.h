#pragma once
/* One layer of an image that enters the store, in a process of its own: see ingest.h. */
#include "store/write.h"

struct layer_job {
	int op_fd;        /* the operation's directory: the tree is made in it */
	const char *tree; /* its name there; NULL: verify, but do not unpack */
	int fd;           /* where the layer comes from */
	bool is_pipe;     /* else it is read from `at` on */
	/* if > 0: `fd` is a file that still grows, and this the pipe on which blob.h's follower is
	 * told of it. What comes is not digested again, and the layer not sealed. */
	int growth;
	uint64_t at, size;  /* size: UINT64_MAX where nobody knows */
	int blob_fd;        /* where it goes to, -1: nowhere */
	uint64_t have;      /* so many bytes are in that already, and come first */
	struct digest blob; /* empty: whatever comes */
	struct digest diff_id;
	uint64_t max_bytes;
};
struct layer_result {
	struct err err; /* code 0: all is well */
	bool keep;      /* it failed, but what has come is as good as before */
	struct digest blob;
	uint64_t size, bytes;
	enum compression compression;
};
/* Starts the process. *ret_fd gives the result and ends; *ret_pidfd is for polling. */
pid_t layer_job_start(const struct layer_job *, int *ret_fd, int *ret_pidfd, struct err *e);
/* Reads the result (fd is consumed) and waits for the process. */
int layer_job_wait(pid_t, int fd, struct layer_result *ret, struct err *e);
