"""Events of an application: from a task to the event stream; bounded; harmless outside of a worker."""

from __future__ import annotations

import contextlib
import json
import logging
import pathlib
import time
from typing import Any

import msgpack
import pytest
import zmq

import snakepit
from pit import Broker, Worker
from snakepit import telemetry
from snakepit.home import EVENTS_MAX, WorkerHome
from snakepit.testing import LocalPit


class Unsayable:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


def emitted(function: Any) -> list[Any]:
    """Run a function as a task in a pit, and give what it emitted."""
    app = snakepit.App()
    app.task(name="f")(function)
    with LocalPit(app) as pit:
        pit.call("any", "f", timeout=10)
        return pit.events


def test_an_event_has_its_name_its_fields_and_its_task() -> None:
    [event] = emitted(lambda: telemetry.emit("rows.loaded", count=17, source={"a": [1, None, "x"]}))
    assert event.name == "app.rows.loaded"
    assert event.fields == {
        "function": "f", "fence": 1, "attempt": 1, "count": 17, "source": {"a": [1, None, "x"]},
    }  # fmt: skip
    assert emitted(lambda: telemetry.emit("app.same"))[0].name == "app.same"


def test_fields_become_what_json_has() -> None:
    [event] = emitted(lambda: telemetry.emit("odd", path=pathlib.Path("/a"), data=b"\0", nan=float("nan"), s={1}))
    fields = {key: event.fields[key] for key in ("path", "data", "nan", "s")}
    assert fields == {"path": "/a", "data": {"$bytes": "AA=="}, "nan": {"$float": "nan"}, "s": [1]}
    json.dumps(event.fields, allow_nan=False)


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 61, "a\n"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="an event's name"):
        telemetry.emit(name)


@pytest.mark.parametrize("value", ["x" * 9000, [[[[[[[[[1]]]]]]]]], "\ud800"], ids=["large", "deep", "no text"])
def test_an_event_that_cannot_be_sent_is_dropped_and_said(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert emitted(lambda: telemetry.emit("odd", value=value)) == []
    assert "the event app.odd was dropped" in caplog.text


def test_a_value_that_cannot_be_shown_does_not_fail_a_task() -> None:
    [event] = emitted(lambda: telemetry.emit("odd", value=Unsayable()))
    assert event.fields["value"]["$type"].endswith("Unsayable")


def test_a_span_tells_its_duration_and_its_error() -> None:
    def work() -> None:
        with telemetry.span("sleep", kind="short") as span:
            time.sleep(0.01)
            span.note(rows=3)
        with contextlib.suppress(KeyError), telemetry.span("break"):
            raise KeyError("x")

    whole, broken = emitted(work)
    assert (whole.name, whole.fields["kind"], whole.fields["rows"], "error" in whole.fields) == (
        "app.sleep", "short", 3, False,
    )  # fmt: skip
    assert 10_000 <= whole.fields["duration_us"] < 10_000_000
    assert (broken.name, broken.fields["error"]) == ("app.break", "KeyError")


def test_a_span_decorates_a_function_that_calls_itself() -> None:
    @telemetry.span("count")
    def count(depth: int) -> int:
        return 0 if depth == 0 else 1 + count(depth - 1)

    durations = [event.fields["duration_us"] for event in emitted(lambda: count(3))]
    assert len(durations) == 4
    assert durations == sorted(durations)


def test_outside_of_a_worker_an_event_is_a_log_record(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "snakepit.telemetry"):
        telemetry.emit("lonely", count=1)
    assert "app.lonely" in caplog.text


def test_events_over_the_bound_are_dropped_and_counted() -> None:
    home, woken = WorkerHome("p", "tcp://127.0.0.1:1"), []
    home.wake = lambda: woken.append(1)
    for number in range(EVENTS_MAX + 5):
        home.take_event("app.x", {"number": number})
    assert len(woken) == 1  # one wake for all that wait
    events = [msgpack.unpackb(command) for command in home.take_events()]
    assert len(events) == EVENTS_MAX + 1
    assert events[-1] == [29, "app.events_dropped", {"count": 5}]
    assert home.take_events() == []


def test_an_event_that_comes_while_the_others_are_taken_wakes_the_io_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    home, woken, pack = WorkerHome("p", "tcp://127.0.0.1:1"), [], msgpack.packb
    home.wake = lambda: woken.append(1)
    home.take_event("app.first", {})

    def take_meanwhile(*args: Any, **kwargs: Any) -> Any:
        home.take_events()
        return pack(*args, **kwargs)

    monkeypatch.setattr("snakepit.home.msgpack.packb", take_meanwhile)
    home.take_event("app.second", {})
    assert len(woken) == 2


def test_events_of_tasks_are_published_by_the_broker(folder: pathlib.Path) -> None:
    with (
        zmq.Context() as context,
        context.socket(zmq.SUB) as events,
        Broker(folder, events=f"ipc://{folder}/events") as broker,
        Worker(broker.workers),
        snakepit.Client(broker.clients) as client,
    ):
        events.linger = 0
        events.rcvtimeo = 20_000
        events.subscribe("app.")
        events.connect(f"ipc://{folder}/events")
        while not events.poll(50):  # a subscription takes its time
            client.call("p", "emit_events", 1, timeout=20)
        client.call("p", "emit_events", 50, timeout=20)
        counted, spans = set(), 0
        while 49 not in counted or not spans:
            topic, body = events.recv_multipart()
            event = json.loads(body)
            assert event["pool"] == "p"
            if topic == b"app.counted":
                counted.add(find(event, "number"))
            else:
                spans += find(event, "count") == 50
        assert counted == set(range(50))


def find(event: dict[str, Any], name: str) -> Any:
    """Give a field of an event, whether it is among the others or in a map of its own."""
    return event["fields"][name] if "fields" in event else event[name]
