#pragma once
/* What came from a container, an image or a bundle, made harmless for a terminal. */
#include "base/str.h"

/* Appends `text` with everything that could steer a terminal (control characters, C1, broken
 * UTF-8, bidirectional overrides) written as \n, \t, \xNN; the backslash itself stays. */
void text_add_escaped(struct str *s, const char *text);
