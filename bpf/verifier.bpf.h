/* SPDX-License-Identifier: GPL-2.0-only */
/* What programs owe the kernel's verifier. */
#ifndef PP_VERIFIER_BPF_H
#define PP_VERIFIER_BPF_H

/*
 * Hides where a value comes from, so that the compiler keeps the bounds check that follows, as it is
 * written, and the verifier sees it.
 */
#define bounded(value) asm volatile("" : "+r"(value))

#endif
