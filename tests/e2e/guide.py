"""Runs what a page of docs/ shows, in order and in one shell: its files, its commands, and what these must print.

A Python block whose first line is `# name.py` is written to that file. In a console block, lines that begin with `$ `
are commands (with the lines of a here-document behind them), and those that follow are what the command must print;
there `...` stands for anything. Each command must end with status 0, so one that fails on purpose says so:
`... || echo $?`. Configurations get sockets of their own, and the programs come from the build.
"""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

from broker_process import BUILD, endpoints

DOCS = Path(__file__).parents[2] / "docs"
BOUND_SECONDS = 60


def blocks_of(page):
    """Give (line, language, text) of each fenced block."""
    text = (DOCS / page).read_text()
    found = re.finditer(r"^```(\w+)\n(.*?)^```", text, re.M | re.S)
    return [(text[: block.start()].count("\n") + 2, block.group(1), block.group(2)) for block in found]


def commands_of(text):
    """Give (offset of the line, command, expected lines) of a console block."""
    lines = text.splitlines()
    commands, at = [], 0
    while at < len(lines):
        assert lines[at].startswith("$ "), f"a console block's line is no command: {lines[at]}"
        begin, command = at, [re.sub(r"\s+# .*$", "", lines[at][2:])]
        at += 1
        here = re.search(r"<<'?(\w+)'?", command[0])
        while here and command[-1] != here.group(1):
            command.append(lines[at])
            at += 1
        expected = []
        while at < len(lines) and not lines[at].startswith("$ "):
            expected.append(lines[at])
            at += 1
        commands.append((begin, "\n".join(command), expected))
    return commands


class Shell:
    """One bash, so that jobs in the background and variables stay from command to command."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.addresses = endpoints("ipc", self.folder)
        programs = [BUILD / "broker" / "io", BUILD / "agent", BUILD / "client" / "cli", Path(sys.executable).parent]
        environment = {
            **os.environ,
            "PATH": ":".join([*map(str, programs), os.environ["PATH"]]),
            "SNAKEPIT_ENDPOINT": self.addresses["clients"],
            "SNAKEPIT_EVENTS": self.addresses["events"],
        }
        self.process = subprocess.Popen(["bash", "--norc"], cwd=folder, env=environment, text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)  # fmt: skip

    def run(self, command):
        """Run one command; give its status and what it printed."""
        watchdog = threading.Timer(BOUND_SECONDS, self.process.kill)
        watchdog.start()
        try:
            self.process.stdin.write(f"{command}\necho \"<<$?>>\"\n")
            lines = []
            for line in self.process.stdout:
                ended = re.search(r"<<(\d+)>>$", line)
                if ended:
                    return int(ended.group(1)), [*lines, *([line[: ended.start()]] if ended.start() else [])]
                lines.append(line.rstrip("\n"))
        finally:
            watchdog.cancel()
        raise AssertionError(f"not within {BOUND_SECONDS} s: {command}\n" + "\n".join(lines))

    def give_sockets(self):
        """Put the sockets of this test into configurations that name none."""
        for config in self.folder.glob("*.conf"):
            text = config.read_text()
            if "endpoints" not in text:
                said = "; ".join(f'{name} = "{address}"' for name, address in self.addresses.items())
                config.write_text(f"endpoints: {{ {said}; }};\n{text}")

    def close(self):
        """End it with the jobs that it still has, and wait for them."""
        if self.process.poll() is None:
            self.process.stdin.write("kill $(jobs -p) 2>/dev/null; wait\n")
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.wait(BOUND_SECONDS)
        self.process.stdout.close()


def run_page(page, folder):
    """Run a page; fail with the page's line where something is not as it says. Gives how many commands ran."""
    shell, count = Shell(folder), 0
    try:
        for line, language, text in blocks_of(page):
            name = re.match(r"# ([\w.]+\.py)\n", text)
            if language == "python" and name:
                (shell.folder / name.group(1)).write_text(text)
            if language != "console":
                continue
            for offset, command, expected in commands_of(text):
                status, printed = shell.run(command)
                where = f"{page}:{line + offset}: {command}\n" + "\n".join(printed)
                assert status == 0, f"{where}\nended with {status}"
                assert not expected or matches(expected, printed), f"{where}\nshould be\n" + "\n".join(expected)
                shell.give_sockets()
                count += 1
    finally:
        shell.close()
    return count


def matches(expected, printed):
    """Whether the lines are what they should be, `...` being anything, also a line of its own for any lines."""
    pattern = "\n".join(expected)
    pattern = ".*".join(re.escape(part) for part in pattern.split("..."))
    return re.fullmatch(pattern, "\n".join(printed), re.S) is not None
