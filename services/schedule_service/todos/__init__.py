"""Todos: the steps below a schedule, in trees of any depth.

Owns the table `todos` and how the trees of one schedule are read. Writing and the todo endpoints follow
with the rest of the REST contract. No events.
"""
