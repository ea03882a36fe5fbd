// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both ends of many connections through two agents, where every octet says what
 * place of which stream it has. Each connection sends both ways, as much as
 * chance says, in pieces and with pauses of all lengths. Each end ends its
 * direction when it has sent all; some begin only when the other's has ended, and
 * some give up with a reset in the middle.
 *
 * usage: tool_integrity serve PORT
 *        tool_integrity drive PORT OCTETS MOST AT_ONCE SEED whole|broken
 *
 * OCTETS are moved in all, and at most MOST one way on one connection. The server
 * serves until SIGTERM, which also lets a driver begin no more connections.
 *
 * A connection is whole, or reset by this end, or this end was told by an error
 * that there will be no more. All else is wrong: an octet that is lost, changed,
 * repeated or added; an end before the end; a connection that stands still. With
 * "whole" only a reset of the other end may be told. With "broken" neither end
 * resets any, and anything else may.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kpcperf/pattern.h"

#define MAGIC		0x6b70632d77686f6cULL
#define PIECE_MOST	(256U << 10)
#define PAUSE_MS	20
#define STAY_MS		3000
#define STILL_MS	60000
#define NEVER		UINT64_MAX

/* Who is this end, and whose direction; the driver's octets go up. */
enum { DRIVER, SERVER };

/**
 * struct plan - the first octets of a connection, from the driver
 * @magic: that it is one
 * @number: of the connection
 * @seed: of all its chances and streams
 * @total: octets of each end
 * @stop: after so many of its own an end resets the connection; or NEVER
 * @first: the other end waits until this one has ended; or NEVER
 * @pause: an end pauses after one of so many pieces, sent or received; or 0
 * @stay: both ends pause so many ms behind their first piece, which is not all
 * @narrow: there is little room for what an end has not read
 * @broken: anything may end it
 */
struct plan {
	uint64_t magic;
	uint64_t number;
	uint64_t seed;
	uint64_t total[2];
	uint64_t stop[2];
	uint64_t first;
	uint64_t pause;
	uint64_t stay;
	uint64_t narrow;
	uint64_t broken;
};

enum verdict { WHOLE, RESET, TOLD, WRONG, VERDICTS };

static const char *const verdict_names[VERDICTS] = {
	[WHOLE] = "whole", [RESET] = "reset", [TOLD] = "told", [WRONG] = "wrong",
};

/**
 * struct talk - one end of a connection
 * @plan: what is to happen
 * @own: DRIVER or SERVER
 * @fd: the socket
 * @seed: of what this end sends
 * @chance: numbers drawn
 * @sent: octets
 * @piece: what is being sent
 * @at: how much of it is
 * @length: of it
 * @next: no piece before that time, in ms
 * @listen: and none received before that
 * @shut: this end has ended its direction
 * @ended: and the other
 * @check: of what comes
 */
struct talk {
	const struct plan *plan;
	int own;
	int fd;
	uint64_t seed;
	uint64_t chance;
	uint64_t sent;
	uint8_t *piece;
	size_t at;
	size_t length;
	uint64_t next;
	uint64_t listen;
	bool shut;
	bool ended;
	struct pattern_check check;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	unsigned long long verdicts[VERDICTS];
	unsigned long long sent;
	unsigned long long received;
	unsigned int open;
} sums = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.idle = PTHREAD_COND_INITIALIZER,
};

static struct {
	struct sockaddr_in to;
	uint64_t seed;
	uint64_t most;
	int64_t left;
	uint64_t number;
	bool broken;
} drive;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/* As often below a thousand as between a thousand and a million. */
static uint64_t size_by_chance(uint64_t seed, uint64_t place, uint64_t most)
{
	unsigned int bits = 0;
	uint64_t size;

	while (most >> bits)
		bits++;
	bits = pattern_random(seed, place) % bits;
	size = (1ULL << bits) + pattern_random(~seed, place) % (1ULL << bits);
	return size < most ? size : most;
}

static uint64_t stream_seed(const struct plan *plan, int own)
{
	return pattern_random(plan->seed, 100 + own);
}

