// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an application takes from the agent, and how it speaks on what it got:
 * the message's form and its bad forms, who may have sent it, and ends that are
 * in order or not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kpc/app.h>
#include <kpc/records.h>
#include <kpc/suite.h>

#include "../tap.h"

#define HEAD	"kpc-hand-over 1\n"
#define REST	"association pump\nkpc-id pump@example.org\nid-a //a.example/cse\n" \
		"id-b //b.example/cse\nrole b\nversion tls1.3\nsuite TLS_AES_128_GCM_SHA256\n"
#define TLS	HEAD "socket tls\n" REST
#define PAIR	HEAD "socket pair\n" REST

static struct kpc_binding pump(void)
{
	struct kpc_binding pump = {
		.id = 18446744073709551615ULL,
		.association = "pump",
		.id_a = "//a.example/cse",
		.id_b = "//b.example/cse",
		.role = KPC_ROLE_B,
		.mark = 0x4b500001,
		.version = KPC_VERSION_TLS13,
		.suite = 0x1301,
		.remote = { AF_INET, { 192, 0, 2, 9 }, 40000 },
	};

	kpc_kpcid_set(&pump.kpc_id, "p\xc3\xbcmp \\1", 8);
	return pump;
}

static void check_form(void)
{
	static const char text[] = TLS;
	char message[KPC_APP_MESSAGE_MAX];
	struct kpc_binding told = pump(), read;
	struct kpc_error err = { "" };
	enum kpc_app_socket socket;
	ssize_t length;

	length = kpc_app_message_format(message, KPC_APP_PAIR, &told);
	tap_ok(length > 0 && !strcmp(message, HEAD "socket pair\nassociation pump\n"
	       "kpc-id p\\xc3\\xbcmp\\x20\\\\1\nid-a //a.example/cse\nid-b //b.example/cse\n"
	       "role b\nversion tls1.3\nsuite TLS_AES_128_GCM_SHA256\nmark 0x4b500001\n"
	       "peer 192.0.2.9:40000\nbinding 18446744073709551615\n"),
	       "the message is what kpc_app(3) shows");
	tap_ok(!kpc_app_message_parse(message, length, &socket, &read, &err) &&
	       socket == KPC_APP_PAIR && !memcmp(&read, &told, sizeof(told)),
	       "and reads back");
	told.records = UINT32_MAX;

	memset(told.id_a + 1, 'a', KPC_IDENTITY_MAX - 1);
	memset(told.id_b + 1, 'b', KPC_IDENTITY_MAX - 1);
	memset(told.association, 'n', KPC_NAME_MAX);
	/* Printed as \x7f, each. */
	memset(told.kpc_id.octets, 0xc3, KPC_KPCID_ENTRY_MAX);
	for (int i = 1; i < KPC_KPCID_ENTRY_MAX; i += 2)
		told.kpc_id.octets[i] = 0xbc;
	told.kpc_id.len = KPC_KPCID_ENTRY_MAX;
	told.remote.family = AF_INET6;
	memset(told.remote.octets, 0xfe, 16);
	length = kpc_app_message_format(message, KPC_APP_TLS, &told);
	tap_ok(length > 0 && length < KPC_APP_MESSAGE_MAX &&
	       !kpc_app_message_parse(message, length, &socket, &read, &err) &&
	       socket == KPC_APP_TLS && !memcmp(&read, &told, sizeof(told)),
	       "the longest fits and reads back (%zd octets) %s", length, err.text);

	tap_ok(!kpc_app_message_parse(text, strlen(text), &socket, &read, &err) && !read.id &&
	       !read.mark && !read.remote.family, "mark, peer and binding may be missing");
	tap_ok(!kpc_app_message_parse(TLS "colour blue\n", strlen(TLS "colour blue\n"), &socket,
				      &read, &err), "a word of a later version is passed over");
	told = pump();
	told.kpc_id.len = 0;
	tap_ok(kpc_app_message_format(message, KPC_APP_TLS, &told) == -EINVAL,
	       "without a KpcId there is no message");
	length = kpc_app_message_refuse(message, "no\nway");
	tap_ok(kpc_app_message_parse(message, length, &socket, &read, &err) == -ECONNREFUSED &&
	       !strcmp(err.text, "no\\x0away"), "a refusal has its sentence: %s", err.text);
}

