"""``python -m bench.load``: a process of load clients (``worker.py``)."""

import uvloop

from bench.load.worker import run

uvloop.run(run())
