"""How students are connected to Canvas: their sealed token, and starting a synchronisation.

Owns the table `credentials`. Gives tokens in clear only to functions that present the key. Does not
read courses or assignments: it invokes the canvas_sync function and hands its counts on. No events
go in or out.
"""
