#pragma once
/* Forced into every file (-include): functions that have a safer counterpart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* _FORTIFY_SOURCE makes macros of some of them */
#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol system popen mktemp tmpnam gets
