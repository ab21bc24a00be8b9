"""Bytes to SPIT/1 commands (docs/protocol.md). Pure: no sockets, no clock; never trusts what it reads.

`decode` gives the commands of one control frame, and a `Fault` for each one that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgpack  # type: ignore[import-untyped]

from . import facts
from . import fields as check
from . import message as m
from .encode import PAYLOAD_AT
from .facts import ATTEMPT_MAX
from .fields import FieldError, Map
from .message import ORIGIN_BYTES_MAX, TASK, Buffer, Fault, Message, Payload, Task

_Fields: TypeAlias = "tuple[Any, ...]"
_TOO_DEEP = "the command"
_Decoder: TypeAlias = "Callable[[_Fields, Frames], Message]"

# The most elements that one array or map may claim: twice the longest list of the protocol. A claim costs memory before
# its elements are read, and claims can be nested.
_ELEMENTS_MAX = 2 * m.LEASES_MAX


class Frames:
    """The attachment frames of one message, taken from the front by the commands that claim them."""

    def __init__(self, frames: Sequence[Buffer]) -> None:
        self._frames = frames
        self._taken = 0
        self.is_short = False

    @property
    def left(self) -> int:
        """How many frames nobody has claimed."""
        return len(self._frames) - self._taken

    def take(self, count: int) -> tuple[Buffer, ...]:
        """Take the next `count` frames. FieldError `bad_message` when they are not there, now and ever after."""
        end = self._taken + count
        if self.is_short or end > len(self._frames):
            self.is_short = True
            raise FieldError("payload", "claims frames that are not there", "bad_message")
        taken = tuple(self._frames[self._taken : end])
        self._taken = end
        return taken


def decode(
    control: bytes, frames: Sequence[Buffer] = (), *, side: str = "client", to_broker: bool = False
) -> list[Message | Fault]:
    """Decode one message. Never raises for what it reads.

    Args:
        control: the control frame, with one or more commands.
        frames: its attachment frames; they are referred to, not copied.
        side: `"client"` or `"worker"`, the socket that it travels on.
        to_broker: which way it travels.

    Returns:
        The commands in order; a `Fault` stands where one is wrong. Unknown trailing fields and keys are left out.
    """
    if len(control) > m.CONTROL_BYTES_MAX:
        return [Fault("bad_message", text="the control frame is over its limit", is_broken=True)]
    decoders = _DECODERS[side, to_broker]
    return _decode_right(control, frames, decoders, side) or _decode_wrong(control, frames, decoders, side)


def _decode_right(
    control: bytes, frames: Sequence[Buffer], decoders: dict[int, _Decoder], side: str
) -> list[Message | Fault] | None:
    """Decode a message in which all is right; None or nothing: something is wrong, or there is nothing."""
    unpacker = _unpacker(control)
    unpack, tell, size = unpacker.unpack, unpacker.tell, len(control)
    attached = Frames(frames)
    has_tasks = decoders.get(m.TASK) is _task
    decoded: list[Message | Fault] = []
    while tell() < size:
        try:
            command = unpack()
        except (ValueError, TypeError, OverflowError, msgpack.UnpackException):
            return None
        message = (_usual_task(command) if has_tasks else None) or _decode_command(command, attached, decoders, side, 0)
        if type(message) is Fault:
            return None
        decoded.append(message)
    return None if attached.left else decoded


def _decode_wrong(
    control: bytes, frames: Sequence[Buffer], decoders: dict[int, _Decoder], side: str
) -> list[Message | Fault]:
    """Decode a message in which something is wrong, and say where: that costs more for each command."""
    attached = Frames(frames)
    decoded: list[Message | Fault] = []
    unpacker = _unpacker(control)
    unpack, tell, offset, size = unpacker.unpack, unpacker.tell, 0, len(control)
    while offset < size or not size:
        try:
            command = unpack()
        except (ValueError, TypeError, OverflowError, msgpack.UnpackException):
            decoded.append(Fault("bad_message", text="not whole MessagePack", offset=offset, is_broken=True))
            return decoded
        message = _decode_command(command, attached, decoders, side, offset)
        decoded.append(message)
        if type(message) is Fault and message.is_broken:
            return decoded
        offset = tell()
    if attached.left and not attached.is_short:
        decoded.append(Fault("bad_message", text="frames are left over", offset=offset))
    return decoded


def _unpacker(control: bytes) -> Any:
    unpacker = msgpack.Unpacker(
        use_list=False,
        object_pairs_hook=Map,
        strict_map_key=False,
        unicode_errors="surrogateescape",  # one wrong str must not end the frame; the field's check finds it
        max_buffer_size=m.CONTROL_BYTES_MAX,
        max_array_len=_ELEMENTS_MAX,
        max_map_len=_ELEMENTS_MAX,
    )
    unpacker.feed(control)
    return unpacker


def _decode_command(
    command: Any, attached: Frames, decoders: dict[int, _Decoder], side: str, offset: int
) -> Message | Fault:
    if type(command) is not tuple or not command:
        name = "verb" if command == () else ""
        return Fault("bad_message", field=name, text="a command is a non-empty array", offset=offset)
    verb = command[0]
    if type(verb) is not int or verb < 0:
        return Fault("bad_message", field="verb", text="a verb is an unsigned integer", offset=offset)
    decoder = decoders.get(verb)
    try:
        if decoder is None:
            _pass_over_frames(command, attached)
            raise FieldError("verb", f"{verb} has no place here", "unknown_verb")
        return decoder(command, attached)
    except FieldError as error:
        is_broken = error.name == _TOO_DEEP
        name = "" if is_broken else error.name
        return Fault(error.code, _ref_of(command, side), name, f"{error.name} {error.text}", offset, is_broken)


def _pass_over_frames(command: _Fields, attached: Frames) -> None:
    """Take what a command without a place here claims, so that the next one finds its own."""
    index = PAYLOAD_AT.get(command[0], len(command))
    if index < len(command) and type(command[index]) is int and 1 <= command[index] <= m.TASK_FRAMES_MAX:
        attached.take(command[index])


def _ref_of(command: _Fields, side: str) -> m.Ref:
    """Give the ref or id of a wrong command, or None when it has none or it is what is wrong."""
    if len(command) < 2 or command[0] not in _REF_VERBS:
        return None
    try:
        check_ref = check.task_id if command[0] in (m.SUBMIT, m.ACCEPTED) else _REF[side]
        ref: m.Ref = check_ref(command[1], "ref")
        return ref
    except FieldError:
        return None


def _need(command: _Fields, *names: str) -> None:
    """Check that the fields after the verb are there, and how deep all fields are, unknown ones too."""
    for field in command:
        if isinstance(field, tuple) and check.depth(field) >= m.NESTING_MAX:
            raise FieldError(_TOO_DEEP, "is nested too deep", "bad_message")
    if len(command) <= len(names):
        raise FieldError(names[len(command) - 1], "is missing")


def _take_payload(value: Any, attached: Frames, to_broker: bool) -> Payload:
    # A broker may be set to allow more inline than the default; what it sends is taken.
    if type(value) is bytes and (len(value) <= m.INLINE_BYTES_MAX or not to_broker):
        return value
    claim = check.payload_claim(value, "payload")
    return claim if isinstance(claim, bytes) else attached.take(claim)


# --- one function for each verb; the fields' order is that of docs/protocol.md ----------------------------------------


def _hello(role: str, facts_of: dict[str, check.Check], key: str, make: Callable[..., Message]) -> _Decoder:
    def decoder(c: _Fields, _: Frames) -> Message:
        _need(c, "protocol")
        protocol = check.text(64, 1)(c[1], "protocol")
        if protocol != m.PROTOCOL:  # understood as far as its name, so that it can be refused by it
            return m.OtherHello(protocol)
        _need(c, "protocol", "role")
        check.choice(role)(c[2], "role")
        _need(c, "protocol", "role", key)
        known = check.mapping(c[3], "facts", facts_of)
        if key not in known:
            raise FieldError(key, "is missing")
        return make(**known)

    return decoder


_hello_of_worker = _hello("worker", facts.WORKER_FACTS, "pool", m.WorkerHello)
_hello_of_agent = _hello("agent", facts.AGENT_FACTS, "agent", m.AgentHello)


def _worker_or_agent(c: _Fields, attached: Frames) -> Message:
    return (_hello_of_agent if len(c) > 2 and c[2] == "agent" else _hello_of_worker)(c, attached)


def _welcome(c: _Fields, _: Frames) -> Message:
    _need(c, "session")
    known = check.mapping(c[2], "facts", facts.WELCOME_FACTS) if len(c) > 2 else {}
    return m.Welcome(check.uint()(c[1], "session"), **known)


def _refuse(c: _Fields, _: Frames) -> Message:
    _need(c, "code")
    return m.Refuse(_code(c[1]), _text(c, 2, "message"), _details(c, 3))


def _heartbeat(c: _Fields, _: Frames) -> Message:
    _need(c)
    return m.Heartbeat(check.mapping(c[1], "facts", facts.HEARTBEAT_FACTS) if len(c) > 1 else None)


def _submit(c: _Fields, attached: Frames) -> Message:
    claimed = _claim(c, 4, attached, "id", "pool", "function", "payload", to_broker=True)
    task_id = check.task_id(c[1], "id")
    pool = c[2] if c[2] in ("", m.ADMIN_POOL) else check.pool(c[2], "pool")
    function = check.function(c[3], "function")
    options = m.NOTHING
    if len(c) > 5:
        options = check.mapping(c[5], "options", facts.SUBMIT_OPTIONS, check.refused_option)
    return m.Submit(task_id, pool, function, claimed, options)


def _result(side: str, to_broker: bool) -> _Decoder:
    check_ref = _REF[side]

    def decoder(c: _Fields, attached: Frames) -> Message:
        if len(c) == 3 and type(c[2]) is bytes and type(c[1]) is int and c[1] >= 0 and not to_broker:  # the usual case
            return m.Result(c[1], c[2])
        claimed = _claim(c, 2, attached, "ref", "payload", to_broker=to_broker)
        info = check.mapping(c[3], "info", facts.INFO) if len(c) > 3 else m.NOTHING
        return m.Result(check_ref(c[1], "ref"), claimed, info)

    return decoder


def _chunk(side: str, to_broker: bool) -> _Decoder:
    check_ref, check_seq = _REF[side], check.uint(least=1)

    def decoder(c: _Fields, attached: Frames) -> Message:
        claimed = _claim(c, 3, attached, "ref", "seq", "payload", to_broker=to_broker)
        info = check.mapping(c[4], "info", facts.INFO) if len(c) > 4 else m.NOTHING
        return m.Chunk(check_ref(c[1], "ref"), check_seq(c[2], "seq"), claimed, info)

    return decoder


def _usual_task(command: Any) -> Task | None:
    """Give a TASK that has no options but an origin, and an inline payload, as most have; None: it is no such one."""
    if type(command) is not tuple or len(command) != 6:
        return None
    verb, fence, attempt, function, payload, options = command
    if (
        type(verb) is int
        and verb == TASK
        and type(payload) is bytes
        and type(function) is str
        and 0 < len(function) < _SHORT
        and type(fence) is int
        and fence >= 0
        and type(attempt) is int
        and 1 <= attempt <= ATTEMPT_MAX
        and type(options) is Map
        and len(options) == 1
    ):
        key, origin = options[0]
        if key == "origin" and type(origin) is bytes and 0 < len(origin) <= ORIGIN_BYTES_MAX:
            return _new_tuple(Task, (fence, attempt, function, payload, {"origin": origin}))
    return None


def _task(c: _Fields, attached: Frames) -> Message:
    claimed = _claim(c, 4, attached, "fence", "attempt", "function", "payload", to_broker=False)
    options = check.mapping(c[5], "options", facts.TASK_OPTIONS) if len(c) > 5 else m.NOTHING
    fence, attempt = _UINT(c[1], "fence"), _ATTEMPT(c[2], "attempt")
    return m.Task(fence, attempt, check.function(c[3], "function"), claimed, options)


def _error(side: str) -> _Decoder:
    check_ref = _REF[side]

    def decoder(c: _Fields, _: Frames) -> Message:
        _need(c, "ref", "code")
        ref = None if c[1] is None else check_ref(c[1], "ref")
        return m.Error(ref, _code(c[2]), _text(c, 3, "message"), _details(c, 4))

    return decoder


def _stop(c: _Fields, _: Frames) -> Message:
    _need(c)
    return m.Stop(**(check.mapping(c[1], "facts", facts.STOP_FACTS) if len(c) > 1 else {}))


def _replace(c: _Fields, _: Frames) -> Message:
    _need(c, "session", "pid", "pool")
    session, pid, pool = _UINT(c[1], "session"), _UINT(c[2], "pid"), check.pool(c[3], "pool")
    return m.Replace(session, pid, pool, _facts(c, 4, facts.REPLACE_FACTS))


def _retire(c: _Fields, _: Frames) -> Message:
    _need(c, "pid")
    return m.Retire(_UINT(c[1], "pid"), _facts(c, 2, facts.RETIRE_FACTS))


def _processes(c: _Fields, _: Frames) -> Message:
    _need(c, "processes")
    return m.Processes(check.processes(c[1], "processes"))


def _exited(c: _Fields, _: Frames) -> Message:
    _need(c, "pool", "pid")
    return m.Exited(check.pool(c[1], "pool"), _UINT(c[2], "pid"), _facts(c, 3, facts.EXITED_FACTS))


def _pool(c: _Fields, _: Frames) -> Message:
    _need(c, "pool")
    return m.Pool(check.pool(c[1], "pool"), _facts(c, 2, facts.POOL_FACTS))


def _event(c: _Fields, _: Frames) -> Message:
    _need(c, "name")
    name = check.event_name(c[1], "name")
    return m.Event(name, _EVENT_FIELDS(c[2], "fields") if len(c) > 2 else m.NOTHING)


def _facts(c: _Fields, index: int, table: dict[str, check.Check]) -> m.Facts:
    return check.mapping(c[index], "facts", table) if len(c) > index else m.NOTHING


def _bye(c: _Fields, _: Frames) -> Message:
    _need(c)
    return m.Bye(_text(c, 1, "reason"))


def _accepted(c: _Fields, _: Frames) -> Message:
    _need(c, "id", "task")
    return m.Accepted(check.task_id(c[1], "id"), _UINT(c[2], "task"))


def _cancel(side: str) -> _Decoder:
    def decoder(c: _Fields, _: Frames) -> Message:
        _need(c, "ref")
        ref = _REF[side](c[1], "ref")
        facts_of = _facts(c, 2, facts.CANCEL_FACTS) if side == "worker" else m.NOTHING
        return m.Cancel(ref, bool(facts_of.get("raise")))

    return decoder


def _credit(side: str) -> _Decoder:
    def decoder(c: _Fields, _: Frames) -> Message:
        _need(c, "ref", "count")
        ref, count = _REF[side](c[1], "ref"), _UINT(c[2], "count")
        facts_of = _facts(c, 3, facts.CREDIT_FACTS) if side == "client" else m.NOTHING
        return m.Credit(ref, count, facts_of.get("attempt", 0))

    return decoder


def _nack(c: _Fields, _: Frames) -> Message:
    _need(c, "fence")
    return m.Nack(_UINT(c[1], "fence"), _text(c, 2, "reason"))


def _number(make: Callable[[int], Message], name: str) -> _Decoder:
    def decoder(c: _Fields, _: Frames) -> Message:
        _need(c, name)
        return make(_UINT(c[1], name))

    return decoder


def _bare(make: Callable[[], Message]) -> _Decoder:
    def decoder(c: _Fields, _: Frames) -> Message:
        _need(c)
        return make()

    return decoder


def _claim(c: _Fields, index: int, attached: Frames, *names: str, to_broker: bool) -> Payload:
    """Take the payload first: its frames are gone from the message even when another field is wrong."""
    claimed = _take_payload(c[index], attached, to_broker) if len(c) > index else b""
    if len(c) != index + 1:
        _need(c, *names)
    return claimed


def _code(value: Any) -> str:
    return str(_CODE(value, "code"))


def _text(c: _Fields, index: int, name: str) -> str:
    return str(_TEXT(c[index], name)) if len(c) > index else ""


def _details(c: _Fields, index: int) -> dict[str, Any]:
    return check.mapping(c[index], "details", facts.DETAILS) if len(c) > index else {}


# Verbs that have a ref, a fence or an id as their first field.
_REF_VERBS = {*PAYLOAD_AT, m.ACCEPTED, m.CANCEL, m.CREDIT, m.ERROR, m.STARTED, m.RECALL, m.NACK}
# A third of what the class's own constructor takes.
_new_tuple = tuple.__new__
# A str of fewer characters is within the limit of a function's name in any encoding.
_SHORT = m.FUNCTION_BYTES_MAX // 4
_UINT = check.uint()
_EVENT_FIELDS = check.any_mapping(m.EVENT_BYTES_MAX)
_ATTEMPT = check.uint(facts.ATTEMPT_MAX, 1)
_CODE = check.text(64, 1)
_TEXT = check.text(m.CONTROL_BYTES_MAX)
_REF = {"client": check.task_id, "worker": _UINT}


def _from_broker(side: str) -> dict[int, _Decoder]:
    return {
        m.WELCOME: _welcome,
        m.REFUSE: _refuse,
        m.HEARTBEAT: _heartbeat,
        m.REHELLO: _bare(m.Rehello),
        m.ERROR: _error(side),
    }


# The table of docs/protocol.md, section 4: (socket, to the broker) -> the verbs that have a place there.
_DECODERS: dict[tuple[str, bool], dict[int, _Decoder]] = {
    ("client", True): {
        m.HELLO: _hello("client", facts.CLIENT_FACTS, "instance", m.ClientHello),
        m.HEARTBEAT: _heartbeat,
        m.BYE: _bye,
        m.SUBMIT: _submit,
        m.CANCEL: _cancel("client"),
        m.CREDIT: _credit("client"),
        m.SEEN: _number(m.Seen, "count"),
    },
    ("client", False): {
        **_from_broker("client"),
        m.ACCEPTED: _accepted,
        m.RESULT: _result("client", to_broker=False),
        m.CHUNK: _chunk("client", to_broker=False),
    },
    ("worker", True): {
        m.HELLO: _worker_or_agent,
        m.HEARTBEAT: _heartbeat,
        m.BYE: _bye,
        m.RESULT: _result("worker", to_broker=True),
        m.ERROR: _error("worker"),
        m.CHUNK: _chunk("worker", to_broker=True),
        m.STARTED: _number(m.Started, "fence"),
        m.NACK: _nack,
        m.DRAINING: _bare(m.Draining),
        m.PROCESSES: _processes,
        m.EXITED: _exited,
        m.POOL: _pool,
        m.EVENT: _event,
    },
    ("worker", False): {
        **_from_broker("worker"),
        m.TASK: _task,
        m.CANCEL: _cancel("worker"),
        m.CREDIT: _credit("worker"),
        m.RECALL: _number(m.Recall, "fence"),
        m.STOP: _stop,
        m.REPLACE: _replace,
        m.RETIRE: _retire,
    },
}
