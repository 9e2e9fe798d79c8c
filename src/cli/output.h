#pragma once
/* JSON on stdout: an array of objects, two blanks deep, in ASCII (so that no terminal is steered
 * by what a container said). Keys are Docker's where Docker has them, and never change. */
#include "base/json.h"

#include <stdint.h>

void output_json(const json_t *array);
/* A string of whatever bytes: what is no UTF-8 becomes U+FFFD. NULL is null. */
json_t *output_string(const char *text);
/* RFC 3339, null for 0. */
json_t *output_time(int64_t t);
