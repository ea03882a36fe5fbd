// SPDX-License-Identifier: MIT
/*
 * Proves the grammar of associations: what is read, what is printed back, and
 * with which words each mistake is refused (M3, M4, T2, T3, X4).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/association.h>

#include "../tap.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* What a normal line begins with. */
#define A	"m7 role a kpc-id m7@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in "
#define B	"m7 role b kpc-id m7@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in "
#define DTLS	"versions dtls1.2 offload off "

/* Words, and what they are printed as; NULL: the same. */
static const struct {
	const char *words;
	const char *printed;
} good[] = {
	{ "m7 role a kpc-id m7@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in",
	  NULL },
	/* Words may come in any order. */
	{ "m7 id-b //sp.example/in id-a //sp.example/cse/C1 kpc-id m7@sp.example role b",
	  "m7 role b kpc-id m7@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in" },
	/* T3: SP-relative forms become absolute, the provider lower case. */
	{ "m7 role a kpc-id m7@sp.example id-a /cse/C1 sp-id SP.example id-b /in",
	  "m7 role a kpc-id m7@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in" },
	/* T3: what may be either kind keeps the kind that was told. */
	{ "m7 role a kpc-id m7@sp.example id-a //sp.example/S988 kind-a ae id-b "
	  "//sp.example/S1 kind-b cse",
	  NULL },
	/* T2: any identity of RFC 4279 when the entry says so. */
	{ "m7 role a kpc-id 'meter\\x20seven' format any id-a //sp.example/cse/C1 id-b "
	  "//sp.example/in",
	  NULL },
	{ A "mark 0x6b000001", NULL },
	{ A "mark 1795162113",
	  A "mark 0x6b000001" },
	/* X1: one version family unless both are named. */
	{ A "versions tls1.3", "m7 role a kpc-id m7@sp.example id-a //sp.example/cse/C1 "
	  "id-b //sp.example/in" },
	{ A "versions tls1.2,tls1.3", NULL },
	{ A "versions tls1.2", NULL },
	{ A "profile onem2m", NULL },
	{ A "profile onem2m versions tls1.2", A "profile onem2m" },
	{ A "profile onem2m versions tls1.3", NULL },
	{ A "suites TLS_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256", NULL },
	/* The conformance case of TS-0013 TD_M2M_SE_01. */
	{ "td role a kpc-id test@onem2m.com id-a //onem2m.com/cse/C1 id-b //onem2m.com/in "
	  "profile onem2m suites PSK-AES128-CBC-SHA256 offload off weak-key yes",
	  NULL },
	{ A "profile onem2m versions dtls1.2 suites PSK-AES128-CCM8 offload prefer",
	  NULL },
	{ A "offload prefer", NULL },
	{ A "peer gateway.example:8883", NULL },
	{ A "peer 192.0.2.1:8883", NULL },
	{ A "peer 10.in-addr.example:8883", NULL },
	{ A "peer 3com.0a:8883", NULL },
	{ A "peer [2001:db8::1]:8883", A "peer '[2001:db8::1]:8883'" },
	{ B "listen *:8883", B "listen '*:8883'" },
	{ B "listen 192.0.2.1:8883", NULL },
	{ A "plain unix:/run/kpc/m7.sock", NULL },
	{ A "plain unix:/run/kpc/m7.sock owner 0 mode 0660", NULL },
	{ A "plain tcp:127.0.0.1:1883 allow-uid 0,65534", NULL },
	{ A "plain tcp:127.0.0.1:1883 allow-uid root", A "plain tcp:127.0.0.1:1883 allow-uid 0" },
	{ A "plain tcp:127.0.0.1:1883 allow-uid any", NULL },
	{ A "plain tcp:127.0.0.1:1883 allow-uid none,65534", NULL },
	{ A "plain unix:/run/kpc/m7.sock owner none", NULL },
	{ A "plain tcp:192.0.2.9:1883 allow-uid any", NULL },
	{ B "plain tcp:192.0.2.9:1883", NULL },
	{ B "plain tcp:192.0.2.9:1883 allow-uid any", NULL },
	{ B "plain tcp:192.0.2.9:1883 allow-uid 65534", NULL },
	{ B "plain tcp:0.0.0.0:1883 allow-uid 65534", NULL },
	{ A "plain tcp:[::ffff:127.0.0.1]:1883 allow-uid 65534",
	  A "plain 'tcp:[::ffff:127.0.0.1]:1883' allow-uid 65534" },
	{ B "plain unix:/run/backend.sock owner 65534", NULL },
	{ B "plain unix:/run/backend.sock proxy yes", NULL },
	{ A "plain hand-over:/run/kpc/m7.sock owner 0 mode 0660", NULL },
	{ B "plain hand-over:/run/backend.sock owner 65534", NULL },
	{ B "offload prefer plain hand-over:/run/backend.sock", NULL },
	{ B "plain pair:/run/backend.sock owner 65534", NULL },
	{ B "offload off plain pair:/run/backend.sock", NULL },
	{ A DTLS "plain udp:127.0.0.1:5683 allow-uid 65534", NULL },
	{ B DTLS "plain udp:127.0.0.1:5683 allow-uid any", NULL },
	{ B DTLS "plain udp:192.0.2.9:5683", NULL },
	{ B DTLS "plain udp:192.0.2.9:5683 proxy yes", NULL },
	{ A "holder-uid 65534", NULL },
	{ A "holder-uid root", A "holder-uid 0" },
	{ A "holder-uid none", NULL },
	{ B "holder-cgroup /system.slice/kpcd.service", NULL },
	{ B "holder-uid 65534 holder-cgroup '/a b/..c' authority h.example",
	  B "authority h.example holder-uid 65534 holder-cgroup '/a b/..c'" },
	{ A "authority gateway.example", NULL },
	{ A "start auto", NULL },
	{ A "start manual weak-key no",
	  "m7 role a kpc-id m7@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in" },
	{ A "selector remote 192.0.2.0/24:8883-8890", NULL },
	{ A "selector local *:* remote [2001:db8::]/32:8883",
	  A "selector remote [2001:db8::]/32:8883" },
	{ A "selector udp remote 192.0.2.1:5684", NULL },
	{ A "selector remote 192.0.2.1:8883 local 192.0.2.9:*",
	  A "selector local 192.0.2.9:* remote 192.0.2.1:8883" },
	{ A "selector remote 0.0.0.0/32:80", NULL },
	{ A "selector remote [::]/128:80", NULL },
	{ A "selector local 0.0.0.0:8883", A "selector local 0.0.0.0/0:8883" },
	{ A "selector remote 192.0.2.1:8883 resolved", NULL },
	/* A peer inside a selector adds nothing to it. */
	{ A "peer 192.0.2.1:8883 selector remote 192.0.2.0/24:8883", NULL },
	{ A "rekey-after 90m", NULL },
	{ A "limit lifetime 1h octets 1G records 4096 bindings 4 idle 5m "
	  "not-before 2026-12-01T00:00:00Z "
	  "not-after 2027-01-01T00:00:00Z handshake-octets 32K handshake-time 10s",
	  NULL },
	{ A "limit lifetime 90m octets 1536 not-after 2027-01-01 limit idle 3600",
	  A "limit lifetime 90m octets 1536 idle 1h not-after 2027-01-01T00:00:00Z" },
};

