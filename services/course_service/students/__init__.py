"""Each student's lock and snapshot clock, and who is deleted.

Owns the row that makes changes to one student's view happen one after another, the strictly
increasing `snapshotAt`, and the ids of deleted students, for whom no lock is given any more. Knows
nothing else about students. No events.
"""
