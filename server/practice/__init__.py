"""Desktops that reach one practice site: `demo` runs the demo, `places` serves the scenarios."""
