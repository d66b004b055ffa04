/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_KUBE_NOTIFY_H
#define PP_KUBE_NOTIFY_H

/* Sends lines of KEY=VALUE to systemd (sd_notify(3)); without a systemd that waits for them: nothing. */
void notify(const char *lines);

#endif
