#!/usr/bin/env python3
"""Write files as C arrays: embed.py OUTPUT NAME=FILE... So the command line needs none of them where it runs."""

import sys


def format_array(name, data):
    """`data` and a final NUL, as hexadecimal bytes: a string literal may not have more than 4095 characters."""
    data += b"\0"
    lines = [", ".join(f"0x{byte:02x}" for byte in data[at : at + 20]) for at in range(0, len(data), 20)]
    return f"const char embedded_{name}[] = {{\n" + ",\n".join(lines) + "};\n"


def main():
    output, *pairs = sys.argv[1:]
    text = '/* Written by embed.py. */\n#include "client/cli/embedded.h"\n\n'
    for pair in pairs:
        name, path = pair.split("=", 1)
        with open(path, "rb") as file:
            text += format_array(name, file.read())
    with open(output, "w", encoding="ascii") as file:
        file.write(text)


main()
