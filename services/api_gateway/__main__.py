"""Starts the gateway: `python -m services.api_gateway`."""

from services.api_gateway.main import main

# Workers import this module, too.
if __name__ == "__main__":
    main()
