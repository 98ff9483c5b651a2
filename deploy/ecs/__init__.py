"""UniSync on AWS: the CloudFormation templates, and the programs that write some of them and deploy all of them.

Names come from `processes.py`, `shared/events/routes.py` and the settings classes; tests hold the templates to them.
Nothing here is part of an image. README.md has the one path from a clean account to a running system.
"""
