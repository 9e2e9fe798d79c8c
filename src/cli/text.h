#pragma once
/* Text for people: lines wrapped, sizes and times in words; base/escape.h makes it harmless. */
#include "base/escape.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Columns that printable UTF-8 text takes: one for each code point. */
size_t text_width(const char *text);
/* Cuts `s` to `columns`, the last of which becomes "…" if something was lost. */
void text_ellipsis(struct str *s, size_t columns);

/* Prints paragraphs (separated by empty lines) wrapped at `columns`, each line after `indent`
 * blanks; a line that begins with two blanks stands as it is. */
void text_wrap(FILE *f, const char *text, unsigned indent, unsigned columns);

/* "1.23GB": Docker's words for a number of bytes (powers of 1000, three digits). */
void text_size(uint64_t bytes, char ret[16]);
/* "1.23MiB": powers of 1024, four digits, for memory. */
void text_size_binary(uint64_t bytes, char ret[16]);
/* "2 hours ago"; "never" for 0. */
void text_ago(int64_t then, int64_t now, char ret[48]);
/* The first 12 digits of an id or digest. */
void text_short_id(const char *id, char ret[13]);
/* "2024-05-17 08:30:00 +0000 UTC": how Docker's listings write a time. "" for 0. */
void text_docker_time(int64_t t, char ret[36]);
/* Whether `text` is what `pattern` says: '*' is any text, '?' any character. */
bool text_glob(const char *pattern, const char *text);
