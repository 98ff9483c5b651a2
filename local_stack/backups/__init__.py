"""Backups of the three schemas as files, and their restoration with proof that nothing differs (O-06).

For the local stack, and for any MySQL server whose own backups cannot be used; RDS makes its own (docs/runbook.md).
"""
