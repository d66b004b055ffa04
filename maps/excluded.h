/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_excluded: addresses of blocks that pods never get because they are in use elsewhere: the
 * node's own, those of a connected subnet, a next hop or another node. Bits as in pp_ips, and
 * independent of them: a leased address may become excluded, and is then not reused. Chunks without
 * such addresses have no entry. Written only by pp_block_exclude.
 */
#ifndef PP_EXCLUDED_H
#define PP_EXCLUDED_H

#include "maps/ips.h"

#endif
