"""Recurrence: which rules a schedule may repeat by, and when its occurrences are.

Owns the reading of RRULEs, their bounded expansion and their zones; no table. Doors and other rooms call in.
No events.
"""
