"""A worker process for tests, to be killed: `raw_worker.py ENDPOINT POOL SLOTS`.

Functions: `echo` gives back the payload; `hang` answers nothing; `last_words` answers and ends the process at once.
It says one line on stdout for each task that it gets: the function's name."""

import os
import sys

import zmq

from raw_peer import HEARTBEAT, RESULT, TASK, RawWorker


def main():
    endpoint, pool, slots = sys.argv[1], sys.argv[2], int(sys.argv[3])
    worker = RawWorker(endpoint)
    welcome = worker.hello(pool=pool, slots=slots, name="raw")
    heartbeat_ms = welcome[2]["heartbeat_ms"]
    print("ready", flush=True)
    while True:
        if not worker.inbox and not worker.socket.poll(heartbeat_ms):
            worker.send([HEARTBEAT, {}])
            continue
        task = worker.expect(TASK, bound=3600)
        function = task[3]
        print(function, flush=True)
        if function == "echo":
            worker.send([RESULT, task[1], task[4]])
        elif function == "last_words":
            worker.socket.linger = -1
            worker.send([RESULT, task[1], task[4]])
            worker.socket.close()
            worker.context.term()
            os._exit(0)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, zmq.ContextTerminated):
        pass