static const struct {
	const char *text;
	int error;
	const char *sentence;
} bad[] = {
	{ "\n", -EPROTO,
	  "what came is no message of the agent; it begins with \"kpc-hand-over 1\"" },
	{ "hello\n", -EPROTO,
	  "what came is no message of the agent; it begins with \"kpc-hand-over 1\"" },
	{ "kpc-hand-over 2\n", -EPROTONOSUPPORT,
	  "the agent's message is of version 2; 1 is accepted" },
	{ "kpc-hand-over 1x\n", -EPROTO,
	  "what came is no message of the agent; it begins with \"kpc-hand-over 1\"" },
	{ HEAD, -EPROTO, "the agent's message has no socket" },
	{ HEAD REST, -EPROTO, "the agent's message has no socket" },
	{ TLS "role b\n", -EPROTO, "the agent's message has role twice" },
	{ TLS "\n", -EPROTO,
	  "the agent's message has the line \"\", which is no word and its value" },
	{ TLS "mark\n", -EPROTO,
	  "the agent's message has the line \"mark\", which is no word and its value" },
	{ TLS "mark\x20\n", -EPROTO,
	  "the agent's message has the line \"mark \", which is no word and its value" },
	{ TLS "mark 0\n", -EPROTO, "the agent's message has mark \"0\"" },
	{ TLS "mark 0x100000000\n", -EPROTO, "the agent's message has mark \"0x100000000\"" },
	{ TLS "records 0\n", -EPROTO, "the agent's message has records \"0\"" },
	{ TLS "binding -1\n", -EPROTO, "the agent's message has binding \"-1\"" },
	{ TLS "peer pump.example:1\n", -EPROTO,
	  "the agent's message has peer \"pump.example:1\"" },
	{ TLS "mark 1", -EPROTO, "the agent's message does not end at the end of a line" },
	{ TLS "mark 1\t\n", -EPROTO,
	  "the agent's message has octet 0x09 at 167, which is no text" },
	{ HEAD "socket udp\n" REST, -EPROTO, "the agent's message has socket \"udp\"" },
	{ HEAD "role c\n", -EPROTO, "the agent's message has role \"c\"" },
	{ HEAD "version dtls1.2\n", -EPROTO, "the agent's message has version \"dtls1.2\"" },
	{ HEAD "suite RC4\n", -EPROTO, "the agent's message has suite \"RC4\"" },
	{ HEAD "kpc-id a\\x1\n", -EPROTO, "the agent's message has kpc-id \"a\\x1\"" },
	{ HEAD "association "
	  "0123456789012345678901234567890123456789012345678901234567890123\n", -EPROTO,
	  "the agent's message has association \""
	  "0123456789012345678901234567890123456789012345678901234567890123\"" },
};

static void check_bad(void)
{
	char large[KPC_APP_MESSAGE_MAX + 1];
	enum kpc_app_socket socket;
	struct kpc_binding read;
	struct kpc_error err;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err.text[0] = '\0';
		ret = kpc_app_message_parse(bad[i].text, strlen(bad[i].text), &socket, &read,
					    &err);
		tap_ok(ret == bad[i].error && !strcmp(err.text, bad[i].sentence),
		       "refused: %s", bad[i].sentence);
		if (ret != bad[i].error || strcmp(err.text, bad[i].sentence))
			tap_note("%d %s", ret, err.text);
	}
	memset(large, '\n', sizeof(large));
	tap_ok(kpc_app_message_parse(large, sizeof(large), &socket, &read, &err) == -EPROTO,
	       "refused: %s", err.text);
	tap_ok(kpc_app_message_parse(HEAD "\0", sizeof(HEAD), &socket, &read, &err) == -EPROTO,
	       "refused: %s", err.text);
}

