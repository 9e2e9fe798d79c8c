#pragma once
/* What the fuzz targets share. With libFuzzer (meson -Dfuzz=true, clang) a target
 * is a fuzzer; with REPLAY a program that runs each file of the directories it is given once. */
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#ifdef REPLAY
int main(int argc, char **argv)
{
	unsigned n = 0;

#ifdef REPLAY_NEEDS_ROOT /* says why */
	if (geteuid() != 0) {
		puts("1..0 # SKIP " REPLAY_NEEDS_ROOT);
		return 0;
	}
#endif
	for (int i = 1; i < argc; i++) {
		auto_dir DIR *d = opendir(argv[i]);
		struct dirent *ent;
		MUST(d);
		while ((ent = readdir(d))) {
			auto_free char *data = NULL;
			struct err e = { 0 };
			size_t len;
			if (ent->d_name[0] == '.')
				continue;
			MUST(fs_read_file(dirfd(d), ent->d_name, 1 << 24, &data, &len, &e) == 0);
			LLVMFuzzerTestOneInput((const uint8_t *)data, len);
			n++;
		}
	}
	/* TAP: an input that does harm ends the program before this */
	printf("1..1\n%sok 1 - %u inputs replayed\n", n ? "" : "not ", n);
	return n ? 0 : 1;
}
#endif
