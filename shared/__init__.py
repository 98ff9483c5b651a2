"""Mechanisms and contracts that at least two deployables use; the guest list is in README.md.

Owns event contracts, the queue consumer, publisher and outbox, units of work on the database,
settings, logging and the web shell of a service. Does not own business rules, service tables or
anything only one deployable needs.
"""
