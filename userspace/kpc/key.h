/* SPDX-License-Identifier: MIT */
/*
 * Commands of the object key that have a file of their own.
 */
#ifndef KPC_KEY_COMMANDS_H
#define KPC_KEY_COMMANDS_H

struct cli;

int key_import(struct cli *cli, int argc, char **argv);

#endif
