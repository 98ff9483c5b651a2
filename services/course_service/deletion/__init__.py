"""The end of a student's account: everything about the student goes, and late messages bring nothing back.

Owns no rows; it puts the rooms' rules in order in one transaction. Called by user_service until it
succeeds. Events out, through the outbox: orders for snapshots of those who saw what went.
"""
