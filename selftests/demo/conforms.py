#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares what `kpc -j` prints with Documentation/schema/kpc.schema.json.

usage: conforms.py SCHEMA COMMAND... <OUTPUT

COMMAND is the command without `kpc -j`, such as: binding show. Output may be
one text, or one a line as `monitor` has it. Prints what does not fit and how
many texts were looked at; exit status 1 if any does not fit or there was none.
"""

import json
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


def main():
    command = " ".join(sys.argv[2:])
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    if command not in schema["commands"]:
        print(f"{command}: not in the schema")
        return 1
    form = {"$schema": schema["$schema"], "$defs": schema["$defs"],
            "allOf": [schema["commands"][command]]}
    validator = jsonschema.Draft202012Validator(form)
    seen = bad = 0
    for value in texts(sys.stdin.read()):
        seen += 1
        for error in validator.iter_errors(value):
            bad += 1
            where = "/".join(str(part) for part in error.absolute_path)
            print(f"{command}: {where or 'all of it'}: {error.message[:200]}")
    if not seen:
        print(f"{command}: nothing was printed")
    return 1 if bad or not seen else 0


sys.exit(main())
