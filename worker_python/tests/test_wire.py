"""The codec against the golden vectors of the repository, which share no code with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import REPOSITORY
from snakepit import message as m
from snakepit import wire

VECTORS = REPOSITORY / "wire" / "vectors"
VERBS = {
    m.ClientHello: "HELLO", m.WorkerHello: "HELLO", m.OtherHello: "HELLO", m.Welcome: "WELCOME", m.Refuse: "REFUSE",
    m.Heartbeat: "HEARTBEAT", m.Bye: "BYE", m.Rehello: "REHELLO", m.Submit: "SUBMIT", m.Accepted: "ACCEPTED",
    m.Cancel: "CANCEL", m.Result: "RESULT", m.Error: "ERROR", m.Chunk: "CHUNK", m.Seen: "SEEN", m.Task: "TASK",
    m.Started: "STARTED", m.Recall: "RECALL", m.Nack: "NACK", m.Draining: "DRAINING", m.Stop: "STOP",
    m.AgentHello: "HELLO", m.Replace: "REPLACE", m.Retire: "RETIRE", m.Processes: "PROCESSES", m.Exited: "EXITED",
    m.Pool: "POOL", m.Event: "EVENT", m.Credit: "CREDIT",
}  # fmt: skip
DEFAULTS = {
    "name": "", "on_disconnect": "continue", "slots": 1, "profile": "process", "host": "", "pid": 0, "python": "",
    "gil_enabled": True, "session": 0, "leases": (), "reason": "", "grace_ms": 0, "resumed": False,
    "agent": 0, "replaces": 0, "free_threaded": False, "gil_module": "", "report": {}, "pools": (), "clients": "",
    "holds": (),
}  # fmt: skip
FACT_DEFAULTS = {
    "reason": "", "first": False, "kill": False, "grace_ms": 0, "cause": "exit", "status": 0, "replaces": 0, "text": "",
    "state": "ok", "changed": False,
}  # fmt: skip
OPTION_DEFAULTS = {
    "priority": 5, "delay_ms": 0, "on_loss": "requeue", "ack": False, "stream": False, "progress": False,
    "info": False,
    "content_type": "msgpack", "headers": {}, "retry_on": (), "session_mode": "hint", "again": False,
}  # fmt: skip
# A Welcome always has these, with the protocol's own defaults; vectors leave out what was not sent.
WELCOME_DEFAULTS = {
    "broker": "", "epoch": 0, "heartbeat_ms": 5000, "inline_max": 262144, "control_max": 8388608,
    "frame_max": 67108864, "attachments_max": 64, **DEFAULTS,
}  # fmt: skip


def entries(name: str) -> list[Any]:
    return json.loads((VECTORS / name).read_text())


def unhex(value: Any) -> bytes:
    """Read hex, a run, or an array of both."""
    if isinstance(value, list):
        return b"".join(unhex(part) for part in value)
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"]) * value.get("times", 1)
    return bytes.fromhex(value)


def plain(value: Any) -> Any:
    """Turn a value of a vector into what Python has for it."""
    if isinstance(value, list):
        return tuple(plain(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "hex" in value:
        return unhex(value)
    if "uint" in value:
        return int(value["uint"])
    return {key: plain(item) for key, item in value.items()}


def without(given: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in given.items() if key not in defaults or item != defaults[key]}


def of_running(message: m.Cancel | m.Credit) -> dict[str, Any]:
    if isinstance(message, m.Cancel):
        return {"ref": message.ref, **({"facts": {"raise": True}} if message.raise_ else {})}
    attempt = {"facts": {"attempt": message.attempt}} if message.attempt else {}
    return {"ref": message.ref, "count": message.count, **attempt}


def described(message: Any) -> dict[str, Any]:
    """Describe a decoded message in the words of the vectors."""
    verb = VERBS[type(message)]
    if isinstance(message, (m.Cancel, m.Credit)):
        return {"verb": verb, **of_running(message)}
    raw = message._asdict() if isinstance(message, tuple) else {n: getattr(message, n) for n in message.__slots__}
    names = {"text": "message", "count": "count"}
    said = {names.get(key, key): item for key, item in raw.items()}
    if verb == "HELLO":
        role = {m.WorkerHello: "worker", m.AgentHello: "agent"}.get(type(message), "client")
        protocol = said.pop("protocol")
        said = {"protocol": protocol, "role": role, "facts": without(said, DEFAULTS)}
    elif verb == "WELCOME":
        said = {"session": said.pop("session"), "facts": without(said, WELCOME_DEFAULTS)}
    elif verb == "STOP":
        said = {"facts": without(said, DEFAULTS)}
    elif verb in ("REPLACE", "RETIRE", "EXITED", "POOL"):
        said["facts"] = without(dict(said["facts"]), FACT_DEFAULTS)
    if isinstance(said.get("payload"), tuple):
        said["payload"] = {"frames": len(said["payload"])}
    if "options" in said:
        said["options"] = without(dict(said["options"]), OPTION_DEFAULTS)
    if isinstance(said.get("function"), str):
        said["function"] = said["function"].encode("utf-8", "surrogateescape")
    for key, empty in (("message", ""), ("reason", ""), ("facts", None)):
        if key in said and said[key] == empty:
            del said[key]
    for key in ("options", "info", "details", "facts", "fields"):
        if key in said and not said[key] and verb not in ("HELLO", "HEARTBEAT"):
            del said[key]
    return {"verb": verb, **{key: plain_lists(item) for key, item in said.items()}}


def plain_lists(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict):
        return {key: plain_lists(item) for key, item in value.items()}
    return value


def expected(command: dict[str, Any]) -> dict[str, Any]:
    said = plain(command)
    if isinstance(said.get("function"), str):
        said["function"] = said["function"].encode()
    if said["verb"] == "WELCOME":
        said["facts"] = without(said.get("facts", {}), WELCOME_DEFAULTS)
        if not said["facts"]:
            del said["facts"]
    return said


def decoded(entry: dict[str, Any], attachments: list[bytes]) -> list[Any]:
    to_broker = entry["direction"] == "to_broker"
    return wire.decode(unhex(entry["control"]), attachments, side=entry["side"], to_broker=to_broker)


@pytest.mark.parametrize("entry", entries("good.json"), ids=lambda entry: entry["name"])
def test_a_good_message_is_understood_and_its_canonical_form_is_what_we_send(entry: dict[str, Any]) -> None:
    attachments = [unhex(frame) for frame in entry["attachments"]]
    messages = decoded(entry, attachments)
    assert [described(message) for message in messages] == [expected(command) for command in entry["commands"]]
    assert [frame for message in messages for frame in wire.frames_of(message)] == attachments
    if entry["canonical"]:
        assert b"".join(wire.encode(message) for message in messages).hex() == unhex(entry["control"]).hex()


@pytest.mark.parametrize("entry", entries("bad.json"), ids=lambda entry: entry["name"])
def test_a_bad_message_gives_a_typed_fault_and_harms_no_other_command(entry: dict[str, Any]) -> None:
    attachments = [unhex(frame) for frame in entry["attachments"]]
    claimed = sum(outcome["fault"]["frames"] for outcome in entry["outcomes"] if "fault" in outcome)
    outcomes = decoded(entry, attachments or [b""] * min(claimed, m.MESSAGE_FRAMES_MAX))
    for outcome, wanted in zip(outcomes, entry["outcomes"], strict=False):
        if "command" in wanted:
            assert described(outcome) == expected(wanted["command"])
            continue
        assert isinstance(outcome, m.Fault)
        assert outcome.is_broken == ("broken" in wanted)
        fault = wanted.get("fault") or wanted["broken"]
        assert outcome.code == fault["code"]
        if "fault" in wanted and fault["code"] != "bad_message":
            assert (outcome.field, outcome.ref) == (fault["field"], plain(fault["ref"]))
    assert len(outcomes) >= len(entry["outcomes"])
    extra = outcomes[len(entry["outcomes"]) :]
    assert all(isinstance(fault, m.Fault) and "left over" in fault.text for fault in extra)


def test_frames_that_are_missing_make_this_and_every_later_claim_wrong() -> None:
    control = (
        wire.encode(m.Result(1, (b"", b""))) + wire.encode(m.Result(2, b"inline")) + wire.encode(m.Result(3, (b"",)))
    )
    codes = [getattr(outcome, "code", "right") for outcome in wire.decode(control, [b"only one"])]
    assert codes == ["bad_message", "right", "bad_message"]


def test_frames_left_over_are_one_fault_and_the_commands_stand() -> None:
    outcomes = wire.decode(wire.encode(m.Result(1, b"x")), [b"a", b"b"])
    assert type(outcomes[0]) is m.Result
    assert [outcome.code for outcome in outcomes[1:]] == ["bad_message"]


def test_random_bytes_never_raise() -> None:
    import random

    random_bytes = random.Random(1).randbytes
    good = [unhex(entry["control"]) for entry in entries("good.json") if len(entry["control"]) < 400]
    rng = random.Random(2)
    for _ in range(20000):
        data = bytearray(rng.choice(good) if rng.random() < 0.9 else random_bytes(rng.randrange(40)))
        for _ in range(rng.randrange(4)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        wire.decode(bytes(data), side=rng.choice(("client", "worker")), to_broker=rng.random() < 0.5)


def test_a_reason_to_stop_may_be_as_long_as_any_text() -> None:
    stop = m.Stop("x" * m.ERROR_TEXT_BYTES_MAX)
    assert wire.decode(wire.encode(stop), side="worker") == [stop]
