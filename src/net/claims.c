#include "net/claims.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define NEXT_NAME ".next" /* number of the host to try first; only a hint, so never locked */

/* 1: claimed, 0: taken. */
static int take_one(int fd, struct in_addr a, const char *id, struct err *e)
{
	char name[INET_ADDRSTRLEN];
	auto_close int file = -1;
	int r;

	inet_ntop(AF_INET, &a, name, sizeof name);
	file = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0 && errno == EEXIST)
		return 0;
	if (file < 0)
		return err_errno(e, "cannot claim address '%s'", name);
	r = fs_write_all(file, id, strlen(id));
	if (r < 0) {
		unlinkat(fd, name, 0);
		errno = -r;
		return err_errno(e, "cannot claim address '%s'", name);
	}
	return 1;
}

int claim_take(int fd, const struct subnet *s, struct in_addr gateway, const char *id,
	struct in_addr wanted, struct in_addr *ret, struct err *e)
{
	auto_close int next =
		openat(fd, NEXT_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	uint32_t hosts = subnet_hosts(s), start = 0;
	char text[SUBNET_TEXT_SIZE];
	int r;

	if (next < 0)
		return err_errno(e, "cannot open the list of addresses");
	if (wanted.s_addr && wanted.s_addr != gateway.s_addr && subnet_has_host(s, wanted)) {
		r = take_one(fd, wanted, id, e);
		if (r > 0)
			*ret = wanted;
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (fs_pread_full(next, &start, sizeof start, 0) != sizeof start)
		start = 0;
	for (uint32_t i = 0; i < hosts; i++) {
		uint32_t number = (uint32_t)(((uint64_t)start + i) % hosts);
		struct in_addr a = subnet_host(s, number);
		if (a.s_addr == gateway.s_addr)
			continue;
		r = take_one(fd, a, id, e);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		number++;
		if (fs_pwrite_all(next, &number, sizeof number, 0) < 0) {
			err_errno(e, "cannot write the list of addresses");
			claim_give(fd, id, a, &(struct err){ 0 });
			return -e->code;
		}
		*ret = a;
		return 0;
	}
	subnet_format(s, text);
	err_set(e, ENOSPC, "all %u addresses of network '%s' are in use", hosts, text);
	return err_hint(e, "remove containers, or choose a larger network with --subnet");
}

/* Reads who has claim `name`; "" for an unfinished one. -ENOENT: gone meanwhile. */
static int read_owner(int fd, const char *name, char ret[CLAIM_ID_MAX + 1])
{
	auto_close int file = openat(fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (file < 0)
		return -errno;
	n = fs_read_full(file, ret, CLAIM_ID_MAX);
	if (n < 0)
		return (int)n;
	ret[n] = '\0';
	return 0;
}

int claim_exactly(
	int fd, struct in_addr a, const char *id, char ret_owner[CLAIM_ID_MAX + 1], struct err *e)
{
	char name[INET_ADDRSTRLEN];
	int r = take_one(fd, a, id, e);

	if (r != 0)
		return r;
	inet_ntop(AF_INET, &a, name, sizeof name);
	if (read_owner(fd, name, ret_owner) < 0)
		*ret_owner = '\0';
	return str_eq(ret_owner, id) ? 1 : 0; /* its own, of a start that was killed */
}

static int give_one(int fd, const char *name, struct err *e)
{
	if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
		return err_errno(e, "cannot give address '%s' back", name);
	return 0;
}

struct give {
	const char *id;
};

static bool is_other(void *arg, const char *id, struct in_addr address)
{
	const struct give *g = arg;

	return !str_eq(id, g->id);
}

int claim_give(int fd, const char *id, struct in_addr address, struct err *e)
{
	char name[INET_ADDRSTRLEN], owner[CLAIM_ID_MAX + 1];
	struct give give = { id };
	int r;

	if (!address.s_addr) {
		r = claim_each(fd, is_other, &give, e);
		return r < 0 ? r : 0;
	}
	inet_ntop(AF_INET, &address, name, sizeof name);
	r = read_owner(fd, name, owner);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot read the claim of address '%s'", name);
	}
	return str_eq(owner, id) ? give_one(fd, name, e) : 0;
}

int claim_each(
	int fd, bool (*each)(void *arg, const char *id, struct in_addr), void *arg, struct err *e)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), left = 0, r;
	auto_dir DIR *d = again < 0 ? NULL : fdopendir(again);
	char owner[CLAIM_ID_MAX + 1];
	struct dirent *entry;
	struct in_addr a;

	if (!d)
		return err_errno(e, "cannot read the list of addresses");
	while ((errno = 0, entry = readdir(d))) {
		if (inet_pton(AF_INET, entry->d_name, &a) != 1)
			continue;
		r = read_owner(fd, entry->d_name, owner);
		if (r == -ENOENT)
			continue;
		if (r < 0) {
			errno = -r;
			return err_errno(e, "cannot read the claim of address '%s'", entry->d_name);
		}
		if (!each || each(arg, owner, a)) {
			left++;
			continue;
		}
		r = give_one(fd, entry->d_name, e);
		if (r < 0)
			return r;
	}
	if (errno)
		return err_errno(e, "cannot read the list of addresses");
	return left;
}
