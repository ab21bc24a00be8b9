"""The maps of SPIT/1 as tables: which keys each has, and the check of each value (docs/protocol.md, section 4)."""

from __future__ import annotations

from . import fields as check
from . import message as m
from .fields import Check

ATTEMPT_MAX = 2**32 - 1

CLIENT_FACTS: dict[str, Check] = {
    "instance": check.binary(m.INSTANCE_BYTES),
    "name": check.label,
    "on_disconnect": check.choice("continue", "cancel"),
}
WORKER_FACTS: dict[str, Check] = {
    "pool": check.pool,
    "slots": check.uint(m.SLOTS_MAX, 1),
    "profile": check.choice("process", "thread"),
    "name": check.label,
    "host": check.label,
    "pid": check.uint(),
    "python": check.label,
    "gil_enabled": check.boolean,
    "session": check.uint(),
    "leases": check.fences,
    "holds": check.holds,
    "agent": check.uint(),
    "replaces": check.uint(),
    "free_threaded": check.boolean,
    "gil_module": check.label,
    "report": check.any_mapping(m.REPORT_BYTES_MAX),
}
AGENT_FACTS: dict[str, Check] = {
    "agent": check.uint(least=1),
    "name": check.label,
    "host": check.label,
    "pid": check.uint(),
    "pools": check.agent_pools,
}
WELCOME_FACTS: dict[str, Check] = {
    "broker": check.text(255),
    "epoch": check.uint(),
    "resumed": check.boolean,
    "heartbeat_ms": check.uint(least=1),
    "inline_max": check.uint(),
    "control_max": check.uint(),
    "frame_max": check.uint(),
    "attachments_max": check.uint(),
    "leases": check.fences,
    "clients": check.text(m.ENDPOINT_BYTES_MAX),
}
HEARTBEAT_FACTS: dict[str, Check] = {
    "rss_bytes": check.uint(),
    "cpu_us": check.uint(),
    "tasks_done": check.uint(),
    "running": check.fences,
    "gil_enabled": check.boolean,
    "gil_module": check.label,
    "report": check.any_mapping(m.REPORT_BYTES_MAX),
}


_HEADERS = check.str_mapping(m.HEADERS_BYTES_MAX)
_DURATION = check.uint(m.DURATION_MS_MAX)
_KEY = check.opaque(m.LABEL_BYTES_MAX)
SUBMIT_OPTIONS: dict[str, Check] = {
    "priority": check.uint(m.PRIORITY_MAX),
    "delay_ms": _DURATION,
    "deadline_ms": _DURATION,
    "max_attempts": check.uint(m.ATTEMPTS_MAX, 1),
    "on_loss": check.choice("requeue", "lost"),
    "ack": check.boolean,
    "stream": check.boolean,
    "progress": check.boolean,
    "info": check.boolean,
    "content_type": check.content_type,
    "headers": _HEADERS,
    "retries": check.uint(m.RETRIES_MAX),
    "retry_on": check.retry_types,
    "backoff_ms": _DURATION,
    "kills_max": check.uint(m.KILLS_MAX, 1),
    "dedup_key": check.opaque(m.DEDUP_KEY_BYTES_MAX),
    "dedup_ms": _DURATION,
    "group": _KEY,
    "fair_key": _KEY,
    "session": _KEY,
    "session_mode": check.choice("hint", "strict_queue", "strict_fail_fast"),
    "run_ms": check.uint(m.DURATION_MS_MAX, 1),
    "credit": check.uint(m.CREDIT_MAX, 1),
    "again": check.boolean,
}
TASK_OPTIONS: dict[str, Check] = {
    "content_type": check.content_type,
    "headers": _HEADERS,
    "stream": check.boolean,
    "progress": check.boolean,
    "deadline_ms": _DURATION,
    "origin": check.blob(m.ORIGIN_BYTES_MAX),
    "session": _KEY,
    "credit": check.uint(m.CREDIT_MAX, 1),
    "run_ms": check.uint(m.DURATION_MS_MAX, 1),
}
INFO: dict[str, Check] = {
    "content_type": check.content_type,
    "attempt": check.uint(ATTEMPT_MAX, 1),
    "chunks": check.uint(),
    "worker": check.uint(),
    "queue_us": check.uint(),
    "run_us": check.uint(),
}
DETAILS: dict[str, Check] = {
    "type": check.text(m.ERROR_TYPE_BYTES_MAX),
    "traceback": check.text(m.TRACEBACK_BYTES_MAX),
    "retry_after_ms": check.uint(),
    "attempt": check.uint(ATTEMPT_MAX, 1),
    "limit": check.text(64),
    "limit_bytes": check.uint(),
    "protocols": check.str_array,
    "field": check.text(255),
    "offset": check.uint(),
    "final": check.text(64),
}
CANCEL_FACTS: dict[str, Check] = {"raise": check.boolean}
CREDIT_FACTS: dict[str, Check] = {"attempt": check.uint(ATTEMPT_MAX, 1)}
STOP_FACTS: dict[str, Check] = {
    "reason": check.text(m.ERROR_TEXT_BYTES_MAX),
    "grace_ms": check.uint(),
}
REPLACE_FACTS: dict[str, Check] = {"reason": check.text(m.ERROR_TEXT_BYTES_MAX), "first": check.boolean}
RETIRE_FACTS: dict[str, Check] = {
    "kill": check.boolean,
    "grace_ms": check.uint(),
    "reason": check.text(m.ERROR_TEXT_BYTES_MAX),
}
EXITED_FACTS: dict[str, Check] = {
    "cause": check.choice("exit", "signal", "oom", "start_failed", "no_memory"),
    "status": check.uint(),
    "replaces": check.uint(),
    "text": check.text(m.CONTROL_BYTES_MAX),
}
POOL_FACTS: dict[str, Check] = {
    "state": check.choice("ok", "failed"),
    "wanted": check.uint(2**32 - 1),
    "changed": check.boolean,
    "reason": check.text(m.ERROR_TEXT_BYTES_MAX),
}
