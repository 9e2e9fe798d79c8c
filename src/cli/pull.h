#pragma once
/* A pull on behalf of another verb, which tells on stderr what it does. */
#include "cli/cli.h"

int pull_image(struct cli *, struct engine *, const char *image, struct err *e);
