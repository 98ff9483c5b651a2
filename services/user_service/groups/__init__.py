"""Study groups and who belongs to them, with which role.

Owns the tables `groups` and `group_members`. Answers other services' membership questions, fresh on
every call. Does not own what a group plans (schedule_service does). No events go in or out.
"""