/* Sends text with copies of descriptors, as the agent does. */
static void say(int to, const char *text, const int *fds, size_t count)
{
	char control[CMSG_SPACE(16 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec part = { (void *)text, strlen(text) };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *at = (struct cmsghdr *)control;

	if (count) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		at->cmsg_level = SOL_SOCKET;
		at->cmsg_type = SCM_RIGHTS;
		at->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(at), fds, count * sizeof(int));
	}
	if (sendmsg(to, &msg, 0) < 0)
		tap_note("sendmsg: %s", strerror(errno));
}

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static const struct {
	const char *what;
	const char *text;
	size_t fds;
	unsigned int take;
	bool passcred;
	int error;
	const char *sentence;
} arrivals[] = {
	{ "a pair", PAIR, 1, KPC_APP_TAKE_PAIR, true, 0, "" },
	{ "what no module vouches for", TLS, 1, KPC_APP_TAKE_UNBOUND, false, 0, "" },
	{ "a pair that is not wanted", PAIR, 1, KPC_APP_TAKE_UNBOUND, true, -EOPNOTSUPP,
	  "the agent has a socket pair, and this program takes the connection's own socket only" },
	{ "a pair of an unknown sender", PAIR, 1, KPC_APP_TAKE_PAIR, false, -EPERM,
	  "who sent a socket pair cannot be told: SO_PASSCRED was not set in time" },
	{ "what no module vouches for, unasked", TLS, 1, KPC_APP_TAKE_PAIR, true, -EPERM,
	  "the socket is of an agent without the module, which nothing vouches for" },
	{ "a message without a socket", PAIR, 0, KPC_APP_TAKE_PAIR, true, -EPROTO,
	  "the agent's message came with 0 sockets instead of one" },
	{ "a message with two", PAIR, 2, KPC_APP_TAKE_PAIR, true, -EPROTO,
	  "the agent's message came with 2 sockets instead of one" },
	{ "a message with too many", PAIR, 16, KPC_APP_TAKE_PAIR, true, -EPROTO,
	  "the agent's message is longer than one can be" },
	{ "a message with too many, of an unknown sender", TLS, 16, KPC_APP_TAKE_UNBOUND, false,
	  -EPROTO, "the agent's message is longer than one can be" },
	{ "a refusal", HEAD "error there is none\n", 0, KPC_APP_TAKE_PAIR, true, -ECONNREFUSED,
	  "there is none" },
	{ "a refusal with a socket", HEAD "error there is none\n", 1, KPC_APP_TAKE_PAIR, true,
	  -ECONNREFUSED, "there is none" },
};

static void check_arrivals(void)
{
	int ends[2], pair[2], fds[16], before, after, on = 1, ret;
	struct kpc_error err;
	struct kpc_app app;
	size_t i, j;

	for (i = 0; i < sizeof(arrivals) / sizeof(*arrivals); i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) ||
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
			return;
		for (j = 0; j < 16; j++)
			fds[j] = pair[0];
		if (arrivals[i].passcred)
			setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
		before = descriptors();
		say(ends[1], arrivals[i].text, fds, arrivals[i].fds);
		err.text[0] = '\0';
		ret = kpc_app_receive(ends[0], arrivals[i].take, &app, &err);
		if (!ret) {
			tap_ok(!(fcntl(app.fd, F_GETFL) & O_NONBLOCK) &&
			       fcntl(app.fd, F_GETFD) == FD_CLOEXEC,
			       "the socket waits, and is closed on exec");
			kpc_app_abort(&app);
		}
		after = descriptors();
		tap_ok(ret == arrivals[i].error && !strcmp(err.text, arrivals[i].sentence) &&
		       app.fd == -1 && after == before, "%s: %s", arrivals[i].what,
		       ret ? err.text : "taken");
		if (after != before)
			tap_note("%d descriptors before, %d after", before, after);
		close(pair[0]);
		close(pair[1]);
		close(ends[0]);
		close(ends[1]);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		return;
	close(ends[1]);
	tap_ok(kpc_app_receive(ends[0], 0, &app, &err) == -ECONNREFUSED, "an end: %s", err.text);
	close(ends[0]);
}

