/*
 * racer A B: exchanges two names as fast as the kernel can, until it is killed.
 *
 * What a hostile container does with a volume that it shares with one that is just being started: a
 * directory becomes a link and a directory again, between any two looks at it (renameat2(2),
 * RENAME_EXCHANGE).  Says "racing" once it has begun.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXCHANGE 2u /* RENAME_EXCHANGE; <linux/fs.h> and <stdio.h> disagree about who has it */

int main(int argc, char **argv)
{
	if (argc != 3 ||
		syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], EXCHANGE) < 0) {
		perror("racer");
		return 1;
	}
	if (write(1, "racing\n", 7) != 7)
		return 1;
	for (;;)
		syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], EXCHANGE);
}
