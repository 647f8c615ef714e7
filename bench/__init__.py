"""What the gateway costs, beside nginx and a bare aiohttp relay. See README.md."""
