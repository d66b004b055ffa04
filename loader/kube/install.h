/* SPDX-License-Identifier: GPL-2.0-only */
/* What the image, which has no shell, puts on its node and removes from it. */
#ifndef PP_KUBE_INSTALL_H
#define PP_KUBE_INSTALL_H

#include "loader/base/error.h"

#define PLUGIN_IN_IMAGE "/usr/lib/pinpool/pinpool-cni"

/* Copies @source to @dir/pinpool-cni, complete or not at all; the same content stays untouched. 0 or -errno. */
int install_plugin(const char *source, const char *dir, struct error *e);

/*
 * `pinpool-agent install [--cni-bin DIR] [--source FILE]`, and `uninstall [--cni-bin DIR]`, which removes the
 * plugin, the CNI list @conflist and the node's datapath: pods keep their interfaces, without forwarding.
 * Prints errors; returns an exit status.
 */
int install_main(int argc, char **argv, const char *conflist);

#endif
