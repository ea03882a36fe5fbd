// SPDX-License-Identifier: MIT
/*
 * What a listener offers for several associations: each suite and version that
 * one of them allows, and none that no one does. So what is chosen before the
 * KpcId is known is of use to somebody, and tells no more than that (T1, X5).
 */
#include "pair.h"

#define TLS12	KPC_VERSION_FLAGS_TLS12
#define TLS13	KPC_VERSION_FLAGS_TLS13
#define DTLS12	KPC_VERSION_FLAGS_DTLS12
#define BOTH	(TLS12 | TLS13)
#define MAX	3

#define P256	KPC_GROUP_SECP256R1
#define P384	KPC_GROUP_SECP384R1
#define ALL13		"1301 1302 1303 1304 "
#define SECRET12	"ccac 00aa 00ab ccad c0a6 "

/*
 * Those of a listener, and what it offers: versions, suites, modes, groups.
 * Lists end with a 0; their counts are left to counted().
 */
struct scene {
	const char *name, *offer;
	unsigned int count;
	struct kpc_handshake_policy of[MAX];
};

static const struct scene scenes[] = {
	{ "modern alone: its TLS 1.3", "1.3 " ALL13 "g29 g23", 1,
	  { { .profile = KPC_PROFILE_MODERN } } },
	{ "modern with TLS 1.2: no suite without forward secrecy",
	  "1.2 1.3 " ALL13 SECRET12 "g29 g23", 2,
	  { { .versions = BOTH }, { .versions = TLS13 } } },
	{ "modern beside one suite of TLS 1.2: no other of TLS 1.2",
	  "1.2 1.3 " ALL13 "00ae g29 g23", 2,
	  { { .versions = TLS13 },
	    { .profile = KPC_PROFILE_ONEM2M, .offload = KPC_OFFLOAD_OFF, .suites = { 0x00ae } } } },
	{ "a suite of a version that its association does not allow",
	  "1.2 1.3 1301 00a9 g29 g23", 2,
	  { { .versions = TLS13, .suites = { 0x1301, 0x00a8 } },
	    { .versions = TLS12, .suites = { 0x1302, 0x00a9 } } } },
	{ "a suite of the agent's where its association wants the kernel",
	  "1.2 00aa 00a8 g29 g23", 2,
	  { { .versions = TLS12, .suites = { 0x00a8, 0x00ae } },
	    { .versions = TLS12, .suites = { 0x00aa }, .offload = KPC_OFFLOAD_PREFER } } },
	{ "a short tag only where it is listed",
	  "1.2 " SECRET12 "00a8 00a9 ccab c0a4 00ae c0a8 g29 g23", 2,
	  { { .profile = KPC_PROFILE_ONEM2M, .offload = KPC_OFFLOAD_OFF },
	    { .versions = TLS12, .offload = KPC_OFFLOAD_OFF, .suites = { 0xc0a8 } } } },
	{ "one order, that of both", "1.2 00a9 00a8 00aa g29 g23", 2,
	  { { .versions = TLS12, .suites = { 0x00a9, 0x00a8, 0x00aa } },
	    { .versions = TLS12, .suites = { 0x00a9, 0x00a8, 0x00aa } } } },
	{ "two orders: neither", "1.2 00aa 00a8 00a9 g29 g23", 3,
	  { { .versions = TLS12, .suites = { 0x00a9, 0x00a8, 0x00aa } },
	    { .versions = TLS12, .suites = { 0x00a9, 0x00a8 } },
	    { .versions = TLS12, .suites = { 0x00a9, 0x00a8, 0x00aa } } } },
	{ "modes of a version that their association does not allow",
	  "1.2 1.3 1301 00a8 g29 g23", 2,
	  { { .versions = TLS12, .suites = { 0x00a8 }, .psk_ke = true },
	    { .versions = TLS13, .suites = { 0x1301 }, .no_ems = true } } },
	{ "modes of one of them", "1.2 1.3 1301 00a8 psk_ke no_ems g29 g23", 2,
	  { { .versions = BOTH, .suites = { 0x1301, 0x00a8 }, .psk_ke = true },
	    { .versions = BOTH, .suites = { 0x1301, 0x00a8 }, .no_ems = true } } },
	{ "groups", "1.3 1301 g23 g24", 2,
	  { { .suites = { 0x1301 }, .groups = { P384 } },
	    { .suites = { 0x1301 }, .groups = { P256 } } } },
	{ "groups in the order of both", "1.3 1301 1302 g24 g23", 2,
	  { { .suites = { 0x1301 }, .groups = { P384, P256 } },
	    { .suites = { 0x1302 }, .groups = { P384, P256 } } } },
	{ "DTLS as TLS of its kind", "D1.2 00a8 00ae c0a8 g29 g23", 2,
	  { { .versions = DTLS12, .offload = KPC_OFFLOAD_OFF, .suites = { 0xc0a8, 0x00a8 } },
	    { .versions = DTLS12, .offload = KPC_OFFLOAD_OFF, .suites = { 0x00ae } } } },
	{ "no authority", "1.3 1301 g29 g23", 1,
	  { { .suites = { 0x1301 }, .authority = "b.example" } } },
};

