"""Options of tasks: what they say on the wire, and what is refused before it gets there."""

from __future__ import annotations

from typing import Any

import pytest

from snakepit import Options, wire
from snakepit import message as m
from snakepit.caller import make_request


def test_an_option_that_is_not_given_is_not_said() -> None:
    assert Options().wire == {}


def test_each_option_of_delivery_is_said_in_the_words_of_the_protocol() -> None:
    options = Options(
        retries=0, retry_on=(ValueError, "app.errors.Odd"), backoff_seconds=0.25, kills_max=3, dedup_key="order-17",
        dedup_seconds=60, group="g", fair_key="tenant", session="s", session_mode="strict_queue", run_seconds=1.5,
    )  # fmt: skip
    said = {
        "retries": 0, "retry_on": ("ValueError", "app.errors.Odd"), "backoff_ms": 250, "kills_max": 3,
        "dedup_key": "order-17", "dedup_ms": 60000, "group": "g", "fair_key": "tenant", "session": "s",
        "session_mode": "strict_queue", "run_ms": 1500,
    }  # fmt: skip
    assert options.wire == said
    (decoded,) = wire.decode(wire.encode(m.Submit(1, "p", "f", b"", options.wire)), to_broker=True)
    assert isinstance(decoded, m.Submit) and dict(decoded.options) == said


@pytest.mark.parametrize(("given", "said"), [({}, 64), ({"credit": 8}, 8), ({"credit": 0}, None)])
def test_only_streams_have_credit_and_they_have_some_by_default(given: dict[str, Any], said: int | None) -> None:
    options = Options(**given)
    assert "credit" not in make_request(1, "p", "f", (), {}, options).options
    assert make_request(1, "p", "f", (), {}, options, is_stream=True).options.get("credit") == said


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"retries": -1}, "retries must be 0 to 1000, not -1"),
        ({"retries": 1001}, "retries must be 0 to 1000"),
        ({"retry_on": "ValueError"}, "retry_on must be a sequence of types"),
        ({"retry_on": ["E"] * 17}, "at most 16 types, not 17"),
        ({"retry_on": [""]}, "retry_on must have 1 to 128 bytes"),
        ({"backoff_seconds": -1}, "backoff_seconds must be 0 to"),
        ({"kills_max": 0}, "kills_max must be 1 to 1000, not 0"),
        ({"dedup_key": "k" * 129}, "dedup_key must have 1 to 128 bytes"),
        ({"group": ""}, "group must have 1 to 64 bytes"),
        ({"fair_key": "\u00e9" * 33}, "fair_key must have 1 to 64 bytes"),
        ({"session": "s" * 65}, "session must have 1 to 64 bytes"),
        ({"session_mode": "strict"}, "session_mode must be 'hint', 'strict_queue' or 'strict_fail_fast', not 'strict'"),
        ({"run_seconds": -0.5}, "run_seconds must be 0 to"),
        ({"credit": -1}, "credit must be 0 to 1000000, not -1"),
    ],
)
def test_what_is_out_of_range_is_refused_with_its_name_and_range(given: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Options(**given)
