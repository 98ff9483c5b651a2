"""Measures what the system promises about speed; each benchmark prints ratios and is never part of the test run.

Run one by its name, such as `python -m benchmarks.canvas_sync`, or all by `make bench`.
"""
