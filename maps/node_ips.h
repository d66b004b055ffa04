/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_node_ips: addresses of the node's network namespace at the last sync. Derived. pp_flows_stale
 * ends flows with other addresses.
 */
#ifndef PP_NODE_IPS_H
#define PP_NODE_IPS_H

#include "maps/addr.h"

#define NODE_IPS_MAX 65536

#endif
