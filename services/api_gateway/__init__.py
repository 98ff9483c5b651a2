"""The front door: checks who is calling, forwards to the owner of the route, and nothing else.

Owns the routing table, path spelling, token checks, identity headers, CORS and the API page. Does not
own any business rule or table, and never looks into a body.
Events out: none. Events in: none.
"""
