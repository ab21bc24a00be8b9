"""The errors and the options."""

from __future__ import annotations

import concurrent.futures
import pickle

import pytest

import snakepit
from conftest import REPOSITORY
from snakepit import errors
from snakepit.errors import error_from_code


def catalogue() -> list[str]:
    """Read the codes of docs/protocol.md, section 8."""
    text = (REPOSITORY / "docs" / "protocol.md").read_text()
    table = text.split("## 8. Error catalogue", 1)[1].split("\n## ", 1)[0]
    return [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]


def test_every_code_of_the_catalogue_has_a_class_with_its_code_and_details() -> None:
    codes = set(catalogue())
    assert len(codes) > 15
    for code in codes - {"shutdown", "stale", "gil_enabled"}:  # these never reach a caller
        error = error_from_code(code, "why", {"attempt": 2})
        assert type(error) is not snakepit.SnakepitError
        assert (error.code, error.message, error.details, str(error)) == (code, "why", {"attempt": 2}, "why")
    assert type(error_from_code("from_the_future", "x")) is snakepit.SnakepitError


def test_every_error_survives_pickling() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type):
            copy = pickle.loads(pickle.dumps(kind("text", details={"type": "T"})))
            assert (type(copy), copy.message, copy.code, copy.details) == (kind, "text", kind.code, {"type": "T"})


def test_errors_are_what_other_code_catches() -> None:
    assert issubclass(snakepit.Timeout, TimeoutError)
    assert issubclass(snakepit.TaskCancelled, concurrent.futures.CancelledError)
    assert error_from_code("busy", "", {"retry_after_ms": 250}).retry_after_seconds == 0.25  # type: ignore[attr-defined]


def test_a_task_error_shows_type_message_and_traceback() -> None:
    error = snakepit.TaskError("no", details={"type": "ValueError", "traceback": "Traceback...\n"})
    assert str(error) == "ValueError: no\n\nIn the worker:\nTraceback..."
    assert (error.attempt, str(snakepit.TaskError("bare"))) == (1, "bare")


def test_options_become_the_map_of_the_protocol_without_its_defaults() -> None:
    assert snakepit.Options().wire == {}
    full = snakepit.Options(
        priority=9, delay_seconds=1.5, deadline_seconds=0, max_attempts=1, on_loss="lost", content_type="json",
        headers={"a": "b"}, info=True, timeout_seconds=3,
    )  # fmt: skip
    assert full.wire == {
        "priority": 9, "delay_ms": 1500, "deadline_ms": 0, "max_attempts": 1, "on_loss": "lost", "info": True,
        "content_type": "json", "headers": {"a": "b"},
    }  # fmt: skip
    assert full.replace(priority=5).wire.get("priority") is None


@pytest.mark.parametrize(
    "wrong",
    [{"priority": 10}, {"max_attempts": 0}, {"on_loss": "x"}, {"content_type": "x"}, {"delay_seconds": -1},
     {"deadline_seconds": 1e12}],
)  # fmt: skip
def test_wrong_options_are_refused_before_they_are_sent(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        snakepit.Options(**wrong)  # type: ignore[arg-type]


def test_every_error_is_a_name_of_the_package() -> None:
    for name in set(errors.__all__) - {"error_from_code"}:
        assert getattr(snakepit, name) is getattr(errors, name)
        assert name in snakepit.__all__
