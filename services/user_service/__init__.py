"""user_service: who the students are, who they know, and how they are connected to Canvas.

Owns user_db: users, friendships, groups and sealed Canvas credentials. Starts synchronisations by
invoking the canvas_sync function. Does not own passwords (the Cognito user pool does), courses or
schedules. No events go in or out.
"""
