"""How UniSync reaches AWS: what goes into images, and `ecs`, the infrastructure they run on.

Holds programs for whoever builds and deploys; no deployable imports it.
"""