static void say(const struct talk *talk, const char *what)
{
	const struct pattern_count *count = &talk->check.count;
	uint64_t i;

	fprintf(stderr, "connection %llu: %s; sent %llu of %llu, received %llu of %llu\n",
		(unsigned long long)talk->plan->number, what,
		(unsigned long long)talk->sent,
		(unsigned long long)talk->plan->total[talk->own],
		(unsigned long long)count->expect,
		(unsigned long long)talk->plan->total[!talk->own]);
	for (i = 0; i < count->faults && i < PATTERN_FIRST; i++)
		fprintf(stderr, "connection %llu: %llu octets %s at offset %llu\n",
			(unsigned long long)talk->plan->number,
			(unsigned long long)count->first[i].octets,
			pattern_fault_name(count->first[i].fault),
			(unsigned long long)count->first[i].offset);
}

/* What came is what was sent, as far as it came. */
static enum verdict judge(struct talk *talk, enum verdict verdict, const char *why)
{
	const struct plan *plan = talk->plan;

	pattern_check_end(&talk->check);
	if (verdict == WHOLE)
		pattern_count_total(&talk->check.count, plan->total[!talk->own]);
	if (verdict == TOLD && !plan->broken && plan->stop[!talk->own] == NEVER)
		verdict = WRONG;
	if (talk->check.count.faults) {
		verdict = WRONG;
		why = "other octets came than were sent";
	}
	if (verdict == WRONG)
		say(talk, why);
	return verdict;
}

/* Until when to pause now; 0: not at all. */
static uint64_t pause_end(struct talk *talk)
{
	if (!talk->plan->pause ||
	    pattern_random(~talk->seed, talk->chance++) % talk->plan->pause)
		return 0;
	return now_ms() + pattern_random(~talk->seed, talk->chance++) % PAUSE_MS;
}

static bool stays(const struct talk *talk)
{
	return talk->plan->stay && !talk->sent;
}

static void next_piece(struct talk *talk)
{
	const struct plan *plan = talk->plan;
	uint64_t left = plan->total[talk->own] - talk->sent;
	uint64_t until = plan->stop[talk->own];

	if (until - talk->sent < left)
		left = until - talk->sent;
	talk->length = size_by_chance(talk->seed, ~talk->chance++, PIECE_MOST);
	if (talk->length > left)
		talk->length = left;
	if (stays(talk))
		talk->length = (talk->length + 1) / 2;
	talk->at = 0;
	pattern_fill(talk->piece, talk->length, talk->seed, talk->sent);
	talk->next = stays(talk) ? now_ms() + plan->stay : pause_end(talk);
}

/* 0: all is sent, or -EAGAIN, or another errno. */
static int send_some(struct talk *talk)
{
	ssize_t sent;

	while (talk->at < talk->length ||
	       (talk->sent < talk->plan->total[talk->own] &&
		talk->sent < talk->plan->stop[talk->own])) {
		if (talk->at == talk->length) {
			if (now_ms() < talk->next)
				return -EAGAIN;
			next_piece(talk);
		}
		sent = send(talk->fd, talk->piece + talk->at, talk->length - talk->at,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0)
			return -errno;
		talk->at += sent;
		talk->sent += sent;
	}
	return 0;
}

/* 0: the other end has ended, or -EAGAIN, or another errno. */
static int receive_some(struct talk *talk)
{
	uint8_t octets[65536];
	ssize_t got;

	if (talk->listen > now_ms())
		return -EAGAIN;
	got = recv(talk->fd, octets,
		   size_by_chance(talk->seed, ~talk->chance++, sizeof(octets)),
		   MSG_DONTWAIT);
	if (got < 0)
		return -errno;
	talk->listen = pause_end(talk);
	pattern_check(&talk->check, octets, got);
	return got ? -EAGAIN : 0;
}

static bool may_send(const struct talk *talk)
{
	return !talk->shut &&
	       (talk->ended || talk->plan->first != (uint64_t)!talk->own);
}

/* Until a pause is over. */
static int wait_ms(const struct talk *talk, uint64_t now)
{
	uint64_t end = now + STILL_MS;

	if (may_send(talk) && talk->at == talk->length && talk->next > now)
		end = talk->next;
	if (!talk->ended && talk->listen > now && talk->listen < end)
		end = talk->listen;
	return end - now;
}

static void narrow(int fd)
{
	const int octets = 128 << 10;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets));
}

