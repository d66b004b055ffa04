/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_node_ips: the addresses of the node's network namespace when the loader last looked. Derived: pp_flows_stale ends the flows whose address is not here.
 */
#ifndef PP_NODE_IPS_H
#define PP_NODE_IPS_H

#include "maps/addr.h"

#define NODE_IPS_MAX 65536

#endif
