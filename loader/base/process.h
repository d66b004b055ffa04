/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes identified by pid and start time; the pair is never reused. */
#ifndef PP_PROCESS_H
#define PP_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* Clock ticks since boot at which @pid started; 0: no such process. */
uint64_t process_start(uint32_t pid);
/* Whether the process that was @pid, started at @start, still runs. */
bool process_alive(uint32_t pid, uint64_t start);

#endif
