// SPDX-License-Identifier: GPL-2.0-only
/* A process's start time from /proc/PID/stat (proc(5): field 22). */
#include <stdio.h>
#include <string.h>

#include "loader/base/process.h"

uint64_t process_start(uint32_t pid)
{
	char path[32], stat[1024], *rest;
	unsigned long long start = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(stat, 1, sizeof(stat) - 1, f);
	fclose(f);
	stat[n] = 0;
	/* The second field, the command, may contain spaces and parentheses: the last ')' ends it. */
	rest = strrchr(stat, ')');
	if (!rest || rest[1] == 0 || rest[2] == 'Z' ||
	    sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &start) != 1)
		return 0;
	return start;
}

bool process_alive(uint32_t pid, uint64_t start)
{
	return pid && process_start(pid) == start;
}
