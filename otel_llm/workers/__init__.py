"""Several processes as one gateway: workers, which do what a single process does, and a supervisor beside them.

    supervisor   reads and checks configs, holds the ports, keeps a process running for each worker, answers for all of
                 them: health, metrics, systemd. No telemetry passes through it.
    worker       a host of its own, with its own journal and its own event loop. It listens on the ports that the
                 supervisor holds (`SO_REUSEPORT`): the kernel gives each of them its share of new connections.

Between them is a socket pair with a JSON object a line, see `messages`. Its end is the end of the worker, too.
"""

from otel_llm.workers.supervisor import Supervisor

__all__ = ["Supervisor"]
