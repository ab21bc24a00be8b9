"""docs/migration.md: its commands run, and its table has every option of conf/legacy.conf."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from broker_process import SNAKEPITD

HOUSE = Path(__file__).parents[2]
TEXT = (HOUSE / "docs" / "migration.md").read_text()
BOUND_SECONDS = 20


def test_each_command_runs_and_the_last_has_no_warning(tmp_path):
    shutil.copytree(HOUSE / "conf", tmp_path / "conf")
    shutil.copytree(HOUSE / "examples", tmp_path / "examples")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "snakepitd").symlink_to(SNAKEPITD)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    commands = re.findall(r"^\$ (.*)$", TEXT, re.M)
    assert len(commands) == 3
    ended = [subprocess.run(command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True,
                            timeout=BOUND_SECONDS, check=False) for command in commands]  # fmt: skip
    assert [end.returncode for end in ended] == [0, 0, 0], ended
    assert "this is the old form with one pool; it runs" in ended[0].stderr
    assert 'workers = 2;' in ended[0].stderr and 'app = "number_tasks:app";' in ended[0].stderr
    assert ended[2].stdout.startswith("OK: snakepit.conf: 1 pools, 2 local workers") and ended[2].stderr == ""


def test_the_table_has_every_old_option():
    options = re.findall(r"^(?:# )?(\w+) = ", (HOUSE / "conf" / "legacy.conf").read_text(), re.M)
    table = [line.split("|")[1] for line in TEXT.splitlines() if line.startswith("| `")]
    told = re.findall(r"`(\w+)`", " ".join(table))
    assert sorted(set(told)) == sorted(set(options)) and len(told) == len(set(told))
