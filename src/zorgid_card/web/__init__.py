"""The reference portal in a browser: pages and wiring, no rule."""
