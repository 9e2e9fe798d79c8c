#pragma once
/* Options of a mount as mount(8) and config.md, "Linux mount options", have them. */
#include "base/err.h"
#include "runtime/spec.h"

/* Puts an option into its member of the mount; what is no word of ours is the file system's. */
void mount_option(struct spec_mount *m, const char *option);
/* All that is known, for `features`; NULL at the end. */
const char *mount_nth_option(unsigned n);
