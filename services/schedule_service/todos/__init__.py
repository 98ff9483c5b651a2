"""Todos: steps with dates and progress, in trees, personal or of a group, on their own or below a schedule.

Owns the table `todos`, how todos are read and written, and how status and progress depend on each other
up to the root of a tree. Does not know who is in a group or what a schedule says. No events.
"""