#define WORDS	"accepted: role kpc-id format id-a kind-a id-b kind-b sp-id mark versions suites profile offload peer listen plain owner mode allow-uid holder-uid holder-cgroup authority start rekey-after weak-key proxy selector limit"

#define KINDS	"unix:/PATH, tcp:ADDRESS:PORT, udp:ADDRESS:PORT, hand-over:/PATH or pair:/PATH"

#define NUMERIC(word, value)						\
	word " \"" value "\" ends in a number as an address does and is none; "	\
	"a host name whose last label is no number is accepted"

#define CGROUP(value)							\
	"holder-cgroup \"" value "\" is no path from the root of the control "	\
	"groups; /system.slice/NAME.service is accepted"

/* Words, and the whole sentence they are refused with. */
static const struct {
	const char *words;
	const char *sentence;
} bad[] = {
	{ "", "NAME is missing: association add NAME role a|b kpc-id KPCID id-a ID id-b ID ..." },
	{ "-x role a", "\"-x\" is no name; letters, digits, '.', '_' and '-', a letter or "
	  "digit first, are accepted" },
	{ "m/7 role a", "\"m/7\" is no name; letters, digits, '.', '_' and '-', a letter or "
	  "digit first, are accepted" },
	{ "m7 rloe a", "\"rloe\" is not known; " WORDS },
	{ "m7 role", "role has nothing after it; a or b is accepted" },
	{ "m7 role c", "role \"c\" is not known; a or b is accepted" },
	{ "m7 role a role b", "role is given twice" },
	{ "m7 kpc-id m7@sp.example",
	  "role is missing: role a (initiates, TLS client) or role b (answers, TLS server)" },
	{ "m7 role a kpc-id hex:00112233445566778899aabbccddeeff id-a //sp.example/cse/C1 "
	  "id-b //sp.example/in",
	  "the word behind kpc-id is a key as a key store has it; NAME@FQDN is accepted" },
	{ A "peer hex:00112233445566778899aabbccddeeff",
	  "an address is a key as a key store has it; HOST:PORT is accepted" },
	{ "m7 role a", "kpc-id is missing: the identifier of the Kpc, such as kpc-id "
	  "meter7@sp.example" },
	{ "m7 role a kpc-id m7@sp.example id-a //sp.example/cse/C1",
	  "id-b is missing: the identity that A authenticates, such as id-b //sp.example/cse" },
	{ "m7 role b kpc-id m7@sp.example id-a //sp.example/cse/C1",
	  "id-b is missing: this machine's own identity, here or in an identity line "
	  "before, such as id-b //sp.example/cse" },
	{ "m7 role b kpc-id m7@sp.example id-b //sp.example/in",
	  "id-a is missing: the Entity A that may come under this KpcId, such as id-a "
	  "//sp.example/cse/C1" },
	{ "m7 role a kpc-id m7@sp.example id-a //sp.example/in id-b //sp.example/in",
	  "id-a and id-b are both //sp.example/in; an entity has no association with itself" },
	{ "m7 role a kpc-id m7@sp.example id-a //sp.example/S9 id-b //sp.example/in",
	  "id-a \"//sp.example/S9\" may be an AE or a CSE; kind-a ae or kind-a cse must tell" },
	{ "m7 role a kpc-id m7@sp.example kind-a ae id-b //sp.example/in",
	  "kind-a is given without id-a" },
	{ "m7 role a kind-a pse", "kind-a \"pse\" is not known; cse or ae is accepted" },
	{ A "mark 0", "mark 0 is every unmarked socket's; leave mark out to have one chosen" },
	{ A "mark 0x1ffffffff", "mark 0x1ffffffff is too large; at most 4294967295 is accepted" },
	{ A "mark red", "mark \"red\" is not a number; 0 to 4294967295 is accepted" },
	{ A "versions tls1.1", "versions \"tls1.1\" is not known; tls1.2, tls1.3 or "
	  "dtls1.2, with commas between, is accepted" },
	{ A "versions tls1.2,,tls1.3",
	  "versions \"tls1.2,,tls1.3\" has an empty part; tls1.2,tls1.3 is accepted" },
	{ A "versions dtls1.2",
	  "versions dtls1.2 and offload require exclude each other: the kernel carries no "
	  "DTLS; offload prefer or off is accepted" },
	{ A "suites RC4-SHA", "suites \"RC4-SHA\" is not a suite of kpc; names as in `kpc "
	  "version suites`, with commas between, are accepted" },
	{ A "suites 1301,TLS_AES_128_GCM_SHA256", "suites has \"TLS_AES_128_GCM_SHA256\" twice" },
	{ A "suites PSK-AES128-GCM-SHA256",
	  "suites PSK-AES128-GCM-SHA256 belongs to TLSv1.2, which versions does not allow" },
	{ A "profile onem2m suites PSK-AES128-CBC-SHA256",
	  "suites PSK-AES128-CBC-SHA256 cannot be carried by the kernel, which offload "
	  "require wants; offload prefer or off is accepted" },
	{ A "peer gateway.example",
	  "\"gateway.example\" is not HOST:PORT; gateway.example:8883, 192.0.2.1:8883 or "
	  "[2001:db8::1]:8883 is accepted" },
	{ A "peer 2001:db8::1:8883",
	  "\"2001:db8::1:8883\" is not HOST:PORT; gateway.example:8883, 192.0.2.1:8883 or "
	  "[2001:db8::1]:8883 is accepted" },
	{ A "peer gateway.example:0",
	  "\"gateway.example:0\" has no port of 1 to 65535 after its last colon" },
	{ A "peer gateway.example:65536",
	  "\"gateway.example:65536\" has no port of 1 to 65535 after its last colon" },
	{ A "peer -gate.example:1",
	  "peer \"-gate.example:1\" is neither an address nor a host name of letters, "
	  "digits and inner hyphens" },
	/* What resolvers take for an IPv4 address, each in its own way. */
	{ A "peer 192.0.2.300:8883", NUMERIC("peer", "192.0.2.300:8883") },
	{ A "peer 192.0.2.010:8883", NUMERIC("peer", "192.0.2.010:8883") },
	{ A "peer 10.1:8883", NUMERIC("peer", "10.1:8883") },
	{ A "peer 3221225985:8883", NUMERIC("peer", "3221225985:8883") },
	{ A "peer gate.0x7F:8883", NUMERIC("peer", "gate.0x7F:8883") },
	{ B "authority 192.0.2.300", NUMERIC("authority", "192.0.2.300") },
	{ A "listen *:8883", "listen is for role b; role a connects: peer HOST:PORT is accepted" },
	{ B "peer 192.0.2.1:8883",
	  "peer is for role a; role b waits: listen ADDRESS:PORT is accepted" },
	{ B "listen localhost:8883",
	  "listen \"localhost:8883\" holds no address; 192.0.2.1:8883, [2001:db8::1]:8883 "
	  "or *:8883 is accepted" },
	{ A "plain /run/kpc/m7.sock",
	  "plain \"/run/kpc/m7.sock\" is of no known kind; " KINDS " is accepted" },
	{ B "plain handover:/run/kpc/m7.sock",
	  "plain \"handover:/run/kpc/m7.sock\" is of no known kind; " KINDS " is accepted" },
	{ B "plain pair:m7.sock",
	  "plain \"pair:m7.sock\" is not absolute; pair:/run/kpc/m7.sock is accepted" },
	{ A "plain hand-over:",
	  "plain \"hand-over:\" is not absolute; hand-over:/run/kpc/m7.sock is accepted" },
	{ B "plain hand-over:/x allow-uid 0",
	  "allow-uid is for plain tcp:ADDRESS:PORT; plain hand-over: takes owner and mode" },
	{ B "plain pair:/x mode 0666",
	  "mode is for role a, which makes the socket; role b connects to the backend's, "
	  "whose owner may be told" },
	{ B "plain pair:/x proxy yes",
	  "proxy is for plain tcp:, udp: and unix:; an application that is given the "
	  "connection is told the identity with it" },
	{ A "plain pair:/x",
	  "plain pair: is for role b; programs of role a that only read and write take plain "
	  "unix:/PATH" },
	{ A "rekey-after 1h plain hand-over:/x",
	  "rekey-after is for connections that the agent holds; the secrets of next keys are not "
	  "handed over" },
	{ A "offload off plain hand-over:/x",
	  "plain hand-over: hands over the kernel's TLS, which offload off forbids; offload "
	  "require or prefer is accepted" },
	{ B "offload off plain hand-over:/x",
	  "plain hand-over: hands over the kernel's TLS, which offload off forbids; offload "
	  "require or prefer, or plain pair:/PATH, is accepted" },
	{ A "holder-uid 0 plain hand-over:/x",
	  "plain hand-over: gives the socket to an application, and holder-uid leaves it "
	  "with who made it; one of both is accepted" },
	{ B "holder-cgroup /app.slice plain hand-over:/x",
	  "plain hand-over: gives the socket to an application, and holder-cgroup leaves it "
	  "with who made it; one of both is accepted" },
	{ A "plain udp:127.0.0.1:5683 allow-uid any",
	  "plain udp:127.0.0.1:5683 takes datagrams, which are carried with versions dtls1.2 "
	  "and no other" },
	{ A "versions tls1.2,dtls1.2 offload off plain udp:127.0.0.1:5683 allow-uid any",
	  "plain udp:127.0.0.1:5683 takes datagrams, which are carried with versions dtls1.2 "
	  "and no other" },
	{ B DTLS "plain tcp:127.0.0.1:5683 allow-uid any",
	  "versions dtls1.2 carries datagrams, and plain tcp:127.0.0.1:5683 takes none; plain "
	  "udp:ADDRESS:PORT is accepted" },
	{ B DTLS "plain pair:/x",
	  "versions dtls1.2 carries datagrams, and plain pair:/x takes none; plain "
	  "udp:ADDRESS:PORT is accepted" },
	{ A DTLS "plain udp:127.0.0.1:5683",
	  "plain udp:127.0.0.1:5683 needs allow-uid: which local users may be at its other "
	  "end, or any" },
	{ B DTLS "plain udp:localhost:5683",
	  "plain \"udp:localhost:5683\" holds no address; udp:127.0.0.1:1883 or "
	  "udp:[::1]:1883 is accepted" },
	{ B DTLS "plain udp:127.0.0.1:5683 allow-uid any owner 0",
	  "owner and mode are for plain unix:PATH; plain udp: takes allow-uid" },
	{ A "plain unix:m7.sock",
	  "plain \"unix:m7.sock\" is not absolute; unix:/run/kpc/m7.sock is accepted" },
	{ A "plain tcp:127.0.0.1:1883",
	  "plain tcp:127.0.0.1:1883 needs allow-uid: which local users may be at its other "
	  "end, or any" },
	{ B "plain tcp:0.0.0.0:1883",
	  "plain tcp:0.0.0.0:1883 needs allow-uid: which local users may be at its other "
	  "end, or any" },
	{ B "plain tcp:[::]:1883",
	  "plain tcp:[::]:1883 needs allow-uid: which local users may be at its other "
	  "end, or any" },
	{ B "plain tcp:[::ffff:0.0.0.0]:1883",
	  "plain tcp:[::ffff:0.0.0.0]:1883 needs allow-uid: which local users may be at its "
	  "other end, or any" },
	{ B "plain tcp:[::ffff:127.0.0.2]:1883",
	  "plain tcp:[::ffff:127.0.0.2]:1883 needs allow-uid: which local users may be at "
	  "its other end, or any" },
	{ A "plain tcp:0.0.0.0:1883 allow-uid 0",
	  "allow-uid cannot be told at plain tcp:0.0.0.0:1883, where other machines are; "
	  "a loopback address or allow-uid any is accepted" },
	{ A "plain tcp:192.0.2.9:1883",
	  "plain tcp:192.0.2.9:1883 lets other machines in unencrypted; allow-uid any says "
	  "that this is meant" },
	{ A "plain tcp:192.0.2.9:1883 allow-uid 0",
	  "allow-uid cannot be told at plain tcp:192.0.2.9:1883, where other machines are; "
	  "a loopback address or allow-uid any is accepted" },
	{ A "plain tcp:localhost:1883 allow-uid 0",
	  "plain \"tcp:localhost:1883\" holds no address; tcp:127.0.0.1:1883 or "
	  "tcp:[::1]:1883 is accepted" },
	{ A "plain tcp:127.0.0.1:1883 mode 0666",
	  "owner and mode are for plain unix:PATH; plain tcp: takes allow-uid" },
	{ A "holder-uid nobody-here",
	  "holder-uid \"nobody-here\" is no user of this machine; a user's name or "
	  "number, or none, is accepted" },
	{ A "holder-cgroup ''", "holder-cgroup is empty; /PATH of a control group is accepted" },
	{ A "holder-cgroup '/a\tb'", "holder-cgroup \"/a\\x09b\" has a control character; "
	  "/PATH of a control group is accepted" },
	{ A "holder-cgroup system.slice", CGROUP("system.slice") },
	{ A "holder-cgroup /", CGROUP("/") },
	{ A "holder-cgroup /a/", CGROUP("/a/") },
	{ A "holder-cgroup /a//b", CGROUP("/a//b") },
	{ A "holder-cgroup /a/../b", CGROUP("/a/../b") },
	{ A "holder-cgroup /./a", CGROUP("/./a") },
	{ A "plain unix:/x allow-uid 0",
	  "allow-uid is for plain tcp:ADDRESS:PORT; plain unix: takes owner and mode" },
	{ A "plain 'unix:/run/a\tb'", "plain \"unix:/run/a\\x09b\" has a control character; "
	  KINDS " is accepted" },
	{ A "owner 0", "owner, mode and allow-uid need plain " KINDS },
	{ A "owner nosuchuser",
	  "owner \"nosuchuser\" is no user of this machine; a user's name or number, "
	  "or none, is accepted" },
	{ A "mode 0999", "mode \"0999\" is not a file mode; octal 0 to 0777 is accepted" },
	{ A "plain unix:/x allow-uid any",
	  "allow-uid is for plain tcp:ADDRESS:PORT; plain unix: takes owner and mode" },
	{ A "allow-uid any",
	  "owner, mode and allow-uid need plain " KINDS },
	{ B "plain unix:/x mode 0666",
	  "mode is for role a, which makes the socket; role b connects to the backend's, "
	  "whose owner may be told" },
	{ A "proxy yes", "proxy is for role b, which tells its backend who connected" },
	{ A "proxy maybe", "proxy \"maybe\" is not known; yes or no is accepted" },
	{ A "authority a_b", "authority \"a_b\" is not a host name of letters, digits and "
	  "inner hyphens" },
	{ B "authority 192.0.2.1", "authority \"192.0.2.1\" is an address, which TLS has no "
	  "server names for; a host name is accepted" },
	{ A "start later", "start \"later\" is not known; manual, demand or auto is accepted" },
	{ A "selector", "selector has nothing after it; [tcp|udp] [local ADDRESS:PORT] "
	  "[remote ADDRESS:PORT] is accepted" },
	{ A "selector start auto",
	  "selector \"start\" is not known; [tcp|udp] [local ADDRESS:PORT] [remote "
	  "ADDRESS:PORT] is accepted" },
	{ A "selector local 192.0.2.1",
	  "local \"192.0.2.1\" is not ADDRESS[/PREFIX]:PORT[-PORT]; 192.0.2.0/24:8883, "
	  "[2001:db8::]/32:8883 or *:8883 is accepted" },
	{ A "selector local gate.example:1",
	  "local \"gate.example:1\" holds no address; an IPv4 or [IPv6] address or * is "
	  "accepted, names only as peer" },
	{ A "selector local 192.0.2.0/33:1",
	  "local \"192.0.2.0/33:1\" has a prefix that is not 0 to 32" },
	{ A "selector local 192.0.2.1/24:1",
	  "local \"192.0.2.1/24:1\" has bits set behind its prefix of 24" },
	{ A "selector local 192.0.2.1:9-8",
	  "local \"192.0.2.1:9-8\" has no port; 1 to 65535, FIRST-LAST or * is accepted" },
	{ A "selector local 192.0.2.1:1 remote [::1]:1",
	  "remote \"[::1]:1\" is of another family than the selector's other side" },
	{ A "rekey-after 0", "rekey-after 0 would do nothing else; leave it out to change keys by "
	  "records alone" },
	{ A "rekey-after 1y", "rekey-after \"1y\" is not a duration; 90, 90s, 30m, 12h, 7d or "
	  "1h30m is accepted" },
	{ A "limit", "limit has nothing after it; lifetime, idle, octets, records, bindings, "
	  "not-before, not-after, handshake-octets or handshake-time is accepted" },
	{ A "limit life 1h", "limit \"life\" is not known; lifetime, idle, octets, "
	  "records, bindings, not-before, not-after, handshake-octets or handshake-time "
	  "is accepted" },
	{ A "limit lifetime", "limit lifetime has no value after it" },
	{ A "limit lifetime 1y",
	  "lifetime \"1y\" is not a duration; 90, 90s, 30m, 12h, 7d or 1h30m is accepted" },
	{ A "limit lifetime 1h30",
	  "lifetime \"1h30\" is not a duration; 90, 90s, 30m, 12h, 7d or 1h30m is accepted" },
	{ A "limit idle 30m5m10",
	  "idle \"30m5m10\" is not a duration; 90, 90s, 30m, 12h, 7d or 1h30m is accepted" },
	{ A "limit octets 1G5",
	  "octets \"1G5\" is not a number of octets; a number with K, M, G or T (powers of "
	  "1024) or without is accepted" },
	{ A "limit lifetime 0", "lifetime 0 would let nothing pass; leave it out for no limit" },
	{ A "limit octets 1X", "octets \"1X\" is not a number of octets; a number with K, "
	  "M, G or T (powers of 1024) or without is accepted" },
	{ A "limit records 1023", "limit records 1023: 1024 to 23726566 are accepted, the most "
	  "that one key may protect" },
	{ A "limit records 23726567", "limit records 23726567: 1024 to 23726566 are accepted, "
	  "the most that one key may protect" },
	{ A "limit records 1K", "records \"1K\" is not a number; 0 to 4294967295 is accepted" },
	{ A "limit handshake-octets 8G",
	  "handshake-octets 8G is too large; less than 4G is accepted" },
	{ A "limit not-after 2027-02-30",
	  "not-after \"2027-02-30\" is not a time; 2027-01-01T00:00:00Z or 2027-01-01 (UTC, "
	  "after 1970) is accepted" },
	{ A "limit not-before 2027-01-01 not-after 2026-01-01",
	  "limit not-before is not earlier than not-after: nothing could ever bind" },
};

