// SPDX-License-Identifier: GPL-2.0-only
/* What host veths say of themselves. */
#include <string.h>

#include "loader/pod/alias.h"
#include "tests/lib/tap.h"

static struct pod_alias alias(const char *id, const char *ifname, uint32_t generation,
			      const char *namespace, const char *pod)
{
	struct pod_alias who = { .generation = generation };

	snprintf(who.owner.id, sizeof(who.owner.id), "%s", id);
	snprintf(who.owner.ifname, sizeof(who.owner.ifname), "%s", ifname);
	snprintf(who.namespace, sizeof(who.namespace), "%s", namespace);
	snprintf(who.pod, sizeof(who.pod), "%s", pod);
	return who;
}

static bool round_trip(const struct pod_alias *who, char text[LINK_ALIAS])
{
	struct pod_alias back;

	pod_alias_format(who, text);
	return strlen(text) < LINK_ALIAS && pod_alias_parse(text, &back) &&
	       !memcmp(&back, who, sizeof(back));
}

static void test_text(void)
{
	struct pod_alias who = alias("4f2a", "eth0", 7, "default", "web");
	char text[LINK_ALIAS];

	pod_alias_format(&who, text);
	ok(!strcmp(text, "pinpool v1 owner=4f2a if=eth0 gen=7 pod=default/web"), "a pod: %s", text);
	who = alias("4f2a", "eth0", 4294967295, "", "");
	pod_alias_format(&who, text);
	ok(!strcmp(text, "pinpool v1 owner=4f2a if=eth0 gen=4294967295"), "no names: %s", text);
}

static void test_round_trips(void)
{
	char text[LINK_ALIAS], id[129], pod[PP_NAME];
	struct pod_alias who = alias("a b%c\td\xc3\xa9=if=x gen=9", "eth 0", 1, "kube-system",
				     "dns");

	ok(round_trip(&who, text), "odd characters: %s", text);
	memset(id, 'f', 128);
	id[128] = 0;
	who = alias(id, "abcdefghijklmno", 4294967295, "default", "web");
	ok(round_trip(&who, text), "an owner of 128 bytes and a name of 15");
	memset(pod, 'p', sizeof(pod) - 1);
	pod[sizeof(pod) - 1] = 0;
	who = alias(id, "eth0", 3, "default", pod);
	pod_alias_format(&who, text);
	ok(strlen(text) == LINK_ALIAS - 1 && pod_alias_parse(text, &who) && who.generation == 3 &&
	   !strcmp(who.owner.id, id) && strlen(who.pod) > 50, "a pod's name is cut to fit");
	memset(id, ' ', 128);
	who = alias(id, "eth0", 5, "default", "web");
	pod_alias_format(&who, text);
	ok(strlen(text) < LINK_ALIAS && pod_alias_parse(text, &who) && who.generation == 5 &&
	   !strcmp(who.owner.ifname, "eth0"), "an owner is cut before interface and generation");
}

static void test_foreign(void)
{
	static const char *const foreign[] = {
		"", "pinpool", "pinpool v1 ", "pinpool v2 owner=a if=b gen=1", "uplink to rack 7",
		"pinpool v1 owner=a", "pinpool v1 owner=a if=b", "xpinpool v1 owner=a if=b gen=1",
	};
	struct pod_alias who;

	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		ok(!pod_alias_parse(foreign[i], &who), "not ours: \"%s\"", foreign[i]);
}

int main(void)
{
	test_text();
	test_round_trips();
	test_foreign();
	return tap_done();
}
