// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How an application gets a connection from the agent, and what it believes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <kpc/app.h>

/*
 * For what comes beside a message: a descriptor, and who has sent it. Without the
 * latter there is room for more, which are taken only to be closed.
 */
#define CONTROL		(CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred)))
#define DESCRIPTORS	((CONTROL - CMSG_LEN(0)) / sizeof(int))

/* What the agent takes from coming to an application to its message, amply. */
#define SILENCE_MS	5000

/**
 * struct arrival - a message as it came
 * @text: its octets
 * @length: how many
 * @fds: descriptors beside it
 * @count: how many
 * @has_sender: @uid was told by the kernel
 * @uid: who sent it
 */
struct arrival {
	char text[KPC_APP_MESSAGE_MAX];
	size_t length;
	int fds[DESCRIPTORS];
	size_t count;
	bool has_sender;
	uid_t uid;
};

/* The agent is root's; one that is tried out is this user's own. */
static bool trusted(uid_t uid)
{
	return !uid || uid == geteuid();
}

static int check_peer(int fd, struct kpc_error *err)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length))
		return kpc_error_return(err, -errno, "who is at the other end cannot be told: %s",
					strerror(errno));
	if (trusted(peer.uid))
		return 0;
	return kpc_error_return(err, -EPERM,
				"uid %u is at the other end; the agent is root or uid %u", peer.uid,
				geteuid());
}

static void take_control(struct arrival *in, struct msghdr *msg)
{
	struct cmsghdr *at;
	struct ucred sender;

	for (at = CMSG_FIRSTHDR(msg); at; at = CMSG_NXTHDR(msg, at)) {
		if (at->cmsg_level != SOL_SOCKET)
			continue;
		if (at->cmsg_type == SCM_RIGHTS) {
			in->count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(in->fds, CMSG_DATA(at), in->count * sizeof(int));
		} else if (at->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&sender, CMSG_DATA(at), sizeof(sender));
			in->has_sender = true;
			in->uid = sender.uid;
		}
	}
}

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* A signal neither ends this nor makes it longer. */
static int await(int from, struct kpc_error *err)
{
	int64_t until = clock_ms() + SILENCE_MS, left = SILENCE_MS;
	struct pollfd at = { .fd = from, .events = POLLIN };
	int ready;

	do {
		ready = poll(&at, 1, left);
		left = until - clock_ms();
	} while (ready < 0 && errno == EINTR && left > 0);
	if (ready > 0)
		return 0;
	return ready < 0 && errno != EINTR ?
		kpc_error_return(err, -errno, "waiting for the agent: %s", strerror(errno)) :
		kpc_error_return(err, -ETIMEDOUT, "the agent came, and said nothing for %d s",
				 SILENCE_MS / 1000);
}

static int arrive(struct arrival *in, int from, struct kpc_error *err)
{
	union {
		struct cmsghdr head;
		char room[CONTROL];
	} control;
	struct iovec part = { in->text, sizeof(in->text) };
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(from, &msg, MSG_CMSG_CLOEXEC);

	if (got < 0)
		return kpc_error_return(err, -errno, "receiving from the agent: %s",
					strerror(errno));
	take_control(in, &msg);
	in->length = got;
	if (!got)
		return kpc_error_return(err, -ECONNREFUSED,
					"the agent hung up without a word; its log has the reason");
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return kpc_error_return(err, -EPROTO,
					"the agent's message is longer than one can be");
	return 0;
}

/* What the module says of it is what counts; a worker might say anything. */
static int check_tls(struct kpc_app *app, unsigned int take, struct kpc_error *err)
{
	const struct kpc_binding *told = &app->identity;
	struct kpc_binding bound;
	int ret;

	if (!told->id && take & KPC_APP_TAKE_UNBOUND)
		return 0;
	if (!told->id)
		return kpc_error_return(err, -EPERM,
					"the socket is of an agent without the module, which nothing vouches for");
	ret = kpc_peer(app->fd, &bound, err);
	if (ret)
		return ret == -ENOENT ? -EPERM : ret;
	if (bound.id != told->id || strcmp(bound.association, told->association) ||
	    !kpc_kpcid_equal(&bound.kpc_id, &told->kpc_id) ||
	    strcmp(bound.id_a, told->id_a) || strcmp(bound.id_b, told->id_b) ||
	    bound.role != told->role || bound.version != told->version ||
	    bound.suite != told->suite)
		return kpc_error_return(err, -EPERM,
					"the agent says that the socket is of %s, and the module that it is of %s",
					told->association, bound.association);
	if (bound.carrier != KPC_CARRIER_KERNEL)
		return kpc_error_return(err, -EPERM,
					"the agent carries the records of %s, and what is sent on its socket would be in the clear",
					bound.association);
	/* A smaller number than the module's ends sooner, a larger one nothing. */
	bound.records = told->records;
	app->identity = bound;
	return 0;
}

/* Nothing but its sender vouches for a pair, so a worker's word will not do. */
static int check_pair(const struct arrival *in, unsigned int take, struct kpc_error *err)
{
	if (!(take & KPC_APP_TAKE_PAIR))
		return kpc_error_return(err, -EOPNOTSUPP,
					"the agent has a socket pair, and this program takes the connection's own socket only");
	if (in->has_sender && trusted(in->uid))
		return 0;
	return kpc_error_return(err, -EPERM, in->has_sender ?
				"a socket pair came from uid %u, which is not the agent's" :
				"who sent a socket pair cannot be told: SO_PASSCRED was not set in time",
				in->uid);
}