static void reset(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* One turn; a verdict, or VERDICTS: it goes on. */
static enum verdict turn(struct talk *talk)
{
	const struct plan *plan = talk->plan;
	int ret;

	if (may_send(talk)) {
		ret = send_some(talk);
		if (!ret && plan->stop[talk->own] != NEVER) {
			reset(talk->fd);
			return judge(talk, RESET, NULL);
		}
		if (!ret) {
			if (shutdown(talk->fd, SHUT_WR))
				return judge(talk, TOLD, "its end could not be said");
			talk->shut = true;
		} else if (ret != -EAGAIN) {
			return judge(talk, TOLD, strerror(-ret));
		}
	}
	if (!talk->ended) {
		ret = receive_some(talk);
		talk->ended = !ret;
		if (ret && ret != -EAGAIN)
			return judge(talk, TOLD, strerror(-ret));
		if (talk->ended && talk->check.count.expect < plan->total[!talk->own])
			return judge(talk, WRONG, "an end that is none");
	}
	return talk->shut && talk->ended ? judge(talk, WHOLE, NULL) : VERDICTS;
}

static enum verdict converse(struct talk *talk)
{
	enum verdict verdict = VERDICTS;
	struct pollfd poll_fd = { .fd = talk->fd };
	uint64_t now;

	talk->seed = stream_seed(talk->plan, talk->own);
	talk->check.seed = stream_seed(talk->plan, !talk->own);
	talk->piece = malloc(PIECE_MOST);
	if (!talk->piece)
		return judge(talk, WRONG, "no memory");
	while (verdict == VERDICTS) {
		now = now_ms();
		poll_fd.events = talk->ended || talk->listen > now ? 0 : POLLIN;
		if (may_send(talk) && (talk->at < talk->length || talk->next <= now))
			poll_fd.events |= POLLOUT;
		if (!poll(&poll_fd, 1, wait_ms(talk, now)) && wait_ms(talk, now) == STILL_MS)
			verdict = judge(talk, WRONG, "it stands still");
		else
			verdict = turn(talk);
	}
	free(talk->piece);
	return verdict;
}

static void count(const struct talk *talk, enum verdict verdict)
{
	pthread_mutex_lock(&sums.lock);
	sums.verdicts[verdict]++;
	sums.sent += talk->sent;
	sums.received += talk->check.count.expect;
	pthread_mutex_unlock(&sums.lock);
}

static int print_sums(void)
{
	unsigned int i;

	for (i = 0; i < VERDICTS; i++)
		printf("%s=%llu ", verdict_names[i], sums.verdicts[i]);
	printf("sent=%llu received=%llu\n", sums.sent, sums.received);
	return sums.verdicts[WRONG] ? 1 : 0;
}

/* What is to happen to a connection, by its number alone. */
static void draw(struct plan *plan, uint64_t number)
{
	uint64_t seed = pattern_random(drive.seed, number);
	uint64_t kind = pattern_random(seed, 0);
	int end;

	*plan = (struct plan){
		.magic = MAGIC,
		.number = number,
		.seed = seed,
		.stop = { NEVER, NEVER },
		/* Both at once is as often as one after the other. */
		.first = (kind & 3) < 2 ? kind & 3 : NEVER,
		.pause = (kind >> 2 & 3) == 0 ? 4 : (kind >> 2 & 3) == 1 ? 64 : 0,
		.narrow = kind >> 8 & 1,
		.broken = drive.broken,
	};
	for (end = 0; end < 2; end++)
		plan->total[end] = pattern_random(seed, 1 + end) % 16 ?
			size_by_chance(seed, 3 + end, drive.most) : 0;
	if (!number && !drive.broken) {
		/* One is whole and old enough for keys to change by time. */
		plan->first = NEVER;
		plan->stay = STAY_MS;
		plan->total[DRIVER] += 2;
		plan->total[SERVER] += 2;
		return;
	}
	end = kind >> 4 & 1;
	if (drive.broken || kind >> 5 & 7 || !plan->total[end])
		return;
	plan->stop[end] = pattern_random(seed, 5) % plan->total[end];
}

static int meet(const struct plan *plan)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (plan->narrow)
		narrow(fd);
	if (connect(fd, (struct sockaddr *)&drive.to, sizeof(drive.to)) ||
	    send(fd, plan, sizeof(*plan), MSG_NOSIGNAL) != sizeof(*plan)) {
		int ret = errno ? -errno : -EPIPE;

		close(fd);
		return ret;
	}
	return fd;
}

