"""Schedules: what stands in the planner, made by hand, by a group, or out of a Canvas assignment.

Owns the table `schedules`, how it is read and written, and how Canvas schedules are found, written and
removed. Which of those should exist is decided in `sync`, which rules they may recur by in `recurrence`.
No events of its own.
"""
