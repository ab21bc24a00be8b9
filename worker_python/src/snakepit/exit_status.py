"""The exit statuses of snakepit-worker; docs/man/snakepit-worker.1 says the same to users."""

from __future__ import annotations

import signal

EXIT_OK = 0  # it ended in good order
EXIT_USAGE = 2  # wrong arguments
EXIT_IMPORT = 3  # the app could not be imported or set up, or must not run in threads
EXIT_REFUSED = 4  # the broker refused this worker
EXIT_GIL = 5  # the GIL is on, and free threading is required
EXIT_THREADS = 6  # a nursery must not fork: the app started threads
EXIT_FAULT = 70  # a fault of the worker itself
EXIT_SIGNALLED = 128 + signal.SIGTERM  # a second signal, or the end of its time, with a task unfinished
