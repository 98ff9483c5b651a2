"""Publishes one OpenAPI document of everything callers can reach, made of the services' own documents.

Owns how the three become one: gateway paths, names of components, who needs a token, and the answers that the
gateway itself gives. Does not own what an endpoint takes or answers: that is written where it is served.
Events out: none. Events in: none.
"""
