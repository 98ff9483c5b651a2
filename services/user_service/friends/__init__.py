"""Who knows whom: requests, friendships and blocks.

Owns the table `friendships`, whose rows have a direction: an accepted friendship is two rows, a
request and a block are one each. Whatever changes what is between two people locks both of them
first, so that both sides of a race see each other. Does not own the people (room `users`). No events
go in or out.
"""
