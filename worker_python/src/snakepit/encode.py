"""SPIT/1 commands to bytes (docs/protocol.md). Pure: no sockets, no clock.

`encode` gives the bytes of one command; any number of them back to back make a control frame. Attachment frames travel
beside the control frame, in the order of the commands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack  # type: ignore[import-untyped]

from . import message as m
from .message import Buffer, Message, Payload

# Packers to be used again: making one costs more than packing a small command. Taking from and adding to a list is
# atomic, so threads share them without a lock.
_packers: list[Any] = []
_PACKER_BYTES_MAX = 64 * 1024


def _pack(command: object) -> bytes:
    try:
        packer = _packers.pop()
    except IndexError:
        packer = msgpack.Packer()
    packed: bytes = packer.pack(command)
    if len(packed) < _PACKER_BYTES_MAX:  # one that has grown would keep its memory
        _packers.append(packer)
    return packed


# Where a command of this verb has its payload.
PAYLOAD_AT = {m.SUBMIT: 4, m.TASK: 4, m.RESULT: 2, m.CHUNK: 3}


def payload_field(payload: Payload) -> bytes | int:
    """Give what stands in the command for this payload: the bytes, or the number of its frames."""
    return len(payload) if isinstance(payload, tuple) else payload


def frames_of(message: Message) -> tuple[Buffer, ...]:
    """Give the attachment frames that belong to a message."""
    payload = getattr(message, "payload", b"")
    return payload if isinstance(payload, tuple) else ()


def encode_result(ref: m.Ref, payload: Payload, info: m.Facts = m.NOTHING) -> bytes:
    """Encode one RESULT; apart from `encode`, since a worker makes one for each task."""
    body = len(payload) if isinstance(payload, tuple) else payload
    return _pack((m.RESULT, ref, body, dict(info)) if info else (m.RESULT, ref, body))


def encode_submit(
    task_id: int | bytes, pool: str, function: str, payload: Payload, options: m.Facts = m.NOTHING
) -> bytes:
    """Encode one SUBMIT; apart from `encode`, since a client makes one for each task."""
    body = len(payload) if isinstance(payload, tuple) else payload
    if options:
        return _pack((m.SUBMIT, task_id, pool, function, body, dict(options)))
    return _pack((m.SUBMIT, task_id, pool, function, body))


def encode(message: Message) -> bytes:
    """Encode one command. Trailing fields that have their default are left out.

    Raises:
        KeyError: it is no message.
        OverflowError, TypeError: a field is of a type or size that MessagePack cannot carry.
    """
    # A function's name need not be UTF-8; decode kept its bytes as surrogates.
    return bytes(msgpack.packb(_ENCODERS[type(message)](message), unicode_errors="surrogateescape"))


def attach_payload(command: bytes) -> tuple[bytes, tuple[Buffer, ...]]:
    """Move the inline payload of an encoded command into an attachment frame, for a broker with a low `inline_max`.

    Returns:
        The command as it is to be sent, and its frames; unchanged when it has no inline payload.
    """
    fields = msgpack.unpackb(command, unicode_errors="surrogateescape")
    index = PAYLOAD_AT.get(fields[0])
    if index is None or not isinstance(fields[index], bytes):
        return command, ()
    payload, fields[index] = fields[index], 1
    return bytes(msgpack.packb(fields, unicode_errors="surrogateescape")), (payload,)


_TIMES = ("delay_ms", "deadline_ms")


def has_times(command: bytes) -> bool:
    """Whether an encoded SUBMIT may have times that pass; certainly not when this is False."""
    return any(name.encode() in command for name in _TIMES)


def mark_again(command: bytes, passed_ms: int = 0) -> bytes:
    """Say in an encoded SUBMIT that the task was offered before, on another connection.

    Args:
        command: the SUBMIT.
        passed_ms: so much of its delay and deadline has passed; what is left, at least 0, stands in their place.
    """
    fields = msgpack.unpackb(command, unicode_errors="surrogateescape")
    options = fields[5] if len(fields) > 5 else {}
    left = {name: max(0, options[name] - passed_ms) for name in _TIMES if name in options}
    return bytes(msgpack.packb([*fields[:5], {**options, **left, "again": True}], unicode_errors="surrogateescape"))


def cut_text(text: str, bytes_max: int, *, keep_tail: bool = False) -> str:
    """Cut a text to so many bytes of UTF-8, at a character; lone surrogates become question marks."""
    data = text.encode("utf-8", "replace")
    if len(data) > bytes_max:
        data = data[-bytes_max:] if keep_tail else data[:bytes_max]
    return data.decode("utf-8", "ignore")


def _trim(command: list[Any], *defaults: object) -> list[Any]:
    """Leave out trailing fields that equal their defaults; `defaults` stand for the last fields in order."""
    for default in reversed(defaults):
        if command[-1] != default:
            break
        command.pop()
    return command


def _facts(record: object, *names: str, **defaults: object) -> dict[str, Any]:
    """Make a map of a record's fields: the names always, those with a default only when they differ from it."""
    facts = {name: getattr(record, name) for name in names}
    for name, default in defaults.items():
        value = getattr(record, name)
        if value != default:
            facts[name] = value
    return facts


