"""The end of a group or an account: everything of it goes, and late messages bring nothing back.

Owns no rows; it puts the rooms' rules in order in one transaction. user_service calls in, and again until
it succeeds. No events.
"""
