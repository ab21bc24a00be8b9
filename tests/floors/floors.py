#!/usr/bin/env python3
"""Check that the house stands as docs and rules.py say: who includes whom, how long files and functions are, and that
the core library is pure. Prints each violation as `path:line: what`; exit 1 when there is one."""

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

import rules

TOPS = ("wire", "broker", "agent", "client", "bench", "tests", "worker_python")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def find_files(root, *suffixes):
    """Paths below root's source folders, relative, with '/', sorted."""
    skipped = {".git", "__pycache__", "node_modules", ".venv", "venv", "build"}
    found = []
    for top in TOPS:
        for path in (root / top).rglob("*"):
            if path.suffix in suffixes and path.is_file() and not skipped & set(path.relative_to(root).parts):
                found.append(path.relative_to(root).as_posix())
    return sorted(found)


def read_includes(root, path):
    """(line number, is_library, name) of each include of a C file."""
    for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1] == "<", match[2]


def resolve(root, path, name):
    """The project path that `name` means in `path`, or None when it is not the project's."""
    beside = (Path(path).parent / name).as_posix()
    for candidate in (name, beside, "client/include/" + name):
        if (root / candidate).is_file():
            return candidate
    return None


def floor_of(path):
    module = path.rsplit(".", 1)[0]
    for prefix, floor in rules.FLOORS:
        if module == prefix or (prefix.endswith("/") and module.startswith(prefix)):
            return floor
    return max(floor for _, floor in rules.FLOORS)


def folder_rule(path):
    matches = [prefix for prefix in rules.FOLDERS if path.startswith(prefix)]
    return rules.FOLDERS[max(matches, key=len)] if matches else None


def allows(names, name):
    return any(name == one or (one.endswith("/") and name.startswith(one)) for one in names)


def find_circle(graph):
    """One path that returns to where it began, or None."""
    done, way = set(), []

    def walk(node):
        if node in way:
            return way[way.index(node):] + [node]
        if node in done:
            return None
        way.append(node)
        for following in graph.get(node, ()):
            circle = walk(following)
            if circle:
                return circle
        way.pop()
        done.add(node)
        return None

    for start in sorted(graph):
        circle = walk(start)
        if circle:
            return circle
    return None


def check_includes(root):
    graph = {}
    for path in find_files(root, ".c", ".h"):
        free = path.startswith(rules.FREE_FOLDERS)
        project, library = folder_rule(path) or ([], rules.C_LIBRARY)
        for line, is_library, name in read_includes(root, path):
            target = None if is_library else resolve(root, path, name)
            if target is None:
                if not is_library:
                    yield f"{path}:{line}: includes \"{name}\", which is not in the house (a library goes in <>)"
                elif not free and not allows(library, name):
                    yield f"{path}:{line}: includes <{name}>, which its folder may not"
                continue
            graph.setdefault(path, []).append(target)
            if floor_of(target) > floor_of(path):
                yield f"{path}:{line}: floor {floor_of(path)} includes {target} of floor {floor_of(target)}"
            if target.startswith("tests/") and not path.startswith("tests/"):
                yield f"{path}:{line}: includes a test's header, {target}"
            if not free and not allows(project, target):
                yield f"{path}:{line}: includes {target}, which its folder may not"
    circle = find_circle(graph)
    if circle:
        yield f"{circle[0]}:1: includes itself: " + " -> ".join(circle)


def is_measured(path):
    return not path.startswith(rules.UNMEASURED)


def check_file_lengths(root):
    for path in filter(is_measured, find_files(root, ".c", ".h", ".py")):
        lines = (root / path).read_text(encoding="utf-8").count("\n")
        if lines > rules.FILE_LINES_MAX:
            yield f"{path}:{rules.FILE_LINES_MAX}: {lines} lines; look for the second noun that hides in it"


