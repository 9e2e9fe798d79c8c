#pragma once
/*
 * What redock.conf(5) says about registries:
 *
 *   insecure_registries = HOST[:PORT] ...       plain HTTP, or HTTPS with any certificate
 *   registry_mirrors.HOST[:PORT] = URL ...      asked first, in this order
 *   registry_realms.HOST[:PORT] = HOST[:PORT] ... may get its credentials, to make tokens of them
 *   registry_certificates = DIRECTORY ...       with HOST[:PORT]/{*.crt,*.cert,*.key} in each
 *   registry_timeout = SECONDS                  without anything coming
 */
#include "base/str.h"
#include "registry/url.h"

struct registry_settings {
	struct strv insecure, certificates;
	unsigned timeout; /* seconds */
};
int registry_settings_load(struct registry_settings *ret, struct err *e);
void registry_settings_release(struct registry_settings *);
#define auto_registry_settings                                                                     \
	__attribute__((cleanup(registry_settings_release))) struct registry_settings

/* The words of "KEY.HOST", none when it is not set. */
int registry_settings_list(const char *key, const char *host, struct strv *ret, struct err *e);
/* Whether it may be spoken to without TLS or with a certificate that nobody has signed. */
bool registry_is_insecure(const struct registry_settings *, const struct origin *);
/* Whether HTTP without TLS is allowed: there, and on loopback. */
bool registry_may_be_plain(const struct registry_settings *, const struct origin *);

/* What is in the directories of certificates for that host. */
struct registry_certificates {
	char *authorities;       /* PEM, all of them; NULL: none of its own */
	char *certificate, *key; /* paths of the client's, or NULL */
};
int registry_certificates_load(const struct registry_settings *, const struct origin *,
	struct registry_certificates *ret, struct err *e);
void registry_certificates_release(struct registry_certificates *);
#define auto_certificates                                                                          \
	__attribute__((cleanup(registry_certificates_release))) struct registry_certificates
