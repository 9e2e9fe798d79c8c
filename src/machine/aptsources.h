#pragma once
/*
 * apt's package sources (sources.list(5)): both syntaxes read, and those picked that offer Debian's
 * main archive for one release, so that a base image is built from where the host itself gets its
 * packages.  Nothing here touches a file.
 */
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

struct apt_source {
	struct strv uris, suites, components;
	char *signed_by; /* a path, or an inline key with its line breaks; NULL: none */
	bool trusted, ignore_valid_until;
};
struct apt_sources {
	struct apt_source *v;
	size_t n;
};
void apt_sources_release(struct apt_sources *);
#define auto_apt_sources __attribute__((cleanup(apt_sources_release))) struct apt_sources

/* Appends the enabled "deb" sources for architecture `arch` of one file: one-line syntax (*.list)
 * or deb822 (*.sources). What apt would refuse is left out, as it cannot be used. */
void apt_sources_parse_list(const char *text, const char *arch, struct apt_sources *ret);
void apt_sources_parse_deb822(const char *text, const char *arch, struct apt_sources *ret);

/* What is known of the release file that apt has fetched for (uri, suite). */
enum apt_release { APT_RELEASE_UNKNOWN, APT_RELEASE_MAIN_ARCHIVE, APT_RELEASE_OTHER };
typedef enum apt_release apt_release_lookup(
	void *arg, const char *uri, const char *suite, const char *codename);

/* Copies what offers Debian's main archive for `codename`: that suite, its updates and security
 * updates, over http or https. `notes` gets a sentence for what looked like it and cannot be used.
 */
void apt_sources_pick(const struct apt_sources *all, const char *codename,
	apt_release_lookup *lookup, void *arg, struct apt_sources *ret, struct strv *notes);
/* True if it offers the release itself, not only updates: a system can be made from it. */
bool apt_source_has_release(const struct apt_source *, const char *codename);
/* Replaces where `codename` and its updates come from by `mirror`; security updates stay. */
void apt_sources_set_mirror(struct apt_sources *, const char *mirror, const char *codename);
/* In deb822 syntax. */
void apt_sources_text(const struct apt_sources *, struct str *ret);

/* A URL for http or https with a host and no blanks, quotes or control bytes. -EINVAL; -EPERM when
 * it carries a user name or a password. */
int apt_url_check(const char *url);
/* The file below /var/lib/apt/lists that holds a release file: "mirror.example_debian_dists_…". */
void apt_list_name(const char *uri, const char *suite, const char *file, struct str *ret);

/* Sorts out `apt-config dump`: what a build on this host needs to fetch packages (proxies, and
 * whether old release files are accepted), and what of it may stand in an image: no passwords, and
 * no proxy that only this host can reach. */
void apt_conf_pick(
	const char *dump, struct str *ret_build, struct str *ret_image, struct strv *notes);