static struct kpc_handshake_policy counted(const struct kpc_handshake_policy *policy)
{
	struct kpc_handshake_policy copy = *policy;

	copy.role = KPC_ROLE_B;
	while (copy.suite_count < KPC_SUITES_MAX && copy.suites[copy.suite_count])
		copy.suite_count++;
	while (copy.group_count < KPC_HANDSHAKE_GROUPS_MAX && copy.groups[copy.group_count])
		copy.group_count++;
	return copy;
}

static bool offers(const struct kpc_handshake_policy *policy, const char *wanted)
{
	char text[256] = "", *at = text;

	at += sprintf(at, "%s%s%s", policy->versions & TLS12 ? "1.2 " : "",
		      policy->versions & TLS13 ? "1.3 " : "",
		      policy->versions & DTLS12 ? "D1.2 " : "");
	for (unsigned int i = 0; i < policy->suite_count; i++)
		at += sprintf(at, "%04x ", policy->suites[i]);
	at += sprintf(at, "%s%s%s", policy->psk_ke ? "psk_ke " : "",
		      policy->no_ems ? "no_ems " : "", policy->authority ?: "");
	for (unsigned int i = 0; i < policy->group_count; i++)
		at += sprintf(at, "g%u ", policy->groups[i]);
	if (at > text)
		at[-1] = '\0';
	if (strcmp(text, wanted))
		tap_note("'%s' in place of '%s'", text, wanted);
	return !strcmp(text, wanted);
}

/* In either direction; 0 or the errno of the first that is refused. */
static int unite(struct kpc_handshake_policy *all, const struct scene *scene, bool turned)
{
	int code = 0;

	*all = (struct kpc_handshake_policy){ .role = KPC_ROLE_B };
	for (unsigned int i = 0; i < scene->count && !code; i++) {
		struct kpc_handshake_policy one =
			counted(&scene->of[turned ? scene->count - 1 - i : i]);

		code = kpc_handshake_policy_unite(all, &one, NULL);
	}
	return code;
}

static void check_scene(const struct scene *scene)
{
	struct kpc_handshake_policy all, again = { .role = KPC_ROLE_B };

	tap_ok(!unite(&all, scene, false) && offers(&all, scene->offer), "T1 %s", scene->name);
	tap_ok(!kpc_handshake_policy_unite(&again, &all, NULL) && offers(&again, scene->offer),
	       "and a context of it offers just that");
	tap_ok(!unite(&all, scene, true) && offers(&all, scene->offer),
	       "and so in whatever order they are added");
}

