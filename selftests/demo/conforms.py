#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares what `kpc -j` prints with Documentation/schema/kpc.schema.json.

usage: conforms.py SCHEMA EVENTS COMMAND...

Runs each COMMAND (such as "binding show", its arguments behind "--": "association
get -- NAME") with `kpc -j`; EVENTS is a file with what `kpc -j monitor` printed.
Prints what does not fit, or else what was compared; exit status 1 if anything
does not fit or nothing was printed.
"""

import json
import subprocess
import sys

import jsonschema


def texts(data):
    """Yields each JSON text of the output."""
    decoder = json.JSONDecoder()
    data = data.strip()
    while data:
        value, end = decoder.raw_decode(data)
        yield value
        data = data[end:].lstrip()


def compare(schema, command, output):
    """Prints what does not fit; returns how many texts there were, or -1."""
    if command not in schema["commands"]:
        print(f"{command}: not in the schema")
        return -1
    validator = jsonschema.Draft202012Validator(
        {"$schema": schema["$schema"], "$defs": schema["$defs"],
         "allOf": [schema["commands"][command]]})
    seen, good = 0, True
    for value in texts(output):
        seen += 1
        for error in validator.iter_errors(value):
            where = "/".join(str(part) for part in error.absolute_path)
            print(f"{command}: {where or 'all of it'}: {error.message[:200]}")
            good = False
    if not seen:
        print(f"{command}: nothing was printed")
    return seen if seen and good else -1


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    with open(sys.argv[2], encoding="utf-8") as file:
        events = compare(schema, "monitor", file.read())
    good = events > 0
    for command in sys.argv[3:]:
        name, _, rest = command.partition(" -- ")
        output = subprocess.run(["kpc", "-j"] + name.split() + rest.split(),
                                stdout=subprocess.PIPE, text=True, check=False).stdout
        good &= compare(schema, name, output) > 0
    if good:
        print(f"{len(sys.argv) - 3} commands, {events} events of monitor")
    return 0 if good else 1


sys.exit(main())
