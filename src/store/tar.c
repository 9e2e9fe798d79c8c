#include "base/mem.h"
#include "store/write.h"

#include <string.h>
#include <sys/sysmacros.h>

/*
 * POSIX.1-2017, pax: a ustar header, and before it a pax header with whatever does not fit: long
 * names, nanoseconds, large numbers, extended attributes (SCHILY.xattr.*, as GNU tar, Docker and
 * libarchive write them).  What varies without need (user names, the pax header's own name and
 * time) is constant, so that equal trees make equal archives.
 */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == 512, "a header is one block");

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static void add_record(struct str *pax, const char *key, const void *value, size_t len)
{
	size_t rest = strlen(key) + len + 3, digits = 1, total;
	char number[24];

	for (;; digits++) {
		total = rest + digits;
		snprintf(number, sizeof number, "%zu", total);
		if (strlen(number) == digits)
			break;
	}
	str_addf(pax, "%s %s=", number, key);
	str_add_data(pax, value, len);
	str_add_char(pax, '\n');
}

static void add_text(struct str *pax, const char *key, const char *value)
{
	add_record(pax, key, value, strlen(value));
}

/* An octal field, or a pax record when the number is too large for it. */
static void put_number(char *field, size_t size, uint64_t value, struct str *pax, const char *key)
{
	char text[24];

	if (value >> (3 * (size - 1))) {
		snprintf(text, sizeof text, "%llu", (unsigned long long)value);
		add_text(pax, key, text);
		value = 0;
	}
	snprintf(text, sizeof text, "%0*llo", (int)size - 1, (unsigned long long)value);
	memcpy(field, text, size); /* with its NUL */
}

static void put_text(char *field, size_t size, const char *value, struct str *pax, const char *key)
{
	size_t n = strlen(value);

	if (n > size) {
		add_text(pax, key, value);
		n = size;
	}
	memcpy(field, value, n);
}

static void put_time(struct ustar *h, const struct timespec *t, struct str *pax)
{
	char text[48];
	bool fits = t->tv_sec >= 0 && t->tv_sec < (time_t)1 << 33;

	if (!fits || t->tv_nsec) {
		/* -1.25 is one second and a quarter before 1970; timespec says -2 and 0.75 */
		long long sec = t->tv_sec;
		long nsec = t->tv_nsec;
		const char *sign = "";
		if (sec < 0) {
			sign = "-";
			sec = nsec ? -(sec + 1) : -sec;
			nsec = nsec ? 1000000000 - nsec : 0;
		}
		if (nsec)
			snprintf(text, sizeof text, "%s%lld.%09ld", sign, sec, nsec);
		else
			snprintf(text, sizeof text, "%s%lld", sign, sec);
		add_text(pax, "mtime", text);
	}
	put_number(h->mtime, sizeof h->mtime, fits ? (uint64_t)t->tv_sec : 0, pax, "mtime");
}

static int put_header(struct blob *b, struct ustar *h, struct err *e)
{
	unsigned sum = 0;
	char text[8];

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->checksum, ' ', sizeof h->checksum);
	for (size_t i = 0; i < sizeof *h; i++)
		sum += ((unsigned char *)h)[i];
	snprintf(text, sizeof text, "%06o", sum & 0777777);
	memcpy(h->checksum, text, 7);
	return blob_write(b, h, sizeof *h, e);
}

static int put_pax(struct blob *b, const struct str *pax, struct err *e)
{
	struct ustar h = { .name = "././@PaxHeader", .type = 'x' };
	struct str none = STR_INIT(0);

	put_number(h.mode, sizeof h.mode, 0644, &none, "");
	put_number(h.uid, sizeof h.uid, 0, &none, "");
	put_number(h.gid, sizeof h.gid, 0, &none, "");
	put_number(h.size, sizeof h.size, pax->len, &none, "");
	put_number(h.mtime, sizeof h.mtime, 0, &none, "");
	if (put_header(b, &h, e) < 0 || blob_write(b, pax->data, pax->len, e) < 0)
		return -e->code;
	return tar_put_padding(b, pax->len, e);
}

int tar_put_entry(struct blob *b, const struct tar_entry *entry, struct err *e)
{
	auto_str pax = STR_INIT(ENTRY_EXTRA_MAX);
	struct ustar h = { .type = entry->type };
	struct str none = STR_INIT(0);

	put_text(h.name, sizeof h.name, entry->path, &pax, "path");
	if (entry->link)
		put_text(h.link, sizeof h.link, entry->link, &pax, "linkpath");
	put_number(h.mode, sizeof h.mode, entry->mode & 07777, &none, "");
	put_number(h.uid, sizeof h.uid, entry->uid, &pax, "uid");
	put_number(h.gid, sizeof h.gid, entry->gid, &pax, "gid");
	put_number(h.size, sizeof h.size, entry->size, &pax, "size");
	put_time(&h, &entry->mtime, &pax);
	if (entry->type == '3' || entry->type == '4') {
		if (major(entry->device) > 07777777 || minor(entry->device) > 07777777)
			return err_set(
				e, EINVAL, "device '%s' has too large a number", entry->path);
		put_number(h.major, sizeof h.major, major(entry->device), &none, "");
		put_number(h.minor, sizeof h.minor, minor(entry->device), &none, "");
	}
	for (size_t i = 0; entry->xattrs && i < entry->xattrs->n; i++) {
		const struct xattr *x = &entry->xattrs->v[i];
		auto_free char *key = xasprintf("SCHILY.xattr.%s", x->name);
		add_record(&pax, key, x->value, x->len);
	}
	if (pax.overflow)
		return err_set(e, E2BIG, "'%s' has more than %zu bytes of extended attributes",
			entry->path, ENTRY_EXTRA_MAX);
	if (pax.len && put_pax(b, &pax, e) < 0)
		return -e->code;
	return put_header(b, &h, e);
}

int tar_put_padding(struct blob *b, uint64_t size, struct err *e)
{
	static const char zeros[512];
	size_t n = (size_t)(-size & 511);

	return n ? blob_write(b, zeros, n, e) : 0;
}

int tar_put_end(struct blob *b, struct err *e)
{
	static const char zeros[1024];

	return blob_write(b, zeros, sizeof zeros, e);
}
