#pragma once
/* The parts of redock doctor. Nothing is changed: a feature of the kernel is tried in a way that
 * leaves no trace, or in namespaces of a child process that end with it. */
#include "engine/engine.h"

/* Adds a finding; what it means and mends is told only if it is not good. */
void doctor_add(struct check_list *, const struct check *, enum check_result, const char *found);
bool doctor_has_cap(unsigned cap);
/* Whether `word` occurs in a small file. */
bool doctor_file_says(const char *path, const char *word);
void doctor_kernel(struct check_list *);
