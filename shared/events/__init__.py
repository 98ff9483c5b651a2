"""What travels on the queues: the route table, the shapes of the events and one sample of each.

Plain data: no database, no HTTP, no AWS. Producers build these shapes, consumers read them.
"""
