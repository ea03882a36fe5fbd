// SPDX-License-Identifier: LGPL-2.1-or-later
/* Hands traffic keys to the kernel, and its control records back and forth. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <kpc/ktls.h>
#include <kpc/suite.h>

#include "secrets_internal.h"

#include "internal.h"

/* RFC 5246 7.2, 7.2.2: no error, the connection goes on or ends in order. */
static const uint8_t warnings[] = {
	KPC_ALERT_CLOSE_NOTIFY, KPC_ALERT_USER_CANCELED, KPC_ALERT_NO_RENEGOTIATION,
};

static const int options[] = {
	[KPC_KTLS_TX] = TLS_TX,
	[KPC_KTLS_RX] = TLS_RX,
};

int kpc_ktls_prepare(int fd)
{
	if (!setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")))
		return 0;
	return errno == EEXIST ? 0 : -errno;
}

int kpc_ktls_probe(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int code;

	if (fd < 0)
		return -errno;
	code = kpc_ktls_prepare(fd);
	close(fd);
	return code == -ENOTCONN ? 0 : code;
}

int kpc_ktls_rekey(int fd, enum kpc_ktls_direction direction,
		   const struct kpc_traffic *traffic)
{
	return setsockopt(fd, SOL_TLS, options[direction], &traffic->info, traffic->len) ?
	       -errno : 0;
}

bool kpc_ktls_rekeys(int fd)
{
	struct kpc_traffic other = { .info = {
		.version = TLS_1_2_VERSION,
		.cipher_type = TLS_CIPHER_AES_GCM_128,
	} };

	other.len = sizeof(other.aes_gcm_128);
	return kpc_ktls_rekey(fd, KPC_KTLS_TX, &other) == -EINVAL;
}

int kpc_ktls_install(int fd, const struct kpc_traffic *tx, const struct kpc_traffic *rx,
		     struct kpc_error *err)
{
	int code, yes = 1;

	code = kpc_ktls_rekey(fd, KPC_KTLS_TX, tx);
	if (code)
		return kpc_error_return(err, code == -EBUSY ? code : -EOPNOTSUPP,
					"the kernel refuses the keys for sending: %s",
					code == -ENOENT ? "it has no such cipher" :
							  strerror(-code));
	code = kpc_ktls_rekey(fd, KPC_KTLS_RX, rx);
	if (code)
		return kpc_error_return(err, code == -EOPNOTSUPP ? -EIO : code,
					"the kernel refuses the keys for receiving: %s",
					strerror(-code));
	/* Saves a copy per record; kernels before 6.0 do without. */
	if (rx->info.version == TLS_1_3_VERSION)
		setsockopt(fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &yes, sizeof(yes));
	return 0;
}

int kpc_ktls_records(int fd, enum kpc_ktls_direction direction, uint16_t suite,
		     uint64_t *records)
{
	const struct kpc_suite *found = kpc_suite_by_code(suite);
	const struct kpci_cipher *cipher = found ? kpci_cipher(found->cipher_type) : NULL;
	struct kpc_traffic traffic = { 0 };
	socklen_t len;
	int code;

	if (!cipher)
		return -EINVAL;
	traffic.info.version = found->version;
	traffic.info.cipher_type = cipher->type;
	len = cipher->len;
	/* The number comes with the key, which is not kept. */
	code = getsockopt(fd, SOL_TLS, options[direction], &traffic.info, &len) ? -errno : 0;
	if (!code)
		memcpy(records, (const uint8_t *)&traffic + cipher->sequence, sizeof(*records));
	*records = be64toh(*records);
	kpc_traffic_wipe(&traffic);
	return code;
}

void kpc_ktls_cmsg_set(struct msghdr *msg, void *buf, uint8_t type)
{
	struct cmsghdr *cmsg;

	memset(buf, 0, KPC_KTLS_CMSG_LEN);
	msg->msg_control = buf;
	msg->msg_controllen = KPC_KTLS_CMSG_LEN;
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(sizeof(type));
	*CMSG_DATA(cmsg) = type;
	msg->msg_controllen = cmsg->cmsg_len;
}

uint8_t kpc_ktls_cmsg_get(const struct msghdr *msg)
{
	struct msghdr *walk = (struct msghdr *)msg;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(walk); cmsg; cmsg = CMSG_NXTHDR(walk, cmsg))
		if (cmsg->cmsg_level == SOL_TLS && cmsg->cmsg_type == TLS_GET_RECORD_TYPE)
			return *CMSG_DATA(cmsg);
	return KPC_RECORD_DATA;
}

int kpci_control_send(int fd, uint8_t type, const void *octets, size_t len, int flags)
{
	char buf[KPC_KTLS_CMSG_LEN] __attribute__((aligned(sizeof(size_t))));
	struct iovec iov = { .iov_base = (void *)octets, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	kpc_ktls_cmsg_set(&msg, buf, type);
	sent = sendmsg(fd, &msg, MSG_NOSIGNAL | flags);
	if (sent < 0)
		return -errno;
	return (size_t)sent == len ? 0 : -EIO;
}

int kpc_ktls_alert_send(int fd, uint8_t alert)
{
	uint8_t octets[] = { KPC_ALERT_FATAL, alert };

	if (memchr(warnings, alert, sizeof(warnings)))
		octets[0] = KPC_ALERT_WARNING;
	return kpci_control_send(fd, KPC_RECORD_ALERT, octets, sizeof(octets), MSG_DONTWAIT);
}

int kpc_ktls_key_update_send(int fd, int request)
{
	uint8_t octets[] = { 24, 0, 0, 1, request ? 1 : 0 };

	return kpci_control_send(fd, KPC_RECORD_HANDSHAKE, octets, sizeof(octets),
				 MSG_DONTWAIT);
}
