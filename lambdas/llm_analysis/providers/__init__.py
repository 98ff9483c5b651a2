"""Who proposes steps: `outline` from the description's own structure, or a language model.

Owns the interface, the prompt, the one repair and each vendor's way to be called. Does not own what makes a
proposal acceptable, the budget or where steps go. No events go in or out.
"""
