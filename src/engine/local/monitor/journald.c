#include "engine/local/monitor/journald.h"
#include "base/mem.h"

#include <endian.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define ENTRY_MAX      (LOG_LINE_MAX + (64u << 10))

/* "NAME=value", or, for a value that has a newline, its length in 64 bits, little endian. */
static void add_field(struct str *out, const char *name, const char *value, size_t len)
{
	uint64_t size = htole64(len);

	str_add(out, name);
	if (memchr(value, '\n', len)) {
		str_add_char(out, '\n');
		str_add_data(out, &size, sizeof size);
	} else {
		str_add_char(out, '=');
	}
	str_add_data(out, value, len);
	str_add_char(out, '\n');
}

static void add_text(struct str *out, const char *name, const char *value)
{
	add_field(out, name, value, strlen(value));
}

/* A field's name has upper-case letters, digits and "_", and begins with a letter. */
static void add_attr(struct str *out, const char *attr)
{
	const char *eq = strchr(attr, '=');
	char name[64];
	size_t n = 0;

	for (const char *p = attr; p < eq && n < sizeof name - 1; p++) {
		char c = *p;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		else if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
			c = '_';
		if (n || (c >= 'A' && c <= 'Z'))
			name[n++] = c;
	}
	name[n] = '\0';
	if (n)
		add_text(out, name, eq + 1);
}

static int send_entry(struct log *l, const struct str *entry)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	ssize_t n;

	if (l->fd < 0)
		l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	do /* it waits for the journal; who must not has a ring before this */
		n = sendto(l->fd, entry->data, entry->len, MSG_NOSIGNAL, (struct sockaddr *)&a,
			sizeof a);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static void add_container(const struct log *l, struct str *entry)
{
	char id[13];

	snprintf(id, sizeof id, "%s", l->id);
	add_text(entry, "CONTAINER_ID", id);
	add_text(entry, "CONTAINER_ID_FULL", l->id);
	add_text(entry, "CONTAINER_NAME", l->name);
	add_text(entry, "CONTAINER_TAG", l->settings.tag ? l->settings.tag : id);
	add_text(entry, "SYSLOG_IDENTIFIER", l->settings.tag ? l->settings.tag : id);
	for (size_t i = 0; i < l->settings.attrs.n; i++)
		add_attr(entry, l->settings.attrs.v[i]);
}

void log_journald_loss(struct log *l)
{
	auto_str note = STR_INIT(ENTRY_MAX);
	char text[96];

	snprintf(text, sizeof text, "[redock: %llu lines before this one could not be logged]",
		(unsigned long long)l->lost);
	add_text(&note, "MESSAGE", text);
	add_text(&note, "PRIORITY", "4");
	add_container(l, &note);
	if (send_entry(l, &note) == 0)
		l->lost = 0;
}

void log_journald(struct log *l, int stream, const char *data, size_t len)
{
	bool partial = !len || data[len - 1] != '\n';
	auto_str entry = STR_INIT(ENTRY_MAX);

	if (l->lost)
		log_journald_loss(l);
	add_field(&entry, "MESSAGE", data, partial ? len : len - 1);
	add_text(&entry, "PRIORITY", stream == 2 ? "3" : "6");
	add_container(l, &entry);
	if (partial)
		add_text(&entry, "CONTAINER_PARTIAL_MESSAGE", "true");
	if (entry.overflow || send_entry(l, &entry) < 0)
		l->lost++;
}