/* Splits as kpc_line_read() does, which has its own test. */
static int split(const char *words, char *buffer, char **argv)
{
	char text[1024];
	struct kpc_line line;
	unsigned int number = 0;
	FILE *memory;
	int count;

	snprintf(text, sizeof(text), "%s\n", words);
	memory = fmemopen(text, strlen(text), "r");
	if (kpc_line_read(memory, &number, &line, NULL) != 1) {
		fclose(memory);
		return 0;
	}
	fclose(memory);
	for (count = 0; count < line.count; count++) {
		argv[count] = buffer;
		buffer = stpcpy(buffer, line.words[count]) + 1;
	}
	kpc_line_free(&line);
	return count;
}

static int parse(const char *words, struct kpc_association *association,
		 struct kpc_error *err)
{
	char buffer[1024];
	char *argv[128];
	int argc = split(words, buffer, argv);

	err->text[0] = '\0';
	return kpc_association_parse(association, argc, argv, err);
}

static char *print(const struct kpc_association *association)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	kpc_association_format(memory, association, 0);
	fclose(memory);
	return text;
}

static void check_good(const char *words, const char *printed)
{
	static struct kpc_association again;
	static struct kpc_association association;
	struct kpc_error err;
	char *text;
	int ret;

	ret = parse(words, &association, &err);
	if (!tap_ok(!ret, "reads: %s", words)) {
		tap_note("refused: %s", err.text);
		return;
	}
	text = print(&association);
	if (!tap_ok(!strcmp(text, printed), "prints it back"))
		tap_note("printed: %s", text);
	ret = parse(text, &again, &err);
	tap_ok(!ret && !memcmp(&association, &again, sizeof(again)),
	       "reads its own print as the same association");
	free(text);
}