static void *drive_some(void *unused)
{
	struct plan plan;

	while (__atomic_load_n(&drive.left, __ATOMIC_RELAXED) > 0) {
		struct talk *talk = calloc(1, sizeof(*talk));
		enum verdict verdict;

		draw(&plan, __atomic_fetch_add(&drive.number, 1, __ATOMIC_RELAXED));
		talk->plan = &plan;
		talk->own = DRIVER;
		talk->fd = meet(&plan);
		if (talk->fd < 0) {
			verdict = judge(talk, TOLD, strerror(-talk->fd));
			/* Who is not there now may be soon. */
			poll(NULL, 0, PAUSE_MS);
		} else {
			verdict = converse(talk);
			close(talk->fd);
		}
		count(talk, verdict);
		__atomic_fetch_sub(&drive.left, talk->sent + talk->check.count.expect,
				   __ATOMIC_RELAXED);
		free(talk);
	}
	return NULL;
}

static void no_more(int number)
{
	__atomic_store_n(&drive.left, 0, __ATOMIC_RELAXED);
}

static int drive_all(char **words)
{
	unsigned int threads = atoi(words[3]), i;
	pthread_t thread[threads];
	struct sigaction action = { .sa_handler = no_more };

	drive.to = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(atoi(words[0])),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	drive.left = atoll(words[1]);
	drive.most = atoll(words[2]);
	drive.seed = strtoull(words[4], NULL, 10);
	drive.broken = !strcmp(words[5], "broken");
	sigaction(SIGTERM, &action, NULL);
	for (i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, drive_some, NULL))
			return 1;
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	return print_sums();
}

/* A connection that broke before it said what it was has been told so. */
static int plan_get(int fd, struct plan *plan)
{
	ssize_t got = recv(fd, plan, sizeof(*plan), MSG_WAITALL);

	if (got == sizeof(*plan) && plan->magic == MAGIC)
		return 0;
	return got < 0 ? -errno : -EPROTO;
}

static void *serve_one(void *argument)
{
	struct talk *talk = argument;
	struct plan plan = {};
	enum verdict verdict;
	int ret;

	talk->plan = &plan;
	talk->own = SERVER;
	ret = plan_get(talk->fd, &plan);
	if (!ret) {
		if (plan.narrow)
			narrow(talk->fd);
		verdict = converse(talk);
	} else {
		plan.broken = ret != -EPROTO;
		verdict = judge(talk, plan.broken ? TOLD : WRONG,
				"it ended without a word, or said others");
	}
	close(talk->fd);
	count(talk, verdict);
	free(talk);
	pthread_mutex_lock(&sums.lock);
	sums.open--;
	pthread_cond_signal(&sums.idle);
	pthread_mutex_unlock(&sums.lock);
	return NULL;
}

static void *accept_all(void *argument)
{
	int listener = *(int *)argument;
	pthread_t thread;

	for (;;) {
		struct talk *talk = calloc(1, sizeof(*talk));

		talk->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (talk->fd < 0) {
			free(talk);
			continue;
		}
		pthread_mutex_lock(&sums.lock);
		sums.open++;
		pthread_mutex_unlock(&sums.lock);
		if (pthread_create(&thread, NULL, serve_one, talk)) {
			perror("pthread_create");
			_exit(1);
		}
		pthread_detach(thread);
	}
	return NULL;
}

static int serve(const char *port)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1, number;
	pthread_t thread;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (const struct sockaddr *)&at, sizeof(at)) ||
	    listen(listener, 1024) ||
	    pthread_create(&thread, NULL, accept_all, &listener)) {
		perror("tool_integrity: listening");
		return 1;
	}
	printf("listening\n");
	fflush(stdout);
	sigwait(&signals, &number);
	pthread_mutex_lock(&sums.lock);
	while (sums.open)
		pthread_cond_wait(&sums.idle, &sums.lock);
	return print_sums();
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 8 && !strcmp(argv[1], "drive"))
		return drive_all(argv + 2);
	fprintf(stderr, "usage: %s serve PORT\n"
		"       %s drive PORT OCTETS MOST AT_ONCE SEED whole|broken\n",
		argv[0], argv[0]);
	return 2;
}
