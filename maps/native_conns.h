/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_native_conns: TCP connections that pods opened with their own address, because destination or
 * pool was excluded from masquerade. They keep it when that changes. Keyed by the pod's packets;
 * looked up only if a packet without a flow would be masqueraded.
 */
#ifndef PP_NATIVE_CONNS_H
#define PP_NATIVE_CONNS_H

#include "maps/inbound.h"

#define NATIVE_CONNS_MAX 16384

#endif
