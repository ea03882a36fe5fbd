// SPDX-License-Identifier: MIT
/*
 * Speaks through the netlink session of a running worker, as someone who has
 * taken the worker over would: registers a socket of its own, connects it,
 * installs kernel TLS keys of its own choice and asks for a binding.
 *
 * usage: tool_stolen_session WORKER-PID ASSOCIATION ADDRESS PORT
 *
 * Prints as JSON how far that went. The worker is stopped meanwhile, so that it
 * does not take the answers away.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/sha.h>

#include <kpc/nl.h>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, option, &value, &len))
		return -1;
	return value;
}

/* A copy of the worker's generic netlink socket, or -1. */
static int steal_session(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	int pidfd, fd = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (!dir || pidfd < 0)
		goto out;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		fd = syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);
		if (fd >= 0 && socket_option(fd, SO_DOMAIN) == AF_NETLINK &&
		    socket_option(fd, SO_PROTOCOL) == NETLINK_GENERIC)
			break;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
out:
	if (dir)
		closedir(dir);
	if (pidfd >= 0)
		close(pidfd);
	return fd;
}

static int install_keys(int fd)
{
	struct tls12_crypto_info_aes_gcm_128 keys = {
		.info = {
			.version = TLS_1_3_VERSION,
			.cipher_type = TLS_CIPHER_AES_GCM_128,
		},
	};

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) ||
	    setsockopt(fd, SOL_TLS, TLS_TX, &keys, sizeof(keys)) ||
	    setsockopt(fd, SOL_TLS, TLS_RX, &keys, sizeof(keys)))
		return -errno;
	return 0;
}

/* The digest of the keys above, as <linux/kpc.h> has it. */
static void key_digest(uint8_t *digest)
{
	uint8_t octets[2 + 2 + TLS_CIPHER_AES_GCM_128_KEY_SIZE +
		       TLS_CIPHER_AES_GCM_128_SALT_SIZE] = {
		TLS_1_3_VERSION >> 8, TLS_1_3_VERSION & 0xff,
		TLS_CIPHER_AES_GCM_128 >> 8, TLS_CIPHER_AES_GCM_128 & 0xff,
	};

	SHA256(octets, sizeof(octets), digest);
}

/* Prints text as a JSON string; the kernel's sentences are plain. */
static void print_string(const char *name, const char *text)
{
	printf(", \"%s\": \"", name);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct kpc_error err = { 0 };
	struct kpc_association_state state;
	struct kpc_association known;
	struct kpc_nl own, stolen;
	struct kpc_bind bind = { 0 };
	int fd, session, ret;
	pid_t pid;

	if (argc != 5 || inet_pton(AF_INET, argv[3], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: %s WORKER-PID ASSOCIATION ADDRESS PORT\n", argv[0]);
		return 2;
	}
	pid = atoi(argv[1]);
	to.sin_port = htons(atoi(argv[4]));

	ret = kpc_nl_open(&own, &err) ?:
	      kpc_nl_association_get(&own, argv[2], &known, &state, &err);
	if (ret) {
		fprintf(stderr, "%s: %s\n", argv[0], err.text);
		return 1;
	}
	if (kill(pid, SIGSTOP)) {
		perror("stop the worker");
		return 1;
	}
	session = steal_session(pid);
	ret = session < 0 ? -ENOENT : kpc_nl_adopt(&stolen, session, &own.family);
	printf("{\"session\": %s", ret ? "false" : "true");
	if (ret)
		goto out;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ret = kpc_nl_handshake_new(&stolen, fd, argv[2], state.id, &err);
	printf(", \"registered\": %s", ret ? "false" : "true");
	if (ret)
		print_string("handshake", err.text);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		print_string("connect", strerror(errno));
	ret = install_keys(fd);
	printf(", \"installed\": %s", ret ? "false" : "true");

	key_digest(digest);
	bind = (struct kpc_bind) {
		.fd = fd,
		.association = argv[2],
		.association_id = state.id,
		.carrier = KPC_CARRIER_KERNEL,
		.version = TLS_1_3_VERSION,
		.suite = 0x1301,
		.tx_digest = digest,
		.rx_digest = digest,
	};
	ret = kpc_nl_binding_new(&stolen, &bind, NULL, &err);
	print_string("bind", ret ? err.text : "accepted");
	printf(", \"error\": %d", -ret);
	ret = 0;
out:
	puts("}");
	kill(pid, SIGCONT);
	return !!ret;
}
