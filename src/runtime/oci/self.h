#pragma once
/* The program's own file. */
#include "runtime/oci/config.h"

/* Executes this program again from a copy that nobody can write to, unless it is one: whoever is in
 * a container sees us at /proc/PID/exe while we enter it (T02). Returns only when it is, or on an
 * error. */
int self_seal(char **argv, struct err *e);
/* Compiles linux.seccomp with the helper program, into a file in the container's directory `dir`,
 * and names it in the specification; without one there is no filter. */
int self_seccomp(struct oci_config *, int dir, struct err *e);
/* The same for one more process of the container: the file is there. */
int self_seccomp_again(struct oci_config *, struct err *e);
