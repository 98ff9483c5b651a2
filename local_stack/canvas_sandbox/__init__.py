"""A Canvas LMS that runs on loopback: the REST calls a student's client makes, with the real one's limits and refusals.

Owns a made-up semester, students with tokens, the throttling bucket, pages, faults on request and the control
API under `/_sandbox`. Does not keep anything: every start is a fresh semester around today. Writes through the
Canvas API, OAuth2, files and the planner are not there. No events go in or out.
"""
