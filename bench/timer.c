/*
 * timer: how long programs take, measured in turns so that the machine's moods hit all alike.
 *
 *     timer rounds COUNT <SPEC
 *     timer batch COUNT JOBS LABEL PROGRAM [ARG…]      a `@` in an ARG is the number of the run
 *     timer memory PROGRAM [ARG…]      the most memory (KiB) that it or what it called had resident
 *     timer unsynced PROGRAM [ARG…]      as if every fsync(2) and its kin had succeeded at once
 *
 * SPEC has a row or a part of the row above it in each line, fields separated by tabs:
 *
 *     row LABEL BASE TARGET    BASE: label of an earlier row, or -; TARGET: at most so many times
 * BASE peer LABEL BASE          another's program: it may fail run PROGRAM ARG…         timed; a
 * row with several is their sum, and each is shown read PROGRAM ARG…        not timed: the first
 * number on its stdout is the figure, in ms before|after PROGRAM …   around each round, not timed
 *
 * Prints medians, the fastest run and ratios.  A first round warms up and is not counted.  What
 * fails is counted, and its row has no figure; the exit status is 1 when that is not a peer's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROWS  32
#define STEPS 6
#define WORDS 40

extern char **environ;

enum kind { RUN, READ, BEFORE, AFTER };

struct step {
	enum kind kind;
	char *argv[WORDS + 1];
	double *ms; /* one a round */
};

struct row {
	const char *label, *base;
	double target; /* 0: none */
	bool peer;
	struct step steps[STEPS];
	int n_steps, failures, last_status;
	double *ms;
};

static _Noreturn void stop(const char *what)
{
	fprintf(stderr, "timer: %s\n", what);
	exit(2);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- running programs ---- */

static int status_of(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

/* Standard input is empty, standard error stays; -1 when it cannot be run. */
static pid_t spawn(char *const *argv, int output)
{
	posix_spawn_file_actions_t files;
	pid_t pid = -1;
	int r;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (output >= 0)
		posix_spawn_file_actions_adddup2(&files, output, 1);
	else
		posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return r ? -1 : pid;
}

static int wait_for(pid_t pid)
{
	int wait_status;

	if (pid < 0 || waitpid(pid, &wait_status, 0) < 0)
		return 127;
	return status_of(wait_status);
}

static int run_and_read(char *const *argv, double *ret_ms)
{
	char text[256], *end;
	ssize_t n;
	int status, ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return 127;
	pid = spawn(argv, ends[1]);
	close(ends[1]);
	n = read(ends[0], text, sizeof text - 1);
	status = wait_for(pid);
	close(ends[0]);
	text[n > 0 ? n : 0] = '\0';
	*ret_ms = strtod(text, &end);
	return status ? status : end == text;
}

static int run_step(const struct step *s, double *ret_ms)
{
	double begin = now_ms();
	int status;

	if (s->kind == READ)
		return run_and_read(s->argv, ret_ms);
	status = wait_for(spawn(s->argv, -1));
	*ret_ms = now_ms() - begin;
	return status;
}

/* ---- rounds ---- */

/* One round of one row. After a failure what comes after is still done. */
static void run_row(struct row *row, int round)
{
	double total = 0, ms = 0;
	bool failed = false;

	for (int i = 0; i < row->n_steps; i++) {
		struct step *s = &row->steps[i];
		int status;

		if (failed && s->kind != AFTER)
			continue;
		status = run_step(s, &ms);
		if (status && s->kind != AFTER) {
			failed = true;
			row->last_status = status;
		}
		if (s->kind == BEFORE || s->kind == AFTER)
			continue;
		total += ms;
		if (round >= 0)
			s->ms[round] = ms;
	}
	row->failures += failed;
	if (round >= 0)
		row->ms[round] = total;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts. */
static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, by_size);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static const struct row *find(const struct row *rows, int n, const char *label)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(rows[i].label, label))
			return &rows[i];
	return NULL;
}

static void print_row(const struct row *rows, struct row *row, int rounds)
{
	const struct row *base = row->base ? find(rows, ROWS, row->base) : NULL;
	double mid;
	int timed = 0;

	if (row->failures) {
		printf("%-34s failed: %d of %d, the last with status %d\n", row->label,
			row->failures, rounds + 1, row->last_status);
		return;
	}
	mid = median(row->ms, rounds);
	printf("%-34s %10.3f %10.3f", row->label, mid, row->ms[0]);
	/* a base stands above: it is sorted */
	if (base && !base->failures) {
		double ratio = mid / median(base->ms, rounds);

		printf(" %7.2f x", ratio);
		if (row->target > 0)
			printf(" %7.2f x  %s", row->target,
				ratio <= row->target ? "reached" : "MISSED");
	}
	putchar('\n');
	for (int i = 0; i < row->n_steps; i++)
		timed += row->steps[i].kind == RUN;
	for (int i = 0; timed > 1 && i < row->n_steps; i++) {
		struct step *s = &row->steps[i];
		const char *name = strrchr(s->argv[0], '/');

		if (s->kind == RUN)
			printf("  of which %-23s %10.3f\n", name ? name + 1 : s->argv[0],
				median(s->ms, rounds));
	}
}

/* ---- the specification ---- */

static enum kind parse_kind(const char *word)
{
	static const char *const names[] = { "run", "read", "before", "after" };

	for (int i = RUN; i <= AFTER; i++)
		if (!strcmp(word, names[i]))
			return (enum kind)i;
	fprintf(stderr, "timer: '%s': ", word);
	stop("no such word");
}

