"""Who may read and write what: asks user_service about groups, on every request anew.

Owns the permission rules and the client to user_service. Owns no table: groups and their members
belong to user_service. No events.
"""
