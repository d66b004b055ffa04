/* SPDX-License-Identifier: GPL-2.0-only */
/* How long to wait before a request is repeated. Pure but for chance. */
#ifndef PP_KUBE_BACKOFF_H
#define PP_KUBE_BACKOFF_H

#define BACKOFF_MIN_MS 250u
#define BACKOFF_MAX_MS 30000u

unsigned int random_below(unsigned int limit);
/* Half of a delay of 250 ms to 30 s that doubles with each failure, and as much at most by chance. */
unsigned int backoff_ms(unsigned int failures);

#endif
