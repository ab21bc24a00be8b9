"""The commands of SPIT/1 as plain immutable records, and the protocol's limits. Knows no encoding, does no I/O.

The meaning of each field is in docs/protocol.md, section 4. Commands of which there is one per task (`Submit`, `Task`,
`Result`, `Chunk`) are named tuples and all others frozen dataclasses: a frozen dataclass of eight fields takes 0.6 us
to make, the tuple 0.16 us, and a worker has about 5 us for a whole small task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

PROTOCOL = "SPIT/1"
ADMIN_POOL = "$snakepit"

NAME_BYTES_MAX = 64
FUNCTION_BYTES_MAX = 255
CONTENT_TYPE_BYTES_MAX = 32
LABEL_BYTES_MAX = 64
HEADERS_BYTES_MAX = 4096
ERROR_TEXT_BYTES_MAX = 4096
ERROR_TYPE_BYTES_MAX = 128
TRACEBACK_BYTES_MAX = 16384
TASK_FRAMES_MAX = 64
MESSAGE_FRAMES_MAX = 4096
INLINE_BYTES_MAX = 256 * 1024
CONTROL_BYTES_MAX = 8 * 1024 * 1024
FRAME_BYTES_MAX = 64 * 1024 * 1024
ATTACH_BYTES_MIN = 8 * 1024
SLOTS_MAX = 4096
LEASES_MAX = 4096
PRIORITY_MAX = 9
PRIORITY_DEFAULT = 5
ATTEMPTS_MAX = 1000
INSTANCE_BYTES = 16
ID_BYTES_MAX = 16
NESTING_MAX = 16
ENDPOINT_BYTES_MAX = 256
REPORT_BYTES_MAX = 16384
AGENT_POOLS_MAX = 256
PROCESSES_MAX = 4096
EVENT_BYTES_MAX = 8192
RETRIES_MAX = 1000
RETRY_TYPES_MAX = 16
KILLS_MAX = 1000
DEDUP_KEY_BYTES_MAX = 128
ORIGIN_BYTES_MAX = 48
CREDIT_MAX = 1_000_000
DURATION_MS_MAX = 315_360_000_000  # ten years

HELLO, WELCOME, REFUSE, HEARTBEAT, BYE, REHELLO = 1, 2, 3, 4, 5, 6
SUBMIT, ACCEPTED, CANCEL, RESULT, ERROR, CHUNK, SEEN, CREDIT = 8, 9, 10, 11, 12, 13, 14, 15
TASK, STARTED, RECALL, NACK, DRAINING, STOP = 16, 17, 18, 19, 20, 21
REPLACE, RETIRE, PROCESSES, EXITED, POOL, EVENT = 24, 25, 26, 27, 28, 29

Buffer: TypeAlias = "bytes | bytearray | memoryview"
# Inline bytes, or the attachment frames: the body first, then the buffers that belong to it.
Payload: TypeAlias = "bytes | tuple[Buffer, ...]"
# A client's task id, a fence on the worker socket, or None where no task is meant.
Ref: TypeAlias = "int | bytes | None"
Facts: TypeAlias = Mapping[str, Any]

NOTHING: Facts = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ClientHello:
    """HELLO of a client. `instance` is 16 random bytes, the same for the life of the process."""

    instance: bytes
    name: str = ""
    on_disconnect: str = "continue"
    protocol: str = PROTOCOL


@dataclass(frozen=True, slots=True)
class WorkerHello:
    """HELLO of a worker. `session` above 0 asks to resume it, with the fences in `leases`; `holds` are
    (fence, attempt, origin) of an earlier broker.
    """

    pool: str
    slots: int = 1
    profile: str = "process"
    name: str = ""
    host: str = ""
    pid: int = 0
    python: str = ""
    gil_enabled: bool = True
    session: int = 0
    leases: tuple[int, ...] = ()
    holds: tuple[tuple[int, int, bytes], ...] = ()
    agent: int = 0
    replaces: int = 0
    free_threaded: bool = False
    gil_module: str = ""
    report: Facts = field(default_factory=dict)
    protocol: str = PROTOCOL


@dataclass(frozen=True, slots=True)
class AgentHello:
    """HELLO of an agent, which keeps `wanted` workers alive for each of its pools, given as (name, wanted)."""

    agent: int
    name: str = ""
    host: str = ""
    pid: int = 0
    pools: tuple[tuple[str, int], ...] = ()
    protocol: str = PROTOCOL


@dataclass(frozen=True, slots=True)
class OtherHello:
    """HELLO in another protocol, of which only the name is understood."""

    protocol: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """Answer to a HELLO: intervals in milliseconds, limits in bytes; `leases` are the offered fences still open."""

    session: int
    broker: str = ""
    epoch: int = 0
    resumed: bool = False
    heartbeat_ms: int = 5000
    inline_max: int = INLINE_BYTES_MAX
    control_max: int = CONTROL_BYTES_MAX
    frame_max: int = FRAME_BYTES_MAX
    attachments_max: int = TASK_FRAMES_MAX
    leases: tuple[int, ...] = ()
    clients: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """A HELLO was refused; no session was made."""

    code: str
    text: str = ""
    details: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life. `facts` of a worker: rss_bytes, cpu_us, tasks_done, running, gil_enabled,
    gil_module, report. None: short form.
    """

    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Bye:
    """The end of a session in good order."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rehello:
    """The broker does not know the sender, which must say HELLO first."""


class Submit(NamedTuple):
    """A task is offered. `options`: the map of section 4.3, without the defaults."""

    id: int | bytes
    pool: str
    function: str
    payload: Payload
    options: Facts = NOTHING


@dataclass(frozen=True, slots=True)
class Accepted:
    """A task was accepted; `task` is the broker's number for it."""

    id: int | bytes
    task: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """A task is to end. `raise_`, to workers: by an exception, as asking was not enough."""

    ref: int | bytes
    raise_: bool = False


