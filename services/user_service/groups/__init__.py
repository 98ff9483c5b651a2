"""Study groups and who belongs to them, with which role.

Owns the tables `groups` and `group_members`: a group has exactly one OWNER, its creator. Whatever
changes a group or its members locks the group's row first. Answers other services' membership
questions, fresh on every call. Does not own what a group plans: schedule_service does, and deletes it
before the group goes. No events go in or out.
"""
