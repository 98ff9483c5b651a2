"""Who is calling: the identity header the gateway sets and the key of service-to-service calls.

Does not verify tokens; that is the gateway's work.
"""