@dataclass(frozen=True, slots=True)
class Credit:
    """How many chunks of an attempt the reader allows in all. `attempt`, from clients: of which; 0: the current one."""

    ref: int | bytes
    count: int
    attempt: int = 0


class Result(NamedTuple):
    """A task ended ok."""

    ref: Ref
    payload: Payload
    info: Facts = NOTHING


@dataclass(frozen=True, slots=True)
class Error:
    """A task, or a command, did not end well."""

    ref: Ref
    code: str
    text: str = ""
    details: Facts = field(default_factory=dict)


class Chunk(NamedTuple):
    """A part of a streamed result; `seq` counts from 1 in each attempt."""

    ref: Ref
    seq: int
    payload: Payload
    info: Facts = NOTHING


@dataclass(frozen=True, slots=True)
class Seen:
    """How many final messages came since the WELCOME, in all."""

    count: int


class Task(NamedTuple):
    """An attempt for this worker. `options`: content_type, headers, stream, progress, deadline_ms (what is left),
    origin, session, credit, run_ms.
    """

    fence: int
    attempt: int
    function: str
    payload: Payload
    options: Facts = NOTHING


@dataclass(frozen=True, slots=True)
class Started:
    """A task that waited in the worker begins."""

    fence: int


@dataclass(frozen=True, slots=True)
class Recall:
    """Give the task back if it has not begun."""

    fence: int


@dataclass(frozen=True, slots=True)
class Nack:
    """A task returned unstarted."""

    fence: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Draining:
    """The worker takes no new task."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The worker should end; what runs has `grace_ms`."""

    reason: str = ""
    grace_ms: int = 0


@dataclass(frozen=True, slots=True)
class Replace:
    """To an agent: start a replacement for the worker `pid` of `pool`. `facts`: reason, first."""

    session: int
    pid: int
    pool: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retire:
    """To an agent: the process ends and is not started again. `facts`: kill, grace_ms, reason."""

    pid: int
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Processes:
    """Of an agent: what each worker uses, as (pid, rss_bytes, cpu_us)."""

    processes: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Exited:
    """Of an agent: a process ended, or could not be started (`pid` 0). `facts`: cause, status, replaces, text."""

    pool: str
    pid: int
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pool:
    """Of an agent: the state of a pool there. `facts`: state, wanted, changed, reason."""

    pool: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Telemetry of an application; the name begins with `app.`."""

    name: str
    fields: Facts = field(default_factory=dict)


Message: TypeAlias = (
    ClientHello | WorkerHello | AgentHello | OtherHello | Welcome | Refuse | Heartbeat | Bye | Rehello | Submit
    | Accepted | Cancel | Credit | Result | Error | Chunk | Seen | Task | Started | Recall | Nack | Draining | Stop
    | Replace | Retire | Processes | Exited | Pool | Event
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """A command that could not be decoded. Those around it stand, unless `is_broken`: then the frame ended there.

    `code` is one of bad_message, bad_field, unsupported, too_large, unknown_verb; `field` names the field or is empty;
    `offset` is the command's first byte in the control frame.
    """

    code: str
    ref: Ref = None
    field: str = ""
    text: str = ""
    offset: int = 0
    is_broken: bool = False
