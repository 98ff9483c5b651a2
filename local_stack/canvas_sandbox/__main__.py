"""Starts the sandbox: `python -m local_stack.canvas_sandbox`."""

from local_stack.canvas_sandbox.main import run

run()
