#pragma once
/* The limits that `run`, `create` and `update` have in common: rows of a table of options, whose
 * targets are AT(member of struct resources). `size` parses sizes; `shares` and `pids` are what
 * stands behind the text of those two, the default where there is one. */
#include "cli/values.h"

/* clang-format off */
#define LIMIT_OPTIONS(AT, size, shares, pids) \
	{ OPTION_VALUE, 'm', "memory", "SIZE", "limit of memory: 512m, 1.5g", \
		AT(memory), size }, \
	{ OPTION_VALUE, 0, "memory-swap", "SIZE", "of memory and swap; -1: no limit", \
		AT(memory_swap), value_memory_swap }, \
	{ OPTION_VALUE, 0, "memory-reservation", "SIZE", "what it keeps when memory is short", \
		AT(memory_reservation), size }, \
	{ OPTION_VALUE, 0, "cpus", "NUMBER", "limit of CPU time: 0.5, 2", \
		AT(nano_cpus), value_cpus }, \
	{ OPTION_VALUE, 'c', "cpu-shares", "WEIGHT", "share of busy CPUs, 2 to 262144" shares, \
		AT(cpu_shares), value_cpu_shares }, \
	{ OPTION_VALUE, 0, "cpu-period", "USEC", "with --cpu-quota, instead of --cpus", \
		AT(cpu_period), value_microseconds }, \
	{ OPTION_VALUE, 0, "cpu-quota", "USEC", "CPU time in each period", \
		AT(cpu_quota), value_microseconds }, \
	{ OPTION_OWNED, 0, "cpuset-cpus", "LIST", "which CPUs: 0-3,7", \
		AT(cpuset_cpus), value_cpuset }, \
	{ OPTION_OWNED, 0, "cpuset-mems", "LIST", "which memory nodes", \
		AT(cpuset_mems), value_cpuset }, \
	{ OPTION_VALUE, 0, "pids-limit", "NUMBER", "limit of processes, -1: none" pids, \
		AT(pids_limit), value_limit }, \
	{ OPTION_VALUE, 0, "blkio-weight", "WEIGHT", "share of busy disks, 10 to 1000", \
		AT(blkio_weight), value_blkio_weight }
/* clang-format on */
