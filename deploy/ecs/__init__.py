"""UniSync on AWS: the CloudFormation templates, and the programs that write some of them and deploy all of them.

`processes`, `events` of shared and the settings classes are where names come from; tests hold the templates to them.
Nothing here is part of an image but `database_users`.
"""