static void check_refusals(void)
{
	static const struct kpc_handshake_policy refused[] = {
		{ .suites = { 0x00ae }, .versions = TLS12 },
		{ .suites = { 0x1301 }, .versions = TLS12, .offload = KPC_OFFLOAD_OFF },
		{ .suites = { 0x1305 } },
		{ .groups = { 30 } },
		{ .versions = DTLS12, .offload = KPC_OFFLOAD_OFF },
		{ .versions = DTLS12 },
	};
	struct kpc_handshake_policy all, before, of_a = { .role = KPC_ROLE_A };

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct kpc_handshake_policy one = counted(&refused[i]);
		struct kpc_error err = { "" };
		bool held = !unite(&all, &scenes[2], false);

		before = all;
		held = held && kpc_handshake_policy_unite(&all, &one, &err) == -EINVAL &&
		       !memcmp(&all, &before, sizeof(all)) && err.text[0];
		tap_ok(held, "refused, and nothing is changed: %s", err.text);
	}
	tap_ok(kpc_handshake_policy_unite(&all, &of_a, NULL) == -EINVAL &&
	       offers(&all, scenes[2].offer), "so is one of role a beside those of role b");
}

/* A listener is without the kernel only where all its associations are. */
static void check_offload(void)
{
	static const enum kpc_offload offloads[] = {
		KPC_OFFLOAD_REQUIRE, KPC_OFFLOAD_PREFER, KPC_OFFLOAD_OFF,
	};
	bool held = true;

	for (int i = 0; i < 9; i++) {
		struct kpc_handshake_policy all = { .role = KPC_ROLE_B }, one = all;

		one.offload = offloads[i / 3];
		held = held && !kpc_handshake_policy_unite(&all, &one, NULL);
		one.offload = offloads[i % 3];
		held = held && !kpc_handshake_policy_unite(&all, &one, NULL) &&
		       all.offload == (i == 8 ? KPC_OFFLOAD_OFF : KPC_OFFLOAD_PREFER);
	}
	tap_ok(held, "offload off of all is that of the listener, of one it is not");
}

/* The listener of scenes[2] and the peer of its second association. */
static bool meet(struct pair *pair, const struct kpc_handshake_policy *peer)
{
	static struct kpc_handshake_policy own;
	struct kpc_handshake_policy all;

	own = counted(&scenes[2].of[1]);
	if (pair_open(pair, peer, PAIR_KEY, PAIR_KEY) || unite(&all, &scenes[2], false))
		return false;
	kpc_handshake_free(pair->b);
	kpc_handshake_context_free(pair->cb);
	pair->policy = &own;
	pair->cb = kpc_handshake_context_new(&all, NULL);
	pair->b = kpc_handshake_new(pair->cb, NULL);
	pair_run(pair);
	return true;
}

static void check_listener(void)
{
	struct kpc_handshake_policy peer = {
		.versions = TLS12, .offload = KPC_OFFLOAD_OFF, .suites = { 0x00a8, 0x00ae },
		.suite_count = 2,
	};
	struct pair pair = { 0 };
	bool held;

	held = meet(&pair, &peer) && pair_done(&pair) &&
	       kpc_handshake_result(pair.b)->suite == 0x00ae;
	if (!tap_ok(held, "a peer of the second gets its suite, not one that would be denied"))
		tap_note("a: %s; b: %s", pair_why(pair.a), pair_why(pair.b));
	pair_close(&pair);

	peer.suite_count = 1;
	held = meet(&pair, &peer) && !pair.asked && kpc_handshake_failure(pair.a) &&
	       kpc_handshake_failure(pair.a)->alert_received == 40;
	if (!tap_ok(held, "X5 a suite of nobody is refused before a KpcId is named"))
		tap_note("a: %s; b: %s", pair_why(pair.a), pair_why(pair.b));
	pair_close(&pair);
}

int main(void)
{
	tap_begin();
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		check_scene(&scenes[i]);
	check_refusals();
	check_offload();
	check_listener();
	return tap_end();
}
