#pragma once
/*
 * Faults on demand, for the builds that tests/torture makes (meson -Dfaults=true) and for no other:
 * there the linker puts fault.c's functions in front of the C library's (ld(1), --wrap), so that no
 * line of the program knows of them.
 *
 *   REDOCK_KILL_AT=[PROGRAM:]N        SIGKILL before the N-th step that changes something
 *   REDOCK_POWER_CUT=1:DIR, 2:DIR     the ext4 file system of DIR ends right before that: with or
 *                                     without what is in its journal but not on the disk
 *   REDOCK_FI=[PROGRAM:]CALL:N:ERRNO  the N-th CALL ("openat", "write", ...) fails; N+ from it on
 *   REDOCK_FI=[PROGRAM:]short         every read and write moves one byte, or is interrupted first,
 *                                     as is every wait
 *   REDOCK_FAULT_TRACE=FILE           gets a line "PROGRAM N CALL" a step, "call N CALL" for each
 *                                     that REDOCK_FI names, "killed N" or "failed N" at the end
 *
 * PROGRAM is redock unless it is said.  A step is a call that can change files, mounts, links,
 * namespaces, control groups or another process.
 */

/* The environment for a program of ours that gets none of the caller's: these variables, or
 * nothing. */
#ifdef REDOCK_FAULTS
char *const *fault_environment(void);
#else
static inline char *const *fault_environment(void)
{
	static char *const none[] = { (char *)0 };

	return none;
}
#endif