static void check_bad(const char *words, const char *sentence)
{
	static struct kpc_association association;
	struct kpc_error err;
	int ret;

	ret = parse(words, &association, &err);
	if (!tap_ok(ret == -EINVAL && !strcmp(err.text, sentence),
		    "refuses: %s", *words ? words : "nothing at all")) {
		tap_note("returned %d, said: %s", ret, err.text);
		tap_note("expected: %s", sentence);
	}
}

static void check_defaults(void)
{
	static struct kpc_association association;
	struct kpc_error err;

	parse(A, &association, &err);
	tap_ok(association.role == KPC_ROLE_A && !association.mark &&
	       association.versions == KPC_VERSION_FLAGS_TLS13 &&
	       association.offload == KPC_OFFLOAD_REQUIRE &&
	       association.agent.start == KPC_START_MANUAL &&
	       association.agent.mode == 0600 && !association.selector_count,
	       "defaults: modern, TLS 1.3, offload require, start manual, mode 0600, no mark");
	tap_ok(association.id_a.kind == KPC_KIND_AE &&
	       association.id_b.kind == KPC_KIND_CSE,
	       "T3: a form that only one kind has needs no kind");
}

static void check_derived(void)
{
	static struct kpc_association association;
	const struct kpc_selector *selector = &association.selectors[0];
	struct kpc_error err;

	parse(A "peer 192.0.2.1:8883", &association, &err);
	tap_ok(association.selector_count == 1 &&
	       selector->protocol == IPPROTO_TCP &&
	       selector->family == AF_INET && selector->remote.prefix == 32 &&
	       selector->remote.port_min == 8883 &&
	       selector->remote.port_max == 8883 && !selector->local.prefix &&
	       !selector->resolved, "a literal peer is a selector");
	parse(A "peer gate.example:8883", &association, &err);
	tap_ok(!association.selector_count,
	       "a peer's name is none: the agent resolves it");
	parse(B "listen [::]:8883", &association, &err);
	tap_ok(association.selector_count == 1 &&
	       selector->family == AF_UNSPEC && !selector->local.prefix &&
	       selector->local.port_min == 8883,
	       "a listener on [::] protects the port for IPv4 too");
	parse(B "listen 0.0.0.0:8883", &association, &err);
	tap_ok(association.selector_count == 1 && selector->family == AF_INET,
	       "one on 0.0.0.0 protects it for IPv4");
	parse(A "versions tls1.3,dtls1.2 offload prefer peer 192.0.2.1:1",
	      &association, &err);
	tap_ok(association.selector_count == 2 &&
	       selector[0].protocol == IPPROTO_TCP &&
	       selector[1].protocol == IPPROTO_UDP,
	       "TLS and DTLS have a selector each");
}

