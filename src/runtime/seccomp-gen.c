/*
 * Writes the default seccomp filter, that of a container with none of the capabilities which bring
 * more calls, as C arrays of struct sock_filter, one for each machine type.  Done when redock is
 * built: at run time that filter is constant data and costs nothing to make.
 */
#include "runtime/seccomp-rules.h"

#include <stdio.h>

static void print(const char *guard, enum seccomp_machine machine)
{
	static struct seccomp_program p;

	seccomp_rules(machine, 0, &p);
	printf("#if defined(%s)\n#define SECCOMP_DEFAULT_FILTER 1\n"
	       "static const struct sock_filter default_filter[] = {\n",
		guard);
	for (unsigned i = 0; i < p.used; i++)
		printf("\t{ 0x%x, %u, %u, 0x%x },\n", p.code[i].code, p.code[i].jt, p.code[i].jf,
			p.code[i].k);
	printf("};\n#endif\n");
}

int main(void)
{
	printf("/* made by seccomp-gen */\n");
	print("__x86_64__", SECCOMP_X86_64);
	print("__aarch64__", SECCOMP_AARCH64);
	return 0;
}
