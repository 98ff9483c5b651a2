"""What travels on the queues: the route table, the shapes of the events, their schemas and one sample of each.

Plain data: no database, no HTTP, no AWS. Producers build these shapes, consumers read them. An incompatible
change is a new event type: consumers leave types they do not know for the dead-letter queue.
"""
