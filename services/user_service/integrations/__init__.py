"""How students are connected to Canvas: their sealed token, and their synchronisations, one at a time.

Owns the tables `credentials` and `sync_runs`. Gives tokens in clear only to functions that present the
key. Does not read courses or assignments: it invokes the canvas_sync function, or lets it claim a run,
and keeps how runs ended. No events go in or out.
"""
