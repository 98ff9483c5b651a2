"""The whole system on one machine, without Docker, an AWS account or a Canvas institution.

Owns starting and ending the parts and the stand-ins for outside systems. Holds no business rule and is never
deployed. Events neither come in nor go out here: the parts exchange them as they do on AWS.
"""
