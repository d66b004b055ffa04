/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_native_conns: TCP connections that pods opened with their own address, because the destination or the
 * pool was excluded from masquerade when they did: they keep it though that changes. Keyed as the pod
 * sends; asked only when a packet without a flow would be masqueraded.
 */
#ifndef PP_NATIVE_CONNS_H
#define PP_NATIVE_CONNS_H

#include "maps/inbound.h"

#define NATIVE_CONNS_MAX 16384

#endif
