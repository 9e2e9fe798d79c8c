#pragma once
/*
 * Image references and digests, each built by its one parser (R8).
 * The grammar is the OCI distribution spec's: [host[:port]/]path[/path]…[:tag].
 */
#include "base/err.h"

#include <stdbool.h>

#define IMAGE_REF_MAX 255

/* A reference with its tag: "repository:tag". The tag is never empty; of one that names an image by
 * its digest, "repository@sha256:…", it is that digest. Docker Hub's host and its "library/" are
 * left out, as Docker does: "docker.io/library/debian" is "debian". */
struct image_ref {
	char repository[IMAGE_REF_MAX + 1];
	char tag[129];
};
/* Parses "repository[:tag][@digest]"; without a tag it is "latest", with a digest the tag does not
 * count (as Docker does). -EINVAL. */
int image_ref_parse(const char *text, struct image_ref *ret, struct err *e);
/* An image without a name is kept under its id: repository "sha256", its 64 digits as the tag,
 * which image_ref_parse() refuses as a name. */
bool image_ref_is_nameless(const struct image_ref *);
bool image_ref_is_digest(const struct image_ref *);
/* How long the registry's host (and port) at the start of the repository is; 0: Docker Hub. */
size_t image_ref_host_length(const struct image_ref *);
/* As image_ref_parse(), but takes that, too: for what another process of ours says. */
int image_ref_parse_stored(const char *text, struct image_ref *ret, struct err *e);
/* "repository:tag" or "repository@digest" into `ret`. */
#define IMAGE_REF_TEXT_SIZE (IMAGE_REF_MAX + 130)
void image_ref_text(const struct image_ref *, char ret[IMAGE_REF_TEXT_SIZE]);
/* A file name that stands for it: '/' becomes "%2F", nothing else occurs that a name can't have. */
void image_ref_key(const struct image_ref *, char ret[3 * IMAGE_REF_TEXT_SIZE]);
/* Inverse of the above. -EINVAL for a name that image_ref_key() never makes. */
int image_ref_from_key(const char *key, struct image_ref *ret);

/* "sha256:" and 64 lower-case hexadecimal digits. */
#define DIGEST_SIZE 72
struct digest {
	char text[DIGEST_SIZE];
};
int digest_parse(const char *text, struct digest *ret); /* 0 or -EINVAL */
const char *digest_hex(const struct digest *);          /* the 64 digits */
