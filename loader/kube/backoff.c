// SPDX-License-Identifier: GPL-2.0-only
/* Half of a delay is certain, half is chance: a thousand nodes do not come back at once. */
#include <sys/random.h>

#include "loader/kube/backoff.h"

unsigned int random_below(unsigned int limit)
{
	unsigned int value = 0;

	(void)!getrandom(&value, sizeof(value), GRND_NONBLOCK);
	return value % limit;
}

unsigned int backoff_ms(unsigned int failures)
{
	unsigned int ms = failures < 7 ? BACKOFF_MIN_MS << failures : BACKOFF_MAX_MS;

	return ms / 2 + random_below(ms / 2);
}