static int make_wait(int fd, struct kpc_error *err)
{
	int flags = fcntl(fd, F_GETFL);

	/* It may be of a worker that does not wait. */
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK))
		return kpc_error_return(err, -errno, "the socket's flags: %s", strerror(errno));
	return 0;
}

static int take_arrival(const struct arrival *in, unsigned int take, struct kpc_app *app,
			struct kpc_error *err)
{
	int ret;

	ret = kpc_app_message_parse(in->text, in->length, &app->socket, &app->identity, err);
	if (ret)
		return ret;
	if (in->count != 1)
		return kpc_error_return(err, -EPROTO,
					"the agent's message came with %zu sockets instead of one",
					in->count);
	app->fd = in->fds[0];
	ret = app->socket == KPC_APP_TLS ? check_tls(app, take, err) :
					   check_pair(in, take, err);
	return ret ? ret : make_wait(app->fd, err);
}

static int take_from(int from, bool patient, unsigned int take, struct kpc_app *app,
		     struct kpc_error *err)
{
	struct arrival in = { .count = 0 };
	size_t i;
	int ret;

	memset(app, 0, sizeof(*app));
	app->fd = -1;
	ret = check_peer(from, err);
	if (!ret && !patient)
		ret = await(from, err);
	if (!ret)
		ret = arrive(&in, from, err);
	if (!ret)
		ret = take_arrival(&in, take, app, err);
	if (!ret)
		return 0;
	for (i = 0; i < in.count; i++)
		close(in.fds[i]);
	app->fd = -1;
	return ret;
}

int kpc_app_receive(int from, unsigned int take, struct kpc_app *app, struct kpc_error *err)
{
	return take_from(from, true, take, app, err);
}

static int address_set(struct sockaddr_un *at, const char *path, struct kpc_error *err)
{
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (*path != '/' || strlen(path) >= sizeof(at->sun_path))
		return kpc_error_return(err, -EINVAL,
					"\"%.100s\": an absolute path of up to %zu octets is accepted",
					path, sizeof(at->sun_path) - 1);
	strcpy(at->sun_path, path);
	return 0;
}

static int open_socket(int flags, struct kpc_error *err)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		return kpc_error_return(err, -errno, "socket: %s", strerror(errno));
	return fd;
}

/*
 * A socket at which nobody listens is left from before; anything else is not ours.
 * connect(2) refuses a file as it does such a socket, and where many wait to be
 * accepted it would wait too.
 */
static int remove_stale(const struct sockaddr_un *at, struct kpc_error *err)
{
	struct stat file;
	int fd;

	if (lstat(at->sun_path, &file))
		return 0;
	if (!S_ISSOCK(file.st_mode))
		return kpc_error_return(err, -EEXIST,
					"%s is there and is not a socket; it is not replaced",
					at->sun_path);
	fd = open_socket(SOCK_NONBLOCK, err);
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) && errno == ECONNREFUSED)
		unlink(at->sun_path);
	close(fd);
	return 0;
}

static int pass_credentials(int listener, struct kpc_error *err)
{
	int on = 1;

	if (setsockopt(listener, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return kpc_error_return(err, -errno, "the listening socket: %s", strerror(errno));
	return 0;
}

int kpc_app_listen(const char *path, struct kpc_error *err)
{
	struct sockaddr_un at;
	int fd, ret;

	ret = address_set(&at, path, err);
	if (!ret)
		ret = remove_stale(&at, err);
	if (ret)
		return ret;
	fd = open_socket(0, err);
	if (fd < 0)
		return fd;
	/* Before anybody connects: newer kernels have it of the socket of then. */
	ret = pass_credentials(fd, err);
	if (ret) {
		close(fd);
		return ret;
	}
	if (!bind(fd, (struct sockaddr *)&at, sizeof(at)) && !chmod(path, 0666) &&
	    !listen(fd, SOMAXCONN))
		return fd;
	ret = kpc_error_return(err, -errno, "%s: %s", path, strerror(errno));
	close(fd);
	return ret;
}

int kpc_app_accept(int listener, unsigned int take, struct kpc_app *app, struct kpc_error *err)
{
	int fd, ret;

	app->fd = -1;
	/* Of a listener of somebody else's: those who come from now on. */
	ret = pass_credentials(listener, err);
	if (ret)
		return ret;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return kpc_error_return(err, -errno, "accepting from the agent: %s",
					strerror(errno));
	/* One that says nothing must not keep the others waiting. */
	ret = take_from(fd, false, take, app, err);
	close(fd);
	return ret;
}

int kpc_app_connect(const char *path, unsigned int take, struct kpc_app *app,
		    struct kpc_error *err)
{
	struct sockaddr_un at;
	int fd, ret;

	app->fd = -1;
	ret = address_set(&at, path, err);
	if (ret)
		return ret;
	fd = open_socket(0, err);
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)))
		ret = kpc_error_return(err, -errno, "%s: %s", path, strerror(errno));
	else
		ret = kpc_app_receive(fd, take, app, err);
	close(fd);
	return ret;
}

int kpc_peer(int fd, struct kpc_binding *binding, struct kpc_error *err)
{
	struct kpc_nl nl;
	int ret;

	ret = kpc_nl_open(&nl, err);
	if (ret)
		return ret;
	ret = kpc_nl_binding_get_fd(&nl, fd, binding, err);
	kpc_nl_close(&nl);
	return ret;
}
