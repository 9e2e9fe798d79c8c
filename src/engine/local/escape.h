#pragma once
/* JSON text without a JSON library, for what the monitor writes. */
#include "base/str.h"

/* Appends `data` as a JSON string; what is not UTF-8 becomes U+FFFD. */
void escape_json(struct str *out, const char *data, size_t len);
