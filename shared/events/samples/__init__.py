"""One real message of each event type; producers' tests must equal it, consumers' tests start from it."""
