#pragma once
/* The layers of an engine's container as one file system, overlay(5). */
#include "base/err.h"
#include "runtime/spec.h"

/* Mounts it on the specification's mountpoint; the caller's working directory becomes the state
 * directory. */
int overlay_mount(const struct spec *, struct err *e);
/* A detached one whose owners are shown through user namespace `userns_fd`: on the disk they are
 * what they are without it. Linux 6.8. Returns its fd. */
int overlay_mapped(const struct spec *, int userns_fd, struct err *e);
