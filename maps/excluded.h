/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_excluded: addresses of blocks that no pod may get, for they are something else: the node's own, of
 * a connected subnet, a next hop, another node's. Bits as in pp_ips, and independent of those: an
 * address may be leased and excluded, and is then not given again. Chunks without such addresses have no
 * entry. Only pp_block_exclude writes it.
 */
#ifndef PP_EXCLUDED_H
#define PP_EXCLUDED_H

#include "maps/ips.h"

#endif
