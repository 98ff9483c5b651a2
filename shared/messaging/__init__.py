"""How messages are sent, received and kept from being lost: publisher, consumer, outbox relay, queue set-up.

Does not know what a message means: handlers are passed in, shapes live in `shared.events`.
"""
