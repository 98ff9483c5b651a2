"""The Canvas REST API as one student may use it: courses and assignments, all pages, within the allowance.

Owns transport, allowance, page links, tolerant reading and the errors of Canvas. Does not know what becomes of the
answers, where a token comes from or that queues exist. No events go in or out.
"""
