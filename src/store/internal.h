#pragma once
/* What the two halves of store/ share, and nobody else sees. */
#include "base/json.h"
#include "store/manifest.h"
#include "store/store.h"

#define LAYERS_MAX 500 /* overlayfs refuses more (fs/overlayfs/ovl_entry.h: OVL_MAX_STACK) */

#define LAYER_KEY_SIZE 33 /* 32 digits of the diff-id and a NUL */

struct store {
	int root_fd, blobs_fd, layers_fd, images_fd, pins_fd, tmp_fd;
};

/* Reads and parses a JSON blob. */
int store_read_json(struct store *, const struct digest *, size_t max, json_t **ret, struct err *e);
/* True if an image's name or a pin stands for it, and when nobody can tell. */
bool store_is_needed(struct store *, const struct digest *manifest);
/* Fills in what a manifest says; *ret_config_size is what it says of its config. */
int image_parse_manifest(
	const json_t *manifest, struct image *ret, uint64_t *ret_config_size, struct err *e);
/* Fills in what a config says; the manifest has been parsed into `ret` before. */
int image_parse_config(const json_t *config, struct image *ret, struct err *e);
/* ---- settings.c ---- */
/* Fills in what its member "config" says; NULL: nothing. */
int image_parse_settings(const json_t *settings, struct image *ret, struct err *e);
/* Members that are missing (also null) or of that type; *ret is NULL or empty then. */
int image_member(
	const json_t *object, const char *key, json_type type, const json_t **ret, struct err *e);
int image_text_member(const json_t *object, const char *key, char **ret, struct err *e);
int image_list_member(const json_t *object, const char *key, struct strv *ret, struct err *e);
/* "80", "80/udp" or "8000-8010" as "80/tcp", "80/udp" or "8000-8010/tcp"; -EINVAL. */
int image_port_parse(const char *text, char ret[24]);
/* True for a path that an image may want a volume at. */
bool image_volume_ok(const char *path);

/* File names are bytes, JSON is UTF-8: they travel as hexadecimal digits. */
json_t *hex_to_json(const char *text);
/* Member `key`, which the caller frees; NULL when it is missing or nothing of the kind. */
char *hex_from_json(const json_t *object, const char *key);

/* The name of a layer's directory below layers/. */
void layer_key(const char *diff_id, char ret[LAYER_KEY_SIZE]);

/* The numbers of the helper's file descriptors. */
enum helper_fd {
	HELPER_OUT = 1,
	HELPER_REQUEST = 3,
	HELPER_ROOT = 4,
	HELPER_DATA = 5,
	HELPER_OTHER = 6
};
#define HELPER_REQUEST_MAX ((size_t)16 << 20)
