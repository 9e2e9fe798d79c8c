#pragma once
/* What this host says about where its packages come from: os-release(5), apt's files. */
#include "machine/aptsources.h"

struct host_apt {
	char *codename;             /* "bookworm"; NULL when the host is not Debian */
	struct apt_sources sources; /* all enabled ones */
	struct str settings_build, settings_image; /* apt.conf(5) text, see apt_conf_pick() */
	struct strv notes;
};
void host_apt_release(struct host_apt *);
#define auto_host_apt __attribute__((cleanup(host_apt_release))) struct host_apt

/* Debian's word for this processor: "amd64", "arm64". */
const char *host_apt_arch(void);
/* Reads them all. A file that cannot be read is an error; one that is not there is not. */
int host_apt_read(struct host_apt *ret, struct err *e);
/* apt_release_lookup that reads what apt has fetched (below /var/lib/apt/lists). */
apt_release_lookup host_apt_release_file;
