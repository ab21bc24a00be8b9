"""What the README shows works as it stands there: worker, client, REQ client, command line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from broker_process import BUILD, SNAKEPITD, BrokerProcess

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)
POOLS = ('{ name = "text"; workers = 1; app = "tasks:app"; directory = "%s"; python = "%s"; }',
         '{ name = "numbers"; workers = 1; app = "number_tasks:app"; directory = "%s"; python = "%s"; }')  # fmt: skip
DEMO = Path(__file__).parents[2] / "examples" / "demo"
BOUND_SECONDS = 60


def block(mark):
    found = [text for text in BLOCKS if mark in text]
    assert len(found) == 1, f"the README has {len(found)} Python blocks with '{mark}'"
    return found[0]


@pytest.fixture
def endpoint(folder, tmp_path_factory):
    """A broker with the README's worker in its pool `text`, and the demo's in `numbers`."""
    tasks = tmp_path_factory.mktemp("app")
    (tasks / "tasks.py").write_text(block("@app.task"))
    pools = (POOLS[0] % (tasks, sys.executable), POOLS[1] % (DEMO, sys.executable))
    with BrokerProcess(folder, pools=pools) as broker:
        ready = run_shell("snakepit ready", broker.clients)
        assert ready.returncode == 0, ready.stderr
        yield broker.clients


def run_python(text, address):
    text = text.replace('"tcp://127.0.0.1:5570"', repr(address)).replace("Client()", f"Client({address!r})")
    return subprocess.run([sys.executable, "-c", text], cwd=README_FOLDER, capture_output=True, text=True,
                          timeout=BOUND_SECONDS, check=False)  # fmt: skip


def run_shell(line, address):
    path = f"{BUILD / 'client' / 'cli'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SNAKEPIT_ENDPOINT": address}
    return subprocess.run(["bash", "-o", "pipefail", "-c", line], env=environment, capture_output=True, text=True,
                          timeout=BOUND_SECONDS, check=False)  # fmt: skip


README_FOLDER = Path(__file__).parents[2]


def test_the_configuration_is_right():
    [text] = re.findall(r"<<'END'\n(.*?)^END$", README, re.S | re.M)
    ended = subprocess.run([SNAKEPITD, "--check-config", "-c", "/dev/stdin"], input=text, capture_output=True,
                           text=True, timeout=BOUND_SECONDS, check=False)  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "2 pools, 2 local workers" in ended.stdout


def test_the_python_client_counts_words(endpoint):
    ended = run_python(block("from snakepit import Client"), endpoint)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["6", str(len(README.split()))]


def test_the_req_client_counts_words(endpoint):
    ended = run_python(block("zmq.REQ"), endpoint)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "6"


def test_the_commands_do_what_they_say(endpoint):
    commands = re.findall(r"^\$ (snakepit call|seq|snakepit status|snakepit workers)(.*?)(?:\s+#.*)?$", README, re.M)
    assert len(commands) == 4
    for name, rest in commands:
        ended = run_shell((name + rest).replace("> results.jsonl", ""), endpoint)
        assert ended.returncode == 0, ended.stderr
        if name == "snakepit call":
            assert ended.stdout.strip() == "6"
        if name == "seq":
            # Two to a thousand: one has no prime factors, so the README does not offer it.
            assert len(ended.stdout.splitlines()) == 999
