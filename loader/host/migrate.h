/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A running node of PP_ABI_BEFORE taken over by this pinpool, while its pods go on.
 *
 * 1. The old maps are copied into the new ones, and the new programs are loaded. Until here the old
 *    node is as it was, and an error or a kill leaves it so: the next `up` begins anew.
 * 2. The new pp_config is written. From now on the new maps count: a killed `up` is finished by the
 *    next one. Every other command, old or new, refuses a root that has both.
 * 3. What is derived is made, then the new programs are attached: uplinks' egress first, behind the
 *    old one, which masquerades as long as it is there; then pods' interfaces.
 * 4. The old programs are detached and their pins removed, last of all.
 *
 * Pods keep addresses, interfaces and connections that keep a pod's address; masqueraded ones end.
 */
#ifndef PP_MIGRATE_H
#define PP_MIGRATE_H

#include "loader/kernel/context.h"

/*
 * For `up`, which holds the root's lock exclusively: load_ipam(), and all of the above where there is
 * something to take over. Afterwards such a node is up with the objects and options that it had. -ENOENT,
 * -EUCLEAN: an old map cannot be read; -EXDEV: the node is in another network namespace.
 */
int migrate(struct context *node, struct error *e);

#endif
