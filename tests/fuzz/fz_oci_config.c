/* config.json of a bundle, whatever bytes it is of: a specification that can be encoded and decoded
 * again, or an error that says something. */
#include "replay.h"
#include "runtime/oci/config.h"

static void ignore(void *data, const struct err *e)
{
	MUST(!data && *e->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_oci_config c = OCI_CONFIG_INIT;
	auto_free char *text = xmalloc(size + 1);
	auto_str encoded = STR_INIT(64u << 20);
	struct err e = { 0 };
	int r;

	memcpy(text, data, size);
	text[size] = '\0';
	r = oci_config_parse(text, size, "/bundle", &c, &e);
	/* what it quotes may be any bytes: they are made harmless where it is printed (log.c) */
	MUST(r == 0 || (r == -e.code && *e.text));
	if (r < 0)
		return 0;
	MUST(c.spec.rootfs && *c.spec.rootfs == '/');
	oci_config_warn(&c, ignore, NULL);
	spec_encode(&c.spec, &encoded);
	if (c.has_process) {
		struct spec again = { 0 };
		auto_str twice = STR_INIT(64u << 20);
		MUST(spec_decode_exec(encoded.data, encoded.len, &again, &e) == 0);
		spec_encode(&again, &twice);
		MUST(twice.len == encoded.len && memcmp(twice.data, encoded.data, twice.len) == 0);
		spec_release(&again);
	}
	return 0;
}
