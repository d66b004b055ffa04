/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_objects: every applied object as normalized text (compact JSON), split into chunks. Written
 * and read by the loader; packet programs do not use it. pp_nodes: likewise the CiliumNodes and
 * Nodes; pp_metadata: Namespaces, this node's Pods, and the agent's status; pp_endpoints: Services and
 * EndpointSlices. Reading all other objects thus does not grow with the cluster.
 *
 * Replacing chunk 0 makes a new version visible. Chunks above 0 of version v have chunk = (v & 1)
 * << 16 | index in their key, so that chunks of the next version never overwrite those of the
 * current one; chunks that chunk 0 does not cover are leftovers of a killed writer.
 */
#ifndef PP_OBJECTS_H
#define PP_OBJECTS_H

#include "maps/abi.h"
#include "maps/addr.h"

enum object_kind {
	OBJECT_NONE,
	OBJECT_POOL,       /* CiliumPodIPPool */
	OBJECT_CILIUMNODE,       /* CiliumNode */
	OBJECT_NODECONFIG, /* CiliumNodeConfig */
	OBJECT_CONFIGMAP,  /* cilium-config, ip-masq-agent */
	OBJECT_NODE,      /* v1 Node: labels */
	OBJECT_NAMESPACE,
	OBJECT_SETTINGS,   /* options of `up --set`; name "set" */
	OBJECT_POD,        /* this node's, from an API server: uid, labels and annotations */
	OBJECT_AGENT,      /* how the agent fares; name "agent" */
	OBJECT_SERVICE,       /* name NAMESPACE/NAME, as of the next one */
	OBJECT_ENDPOINTSLICE,
	OBJECT_KINDS,
};

#define OBJECT_CHUNK_TEXT 1528
#define OBJECT_CHUNKS_MAX 1024 /* of one object: about 1.5 MB of text */

/*
 * The zero bytes after each string are part of the key. What comes from files has the namespace "",
 * whatever its metadata says: a file's name of a kind is one object, and a node has one cilium-config.
 * Pods, Services and EndpointSlices have their namespace.
 */
struct object_key {
	enum object_kind kind;
	__u32 chunk;
	char namespace[64]; /* "": none, as of most kinds */
	char name[PP_NAME];
};

/* NAMESPACE/NAME and its NUL */
#define STORE_NAME (64 + PP_NAME)

struct object_chunk {
	__u64 created; /* seconds since the epoch */
	__u32 version;
	__u32 length; /* of the complete text, without a NUL */
	char text[OBJECT_CHUNK_TEXT];
};

_Static_assert(sizeof(struct object_key) == 328, "pinned layout changed: bump PP_ABI in maps/abi.h");
_Static_assert(sizeof(struct object_chunk) == 1544, "pinned layout changed: bump PP_ABI in maps/abi.h");

#endif