def measure_functions(root, paths):
    """(path, line, name, lines) of every C function, by universal-ctags."""
    command = ["ctags", "--languages=C", "--langmap=C:.c.h", "--kinds-C=f", "--fields=+ne", "-u", "-f", "-", *paths]
    output = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    for tag in output.splitlines():
        name, path = tag.split("\t")[:2]
        fields = dict(field.split(":", 1) for field in tag.split("\t")[2:] if re.match(r"(line|end):\d+$", field))
        if "end" in fields:
            yield path, int(fields["line"]), name, int(fields["end"]) - int(fields["line"]) + 1


def check_function_lengths(root):
    paths = list(filter(is_measured, find_files(root, ".c", ".h")))
    functions = list(measure_functions(root, paths)) if paths else []
    long_ones = [one for one in functions if one[3] > rules.FUNCTION_LINES_WANTED]
    for path, line, name, lines in long_ones:
        if lines > rules.FUNCTION_LINES_MAX:
            yield f"{path}:{line}: {name} has {lines} lines; none may have more than {rules.FUNCTION_LINES_MAX}"
        elif f"{path}:{name}" not in rules.LONG_FUNCTIONS:
            yield f"{path}:{line}: {name} has {lines} lines; split it, or give a reason in tests/floors/rules.py"
    for entry in rules.LONG_FUNCTIONS.keys() - {f"{path}:{name}" for path, _, name, _ in long_ones}:
        yield f"tests/floors/rules.py:1: LONG_FUNCTIONS lists {entry}, which is not long (any more)"
    share = len(long_ones) / len(functions) if functions else 0.0
    print(f"functions: {len(functions)}, over {rules.FUNCTION_LINES_WANTED} lines: {len(long_ones)} ({share:.1%})")
    if share > rules.LONG_SHARE_MAX:
        yield f"tests/floors/rules.py:1: {share:.1%} of all functions are long; {rules.LONG_SHARE_MAX:.0%} may be"


def read_symbols(library):
    """{object: (defined, undefined)} of an archive, by nm."""
    output = subprocess.run(["nm", "--no-sort", str(library)], check=True, capture_output=True, text=True).stdout
    objects, current = {}, None
    for line in output.splitlines():
        if line.endswith(":"):
            current = objects.setdefault(line[:-1], (set(), set()))
        elif line.split() and current is not None:
            kind, name = line.split()[-2:]
            current[1 if kind in "Uw" else 0].add(name)
    return objects


def check_symbols(core_library, wire_library):
    core = read_symbols(core_library)
    pure_wire = {name: symbols for name, symbols in read_symbols(wire_library).items()
                 if name.endswith(rules.PURE_WIRE_OBJECTS)}
    if not core or not pure_wire:
        yield f"{core_library}:1: nothing to look into"
    known = set(rules.PURE_SYMBOLS)
    for defined, _ in [*core.values(), *pure_wire.values()]:
        known |= defined
    for name, (_, undefined) in {**core, **pure_wire}.items():
        for symbol in sorted(undefined - known):
            if not symbol.startswith(rules.COMPILER_PREFIXES):
                yield f"{name}:1: uses {symbol}; the core uses memory, string and assert functions only"


def read_imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]


def check_python(root):
    package = root / rules.PYTHON_PACKAGE
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package).with_suffix("").as_posix()
        for line, name in read_imports(ast.parse(path.read_text(encoding="utf-8"))):
            if name == "zmq" and module not in rules.PYTHON_ZMQ:
                yield f"{path.relative_to(root).as_posix()}:{line}: imports zmq; only the dealer touches sockets"
            elif name in rules.PYTHON_IO_IMPORTS and module in rules.PYTHON_PURE:
                yield f"{path.relative_to(root).as_posix()}:{line}: imports {name}; this module is pure"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--core-library", type=Path, help="libsnakepit_core.a")
    parser.add_argument("--wire-library", type=Path, help="libsnakepit_wire.a")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    found = [*check_includes(root), *check_file_lengths(root), *check_function_lengths(root), *check_python(root)]
    if arguments.core_library:
        found += check_symbols(arguments.core_library, arguments.wire_library)
    for violation in found:
        print(violation)
    print(f"floors: {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