static struct kpc_app app_of(int fd, enum kpc_app_socket socket, uint16_t suite)
{
	return (struct kpc_app){
		.fd = fd, .socket = socket,
		.identity = { .version = KPC_VERSION_TLS13, .suite = suite },
	};
}

static void check_pair(void)
{
	struct kpc_error err = { "" };
	struct kpc_app app;
	char octets[8];
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return;
	app = app_of(ends[0], KPC_APP_PAIR, 0x1301);
	tap_ok(kpc_recv(&app, octets, 0, &err) == -EINVAL, "no room: %s", err.text);
	tap_ok(kpc_send(&app, "ask", 3, &err) == 3 && !kpc_app_shutdown(&app, &err) &&
	       read(ends[1], octets, sizeof(octets)) == 3 &&
	       read(ends[1], octets, sizeof(octets)) == 0, "half-closed behind what was sent");
	tap_ok(kpc_send(&app, "ask", 3, &err) == -EPIPE, "nothing goes out after that: %s",
	       err.text);
	tap_ok(write(ends[1], "tell", 4) == 4 &&
	       kpc_recv(&app, octets, sizeof(octets), &err) == 4, "receiving goes on");
	shutdown(ends[1], SHUT_WR);
	tap_ok(!kpc_recv(&app, octets, 1, &err) && !kpc_recv(&app, octets, 1, &err),
	       "the end is told again");
	tap_ok(!kpc_app_close(&app, &err) && app.fd == -1, "closed in order");
	close(ends[1]);
}

/* A UNIX socket in place of kernel TLS: alerts are seen as they would be sent. */
static void check_records(void)
{
	const uint64_t last = KPC_RECORDS_LAST(KPC_RECORDS_MAX);
	static const uint8_t close_notify[2] = { 1, 0 };
	struct kpc_error err = { "" };
	uint8_t octets[8];
	struct kpc_app app;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return;
	app = app_of(ends[0], KPC_APP_TLS, 0x1301);
	app.records = last - 1;
	tap_ok(kpc_send(&app, "last", 4, &err) == 4 && app.records == last,
	       "the last record that a key may protect");
	tap_ok(kpc_send(&app, "over", 4, &err) == -EKEYEXPIRED &&
	       kpc_send(&app, "over", 4, &err) == -EKEYEXPIRED, "one more: %s", err.text);
	tap_ok(read(ends[1], octets, sizeof(octets)) == 6 &&
	       !memcmp(octets + 4, close_notify, 2), "the far end is told once that it was all");
	tap_ok(write(ends[1], "more", 4) == 4 && kpc_recv(&app, octets, 8, &err) == 4,
	       "receiving goes on");
	close(ends[1]);
	tap_ok(kpc_recv(&app, octets, 8, &err) == -ECONNRESET &&
	       !strcmp(err.text, "the far end hung up without close_notify"), "cut off: %s",
	       err.text);
	tap_ok(kpc_recv(&app, octets, 8, &err) == -ECONNRESET &&
	       kpc_send(&app, "x", 1, &err) == -ECONNRESET &&
	       kpc_app_close(&app, &err) == -ECONNRESET, "and told again: %s", err.text);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return;
	app = app_of(ends[0], KPC_APP_TLS, 0x1303);
	app.records = KPC_RECORDS_LAST(KPC_RECORDS_MAX);
	tap_ok(kpc_send(&app, "on", 2, &err) == 2, "ChaCha20-Poly1305 goes on");
	close(ends[1]);
	kpc_app_abort(&app);
}

int main(void)
{
	tap_begin();
	check_form();
	check_bad();
	check_arrivals();
	check_pair();
	check_records();
	return tap_end();
}
