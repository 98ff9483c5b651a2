"""How much of the database's own speed a list keeps on its way through the service and HTTP."""