static void check_quotes(void)
{
	static const struct {
		const char *word;
		const char *quoted;
	} rows[] = {
		{ "plain-word_1.2:3/4@x", "plain-word_1.2:3/4@x" },
		{ "", "''" },
		{ "two words", "'two words'" },
		{ "a\\b", "'a\\b'" },
		{ "don't", "\"don't\"" },
		{ "it's \"$x\" `y` \\", "\"it's \\\"\\$x\\\" \\`y\\` \\\\\"" },
		{ "#no", "'#no'" },
	};
	char buffer[256];
	char *argv[8];
	size_t size;
	FILE *memory;
	char *text;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		memory = open_memstream(&text, &size);
		kpc_quote(memory, rows[i].word, strlen(rows[i].word));
		fclose(memory);
		if (!tap_ok(!strcmp(text, rows[i].quoted) &&
			    split(text, buffer, argv) == 1 &&
			    !strcmp(argv[0], rows[i].word),
			    "quotes and reads back: %s", rows[i].quoted))
			tap_note("quoted: %s", text);
		free(text);
	}
}

int main(void)
{
	size_t i;

	tap_begin();
	check_defaults();
	check_derived();
	check_quotes();
	for (i = 0; i < COUNT(good); i++)
		check_good(good[i].words, good[i].printed ? good[i].printed :
			   good[i].words);
	for (i = 0; i < COUNT(bad); i++)
		check_bad(bad[i].words, bad[i].sentence);
	return tap_end();
}
