"""TOML documents."""
