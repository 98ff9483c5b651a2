"""Each student's lock and snapshot clock.

Owns the row that makes changes to one student's view happen one after another, and the strictly
increasing `snapshotAt`. Knows nothing else about students. No events.
"""