def _client_hello(hello: m.ClientHello) -> list[Any]:
    return [m.HELLO, hello.protocol, "client", _facts(hello, "instance", name="", on_disconnect="continue")]


def _worker_hello(hello: m.WorkerHello) -> list[Any]:
    facts = _facts(
        hello, "pool", slots=1, profile="process", name="", host="", pid=0, python="", gil_enabled=True, session=0,
        leases=(), holds=(), agent=0, replaces=0, free_threaded=False, gil_module="", report={},
    )  # fmt: skip
    return [m.HELLO, hello.protocol, "worker", facts]


def _agent_hello(hello: m.AgentHello) -> list[Any]:
    return [m.HELLO, hello.protocol, "agent", _facts(hello, "agent", name="", host="", pid=0, pools=())]


def _welcome(welcome: m.Welcome) -> list[Any]:
    facts = _facts(
        welcome, "broker", "epoch", "resumed", "heartbeat_ms", "inline_max", "control_max", "frame_max",
        "attachments_max", leases=(), clients="",
    )  # fmt: skip
    # One with nothing to say is what a test's broker sends; a real one says all.
    return (
        [m.WELCOME, welcome.session] if welcome == m.Welcome(welcome.session) else [m.WELCOME, welcome.session, facts]
    )


def _error(error: m.Error) -> list[Any]:
    return _trim([m.ERROR, error.ref, error.code, error.text, dict(error.details)], {})


_ENCODERS: dict[type, Callable[[Any], list[Any]]] = {
    m.ClientHello: _client_hello,
    m.WorkerHello: _worker_hello,
    m.AgentHello: _agent_hello,
    m.Welcome: _welcome,
    m.Refuse: lambda c: _trim([m.REFUSE, c.code, c.text, dict(c.details)], {}),
    m.Heartbeat: lambda c: [m.HEARTBEAT] if c.facts is None else [m.HEARTBEAT, dict(c.facts)],
    m.Bye: lambda c: _trim([m.BYE, c.reason], ""),
    m.Rehello: lambda c: [m.REHELLO],
    m.Submit: lambda c: _trim([m.SUBMIT, c.id, c.pool, c.function, payload_field(c.payload), dict(c.options)], {}),
    m.Accepted: lambda c: [m.ACCEPTED, c.id, c.task],
    m.Cancel: lambda c: [m.CANCEL, c.ref, {"raise": True}] if c.raise_ else [m.CANCEL, c.ref],
    m.Credit: lambda c: [m.CREDIT, c.ref, c.count, *([{"attempt": c.attempt}] if c.attempt else [])],
    m.Result: lambda c: _trim([m.RESULT, c.ref, payload_field(c.payload), dict(c.info)], {}),
    m.Error: _error,
    m.Chunk: lambda c: _trim([m.CHUNK, c.ref, c.seq, payload_field(c.payload), dict(c.info)], {}),
    m.Seen: lambda c: [m.SEEN, c.count],
    m.Task: lambda c: _trim(
        [m.TASK, c.fence, c.attempt, c.function, payload_field(c.payload), dict(c.options)], {}
    ),
    m.Started: lambda c: [m.STARTED, c.fence],
    m.Recall: lambda c: [m.RECALL, c.fence],
    m.Nack: lambda c: _trim([m.NACK, c.fence, c.reason], ""),
    m.Draining: lambda c: [m.DRAINING],
    m.Stop: lambda c: _trim([m.STOP, {**({"reason": c.reason} if c.reason else {}),
                                      **({"grace_ms": c.grace_ms} if c.grace_ms else {})}], {}),
    m.Replace: lambda c: _trim([m.REPLACE, c.session, c.pid, c.pool, dict(c.facts)], {}),
    m.Retire: lambda c: _trim([m.RETIRE, c.pid, dict(c.facts)], {}),
    m.Processes: lambda c: [m.PROCESSES, c.processes],
    m.Exited: lambda c: _trim([m.EXITED, c.pool, c.pid, dict(c.facts)], {}),
    m.Pool: lambda c: _trim([m.POOL, c.pool, dict(c.facts)], {}),
    m.Event: lambda c: _trim([m.EVENT, c.name, dict(c.fields)], {}),
}  # fmt: skip
