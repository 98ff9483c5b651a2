"""The deployed services, one package each; they never import each other.

Owns the gateway and the services behind it. Does not own the functions (`lambdas/`) or mechanisms
that several of them use (`shared/`). What crosses a border is an event or an HTTP call of the contract.
"""
