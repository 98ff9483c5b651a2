"""Schedules: what stands in the planner, made by hand, by a group, or out of a Canvas assignment.

Owns the table `schedules`, how it is read, and how Canvas schedules are found, written and removed. Which
of them should exist is decided in `sync`. No events of its own.
"""
