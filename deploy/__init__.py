"""How UniSync reaches AWS: what goes into images, the database's users, and `ecs`, the infrastructure.

Holds programs for whoever builds and deploys; no deployable imports it.
"""
