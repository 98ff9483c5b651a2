"""How fast synchronisations become rows, beside a raw loop that writes the same ones."""
