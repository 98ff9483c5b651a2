"""What others must still forget: the data of groups and accounts that are gone here.

Owns the table `pending_deletions`: written in the transaction that deletes, tried at once, and worked
off in the background until course_service, schedule_service and the user pool have done their part.
Does not decide what is deleted (rooms `groups` and `accounts`). No events go in or out.
"""
