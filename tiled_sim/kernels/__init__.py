"""The sum over steps: what every pixel costs and is."""
