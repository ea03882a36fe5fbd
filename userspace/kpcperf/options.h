/* SPDX-License-Identifier: MIT */
/*
 * What the command line says.
 */
#ifndef KPCPERF_OPTIONS_H
#define KPCPERF_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "site.h"
#include "test.h"

#define OPTIONS_THREADS_MAX	256
#define OPTIONS_IDLE_MAX	1000000

/**
 * struct options - the command line
 * @server: -s
 * @host: -c HOST
 * @bind: -B: own address; NULL: any
 * @port: -p
 * @family: AF_INET, AF_INET6 or AF_UNSPEC
 * @threads: how many have connections; 0: as many as processors, or streams
 * @seconds: -t; 0: @test.octets end it
 * @interval: -i, seconds; 0: only the end is told
 * @ramp: new connections per second; 0: as fast as they come up
 * @json: -J
 * @one_off: -1
 * @test: the parameters
 * @site: associations and carrier
 */
struct options {
	bool server;
	const char *host;
	const char *bind;
	uint16_t port;
	int family;
	unsigned int threads;
	double seconds;
	double interval;
	double ramp;
	bool json;
	bool one_off;
	struct test test;
	struct site_wish site;
};

/**
 * options_read() - read the command line
 *
 * Return: 0; 1: all is said, end with status 0; -EINVAL: told on stderr.
 */
int options_read(struct options *options, int argc, char **argv);

#endif