static void parse_row(struct row *row, char *const *words, int n)
{
	row->label = words[1];
	row->base = n > 2 && strcmp(words[2], "-") != 0 ? words[2] : NULL;
	row->target = n > 3 ? strtod(words[3], NULL) : 0;
	row->peer = !strcmp(words[0], "peer");
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		stop("out of memory");
	return p;
}

/* The words point into lines that stay. */
static int parse(struct row *rows, int rounds)
{
	size_t room = 0;
	char *line = NULL;
	int n_rows = 0;

	for (; getline(&line, &room, stdin) > 0; line = NULL, room = 0) {
		char *words[WORDS + 1] = { NULL }, *rest = line;
		int n = 0;

		line[strcspn(line, "\n")] = '\0';
		while (rest && n < WORDS)
			words[n++] = strsep(&rest, "\t");
		if (n < 2)
			continue;
		if (!strcmp(words[0], "row") || !strcmp(words[0], "peer")) {
			if (n_rows == ROWS)
				stop("too many rows");
			rows[n_rows].ms = zeroed((size_t)rounds, sizeof(double));
			parse_row(&rows[n_rows++], words, n);
			continue;
		}
		struct row *row = n_rows ? &rows[n_rows - 1] : NULL;

		if (!row || row->n_steps == STEPS || rest)
			stop("a part without a row, or too many");
		struct step *s = &row->steps[row->n_steps++];

		s->kind = parse_kind(words[0]);
		s->ms = zeroed((size_t)rounds, sizeof(double));
		memcpy(s->argv, words + 1, sizeof words - sizeof *words);
	}
	return n_rows;
}

/* Who begins changes with each round: nobody runs always after the same neighbour's clean-up. */
static int rounds_main(int rounds)
{
	static struct row rows[ROWS];
	int n = parse(rows, rounds), failed = 0;

	for (int round = -1; round < rounds; round++)
		for (int i = 0; i < n; i++) {
			struct row *row = &rows[(i + round + 1) % n];

			if (!row->failures)
				run_row(row, round);
		}
	for (int i = 0; i < n; i++) {
		print_row(rows, &rows[i], rounds);
		failed += rows[i].failures && !rows[i].peer;
	}
	return failed ? 1 : 0;
}

/* ---- batches ---- */

static pid_t spawn_numbered(char *const *argv, int number)
{
	char *numbered[WORDS + 1] = { NULL };
	pid_t pid;

	for (int i = 0; i < WORDS && argv[i]; i++) {
		const char *at = strchr(argv[i], '@');

		if (!at)
			numbered[i] = strdup(argv[i]);
		else if (asprintf(&numbered[i], "%.*s%d%s", (int)(at - argv[i]), argv[i], number,
				 at + 1) < 0)
			stop("out of memory");
	}
	pid = spawn(numbered, -1);
	for (int i = 0; i < WORDS; i++)
		free(numbered[i]);
	return pid;
}

static int batch_main(int count, int jobs, const char *label, char *const *argv)
{
	int started = 0, ended = 0, failures = 0, wait_status;
	double begin = now_ms(), total;

	while (ended < count) {
		if (started < count && started - ended < jobs) {
			if (spawn_numbered(argv, started++) < 0) {
				failures++;
				ended++;
			}
			continue;
		}
		if (wait(&wait_status) < 0)
			break;
		failures += wait_status != 0;
		ended++;
	}
	total = now_ms() - begin;
	if (failures)
		printf("%-34s failed: %d of %d\n", label, failures, count);
	else
		printf("%-34s %10.3f %10.1f\n", label, total / count, total);
	return failures ? 1 : 0;
}

static int number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < 1 || n > 100000)
		stop("a count is a number from 1 to 100000");
	return (int)n;
}

/* ---- memory ---- */

/* What has been waited for is counted, one process at a time (getrusage(2), ru_maxrss); this
 * program is so small that what it lends its child until execve(2) is no matter. */
static int memory_main(char *const *argv)
{
	struct rusage usage;
	int wait_status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		stop("cannot start it");
	if (wait4(pid, &wait_status, 0, &usage) < 0)
		stop("cannot wait for it");
	printf("%ld\n", usage.ru_maxrss);
	return wait_status != 0;
}

/* ---- without waiting for the disk ---- */

/* The kernel answers these calls with 0 (seccomp(2): SECCOMP_RET_ERRNO with no error): what a
 * program would take if it did not care whether what it wrote survives a crash of the host. */
static int unsynced_main(char *const *argv)
{
	static const unsigned calls[] = { SYS_fsync, SYS_fdatasync, SYS_syncfs, SYS_sync,
		SYS_sync_file_range };
	struct sock_filter code[2 * sizeof calls / sizeof *calls + 2];
	struct sock_fprog program = { .filter = code };
	unsigned n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		stop("cannot set a seccomp filter");
	execvp(argv[0], argv);
	stop("cannot start it");
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "rounds"))
		return rounds_main(number(argv[2]));
	if (argc > 5 && argc - 5 <= WORDS && !strcmp(argv[1], "batch"))
		return batch_main(number(argv[2]), number(argv[3]), argv[4], argv + 5);
	if (argc > 2 && !strcmp(argv[1], "memory"))
		return memory_main(argv + 2);
	if (argc > 2 && !strcmp(argv[1], "unsynced"))
		return unsynced_main(argv + 2);
	stop("usage: timer rounds COUNT | timer memory|unsynced PROGRAM [ARG…] | timer batch COUNT "
	     "JOBS LABEL PROGRAM [ARG…]");
}
