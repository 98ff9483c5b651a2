"""The functions that run on AWS Lambda, each deployable on its own.

Owns nothing itself: every function has its room below. Functions import `shared`, never each other or a service.
"""
